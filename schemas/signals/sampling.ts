import type { Measure } from './measure.ts'
import { attribute } from './sql.ts'

/** 2^56: thresholds are 56 bits. */
const ALL = '72057594037927936'
/** A weight beyond this is taken for damage. */
const MOST = '1e6'

const THRESHOLD = String.raw`extract(TraceState, '(?:^|,)\\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})')`
const POWER = String.raw`extract(TraceState, '(?:^|,)\\s*ot=(?:[^,]*;)?p:([0-9]{1,2})')`
const RATE = attribute('SpanAttributes', 'SampleRate', 'sampleRate')
const KEPT = "SpanAttributes['_sample_rate']"

/**
 * Float64 SQL: how many spans a span stands for, >= 1; 1 where nothing says so. Read are, in this order: the threshold of OpenTelemetry's consistent
 * probability sampling (`ot=th:` in the trace state, "TraceState: Probability Sampling"), its earlier form (`ot=p:`, a power of two), `SampleRate` or `sampleRate`
 * (one in so many: Honeycomb and Refinery; both spellings as honeycombio/husky, otlp/common.go, `getSampleRateKey`), and `_sample_rate` (the share that was
 * kept, in (0, 1]: Datadog's agent, pkg/trace/stats/weight.go).
 *
 * Not read, since they are no weights: `sampling.priority` (OpenTracing's semantic conventions: a wish that a trace be kept or not; the Collector's
 * probabilistic sampler then keeps all of it, and corrects `th`), Datadog's `_dd.rule_psr`, `_dd.limit_psr` and `_dd.agent_psr` (what a sampler was set to; traces that it turned
 * down are sent too), AWS X-Ray (its rules' rates are not in the spans).
 */
export const WEIGHT = `least(${MOST}, multiIf(${THRESHOLD} != '', ${ALL} / (${ALL} - reinterpretAsUInt64(reverse(unhex(rightPad(${THRESHOLD}, 14, '0'))))), ${POWER} != '', exp2(toUInt8OrZero(${POWER})), ${RATE} != '', greatest(1., toFloat64OrZero(${RATE})), toFloat64OrZero(${KEPT}) > 0 AND toFloat64OrZero(${KEPT}) < 1, 1 / toFloat64OrZero(${KEPT}), 1.))`

/** What is missing of a measure of spans: of each span that stands for several, the others. */
export function missingSpans(of: Measure): Measure {
  return {
    id: `${of.id}.unsampled`,
    weightOf: of.id,
    source: 'otel_traces',
    cells: 'signal_1m',
    selector: `(TraceState LIKE '%ot=%' OR ${RATE} != '' OR ${KEPT} != '') AND ${of.selector} AND ${WEIGHT} > 1`,
    dimension: "''",
    value: `${WEIGHT} - 1`,
    ...(of.traffic === undefined ? {} : { traffic: of.traffic }),
  }
}
