import { createHash } from 'node:crypto'
import { bucketSql } from '../histogram.ts'
import type { Measure, Source } from './measure.ts'
import { conventional } from './semantic-conventions.ts'
import { attribute, sqlString } from './sql.ts'
import { SHAPES } from './stream-histogram.ts'

/** A materialized view that fills a rollup from a raw table. */
export interface RollupView {
  readonly name: string
  readonly measure: string
  readonly create: string
  /** Of the definition: a view whose checksum differs is made anew. */
  readonly checksum: string
}

const ENVIRONMENT = conventional('ResourceAttributes', 'deployment.environment.name')
const VERSION = "ResourceAttributes['service.version']"

/** What each series is keyed by; used by the views and by readers of the raw tables, so that both agree. */
export const SERIES_SQL = {
  service: 'ServiceName',
  environment: `if(${ENVIRONMENT} = '', 'default', ${ENVIRONMENT})`,
  version: `if(${VERSION} = '', 'unknown', ${VERSION})`,
  instance: attribute('ResourceAttributes', 'service.instance.id', 'host.name'),
} as const

/** The column of a raw table that says when. */
export function timeColumn(source: Source): 'Timestamp' | 'TimeUnix' {
  return source === 'otel_logs' || source === 'otel_traces' ? 'Timestamp' : 'TimeUnix'
}

/** The views of all measures. */
export function rollupViews(measures: Iterable<Measure>): readonly RollupView[] {
  return [...measures].map((measure) => {
    const name = `${measure.cells}_mv_${measure.id.replaceAll('.', '_')}`
    const select = rollupSelect(measure)
    return {
      name,
      measure: measure.id,
      create: `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} TO ${measure.cells} AS\n${select}`,
      checksum: createHash('sha256').update(select).digest('hex'),
    }
  })
}

/** The rollup rows of one measure, as the view inserts them; also what a recount compares with. */
export function rollupSelect(measure: Measure): string {
  const keys = {
    time: `toStartOfMinute(${measure.time ?? timeColumn(measure.source)})`,
    ...SERIES_SQL,
    measure: sqlString(measure.id),
    dimension: `toString(${measure.dimension})`,
  }
  switch (measure.cells) {
    case 'signal_1m':
      return signalSelect(measure, { ...keys, traffic: measure.traffic ?? "'users'" })
    case 'counter_1m':
      return counterSelect(measure, keys)
    case 'histogram_1m':
      return histogramSelect(measure, keys)
    case 'session':
      return sessionSelect(measure)
    case 'exception_1m':
      return exceptionSelect(measure, keys)
  }
}

function signalSelect(measure: Measure, keys: Record<string, string>): string {
  const value = measure.value === undefined ? undefined : `toFloat64(${measure.value})`
  // NaN and infinities would poison sums for ever; the raw table keeps them.
  const selector = value === undefined ? measure.selector : `(${measure.selector}) AND isFinite(${value})`
  return select(measure, selector, keys, {
    count: 'count()',
    bad: measure.bad === undefined ? '0' : `countIf(${measure.bad})`,
    sum: value === undefined ? '0' : `sum(${value})`,
    sum_squares: value === undefined ? '0' : `sum(${value} * ${value})`,
    min: value === undefined ? '0' : `min(${value})`,
    max: value === undefined ? '0' : `max(${value})`,
    histogram:
      value !== undefined && measure.histogram === true
        ? `sumMap(map(${bucketSql(value)}, toUInt64(1)))`
        : "CAST(map(), 'Map(Int16, UInt64)')",
  })
}

/** What tells the streams of a metric apart (OpenTelemetry metrics data model, "Opaque model: timeseries"). */
const STREAM = 'cityHash64(ResourceAttributes, ScopeName, MetricName, Attributes)'

