import type { Measure } from './measure.ts'

/** 2^56: thresholds are 56 bits. */
const ALL = '72057594037927936'
/** A weight beyond this is taken for damage. */
const MOST = '1e6'

const THRESHOLD = String.raw`extract(TraceState, '(?:^|,)\\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})')`
const POWER = String.raw`extract(TraceState, '(?:^|,)\\s*ot=(?:[^,]*;)?p:([0-9]{1,2})')`
const RATE = "SpanAttributes['SampleRate']"

/**
 * Float64 SQL: how many spans a span stands for, >= 1; 1 where nothing says so. Read are, in this order: the threshold of OpenTelemetry's consistent
 * probability sampling (`ot=th:` in the trace state, "TraceState: Probability Sampling"), its earlier form (`ot=p:`, a power of two), and `SampleRate`
 * (Honeycomb and Refinery: one in so many).
 */
export const WEIGHT = `least(${MOST}, multiIf(${THRESHOLD} != '', ${ALL} / (${ALL} - reinterpretAsUInt64(reverse(unhex(rightPad(${THRESHOLD}, 14, '0'))))), ${POWER} != '', exp2(toUInt8OrZero(${POWER})), greatest(1., toFloat64OrZero(${RATE}))))`

/** What is missing of a measure of spans: of each span that stands for several, the others. */
export function missingSpans(of: Measure): Measure {
  return {
    id: `${of.id}.unsampled`,
    weightOf: of.id,
    source: 'otel_traces',
    cells: 'signal_1m',
    selector: `(TraceState LIKE '%ot=%' OR ${RATE} != '') AND ${of.selector} AND ${WEIGHT} > 1`,
    dimension: "''",
    value: `${WEIGHT} - 1`,
    ...(of.traffic === undefined ? {} : { traffic: of.traffic }),
  }
}