function counterSelect(measure: Measure, keys: Record<string, string>): string {
  const value = `toFloat64(${measure.value ?? '0'})`
  return select(
    measure,
    measure.selector,
    {
      ...keys,
      stream: STREAM,
      start_time: 'StartTimeUnix',
    },
    {
      first: `argMinState(${value}, TimeUnix)`,
      last: `argMaxState(${value}, TimeUnix)`,
      first_time: 'min(TimeUnix)',
      last_time: 'max(TimeUnix)',
    },
  )
}

function histogramSelect(measure: Measure, keys: Record<string, string>): string {
  const { selector, scale, zero, buckets } = SHAPES[measure.buckets ?? 'explicit']
  const isDelta = 'AggregationTemporality = 1'
  const point = `CAST((Count, Sum, ${scale}, ${zero}, ${buckets}), 'Tuple(count UInt64, sum Float64, scale Int32, zero UInt64, buckets Map(Int32, UInt64))')`
  return select(
    measure,
    `(${measure.selector}) AND ${selector} AND AggregationTemporality IN (1, 2) AND bitAnd(Flags, 1) = 0`,
    {
      ...keys,
      temporality: 'toInt8(AggregationTemporality)',
      stream: STREAM,
      // Deltas need neither: they add up whatever their start.
      start_time: `if(${isDelta}, toDateTime64(0, 9), StartTimeUnix)`,
      scale: `if(${isDelta}, ${scale}, 0)`,
    },
    {
      first: `argMinState(${point}, TimeUnix)`,
      last: `argMaxState(${point}, TimeUnix)`,
      first_time: 'min(TimeUnix)',
      last_time: 'max(TimeUnix)',
      count: `sumIf(Count, ${isDelta})`,
      sum: `sumIf(Sum, ${isDelta})`,
      zero: `sumIf(${zero}, ${isDelta})`,
      buckets: `sumMap(if(${isDelta}, ${buckets}, CAST(map(), 'Map(Int32, UInt64)')))`,
    },
  )
}

function sessionSelect(measure: Measure): string {
  return select(
    measure,
    measure.selector,
    {
      service: SERIES_SQL.service,
      environment: SERIES_SQL.environment,
      version: SERIES_SQL.version,
      measure: sqlString(measure.id),
      id: `cityHash64(${measure.value ?? "''"})`,
    },
    {
      first_time: 'min(toDateTime(Timestamp))',
      last_time: 'max(toDateTime(Timestamp))',
      crashed: `max(toUInt8(${measure.bad ?? '0'}))`,
    },
  )
}

/** Spans that are told apart in a minute: enough for all but storms, and a bound on the rows of those. */
const SPANS = 63

function exceptionSelect(measure: Measure, { measure: _, ...keys }: Record<string, string>): string {
  const bad = measure.bad === undefined ? '0' : `countIf(${measure.bad})`
  const isLog = measure.source === 'otel_logs'
  return select(
    measure,
    measure.selector,
    {
      ...keys,
      says: `cityHash64(${measure.value ?? "''"})`,
      span: `if(TraceId = '' OR SpanId = '', 0, toUInt8(1 + cityHash64(TraceId, SpanId) % ${SPANS}))`,
    },
    {
      events: isLog ? '0' : 'count()',
      logs: isLog ? 'count()' : '0',
      bad_events: isLog ? '0' : bad,
      bad_logs: isLog ? bad : '0',
    },
  )
}

function select(
  measure: Measure,
  selector: string,
  keys: Record<string, string>,
  values: Record<string, string>,
): string {
  const columns = Object.entries({ ...keys, ...values }).map(([name, sql]) => `    ${sql} AS ${name}`)
  return [
    'SELECT',
    columns.join(',\n'),
    `FROM ${measure.source}`,
    ...(measure.arrayJoin === undefined ? [] : [`ARRAY JOIN ${measure.arrayJoin}`]),
    `WHERE ${measure.metrics === undefined ? '' : `MetricName IN (${measure.metrics.map(sqlString).join(', ')}) AND `}${measure.metrics === undefined ? selector : `(${selector})`}`,
    `GROUP BY ${Object.keys(keys).join(', ')}`,
  ].join('\n')
}
