import { createHash } from 'node:crypto'
import { bucketSql } from '../histogram.ts'
import type { SourceTable } from '../source/probe.ts'
import { boundedSql, isBounded } from './bounded-dimension.ts'
import type { Measure, Source } from './measure.ts'
import { conventional } from './semantic-conventions.ts'
import { attribute, sqlString } from './sql.ts'
import { shapeOf } from './stream-histogram.ts'

/** A materialized view that fills a rollup from a raw table. */
export interface RollupView {
  readonly name: string
  readonly measure: string
  /** The user's table that it reads, as `database.table`; '': Postflight's own. */
  readonly source: string
  /**
   * @param since seconds since the epoch: earlier rows are left to the backfill; 0: none are
   * @param database Postflight's: who inserts into the user's tables may be in another
   */
  create(since: number, database: string): string
  /** Of the definition: a view whose checksum differs is made anew. */
  readonly checksum: string
}

/** Which rows a rollup is counted from; absent: all of Postflight's own. */
export interface CountedRows {
  /** A user's table. */
  readonly source?: SourceTable
  /** Seconds since the epoch, from inclusive to exclusive. */
  readonly since?: number
  readonly until?: number
  /** Column `origin` of the cells: {@link liveOrigin} or {@link historyOrigin}; absent: its default. */
  readonly origin?: string
  /** Where the values that dimensions keep are looked up; absent: the session's database. */
  readonly database?: string
}

/** Of cells that views count as rows come in. @param source `database.table`; '': Postflight's own */
export function liveOrigin(source: string): string {
  return source
}

/** Of cells that are counted afterwards: kept apart, so that they can be counted anew. @param table the raw table */
export function historyOrigin(table: string): string {
  return `${table}:history`
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

/** The views of all measures, on Postflight's own tables and on the user's. */
export function rollupViews(
  measures: Iterable<Measure>,
  sources: readonly SourceTable[] = [],
): readonly RollupView[] {
  return [...measures].flatMap((measure) => [
    rollupView(measure),
    ...sources.filter(({ kind }) => kind === measure.source).map((source) => rollupView(measure, source)),
  ])
}

function rollupView(measure: Measure, source?: SourceTable): RollupView {
  const ending = source === undefined ? '' : `_from_${source.name.replace('.', '_')}`
  const name = `${measure.cells}_mv_${measure.id.replaceAll('.', '_')}${ending}`
  const rows: CountedRows = source === undefined ? {} : { source, origin: liveOrigin(source.name) }
  return {
    name,
    measure: measure.id,
    source: source?.name ?? '',
    create: (since, database) =>
      `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} TO ${measure.cells} AS\n${rollupSelect(measure, { ...rows, ...(since === 0 ? {} : { since }), database })}`,
    checksum: createHash('sha256').update(rollupSelect(measure, rows)).digest('hex'),
  }
}

/**
 * The rollup rows of one measure, as the view inserts them; also what a recount compares with. Values beyond those that a dimension keeps become
 * `(other)` after rows are added up, so there may be several rows of one key: they are to be aggregated like those of a table.
 */
export function rollupSelect(measure: Measure, rows: CountedRows = {}): string {
  return rollupRows(measure, rows).sql
}

export interface RollupRows {
  /** Of the cells' table, in the order of the statement. */
  readonly columns: readonly string[]
  readonly sql: string
}

/** {@link rollupSelect} with the names of its columns, for an insert. */
export function rollupRows(measure: Measure, rows: CountedRows = {}): RollupRows {
  const keys = {
    time: `toStartOfMinute(${timeSql(measure)})`,
    ...SERIES_SQL,
    measure: sqlString(measure.id),
    dimension: `toString(${measure.dimension})`,
    ...(rows.origin === undefined ? {} : { origin: sqlString(rows.origin) }),
  }
  const all = cellRows(measure, keys, rows)
  return isBounded(measure) ? { ...all, sql: boundedSql(measure, all, rows.database) } : all
}

function cellRows(measure: Measure, keys: Record<string, string>, rows: CountedRows): RollupRows {
  switch (measure.cells) {
    case 'signal_1m':
      return signalSelect(measure, { ...keys, traffic: measure.traffic ?? "'users'" }, rows)
    case 'counter_1m':
      return counterSelect(measure, keys, rows)
    case 'histogram_1m':
      return histogramSelect(measure, keys, rows)
    case 'session':
      return sessionSelect(measure, rows)
    case 'exception_1m':
      return exceptionSelect(measure, keys, rows)
  }
}

/** How many raw rows each value of a measure's dimension has, before any bound: columns service, dimension and records. */
export function dimensionRecords(measure: Measure, rows: CountedRows): string {
  const keys = { service: SERIES_SQL.service, dimension: `toString(${measure.dimension})` }
  return select(measure, rows, measure.selector, keys, { records: 'count()' }).sql
}

/** DateTime64(9) SQL: when a row happened. */
function timeSql(measure: Measure): string {
  return measure.time ?? timeColumn(measure.source)
}

function signalSelect(measure: Measure, keys: Record<string, string>, rows: CountedRows): RollupRows {
  const value = measure.value === undefined ? undefined : `toFloat64(${measure.value})`
  // NaN and infinities would poison sums for ever; the raw table keeps them.
  const selector = value === undefined ? measure.selector : `(${measure.selector}) AND isFinite(${value})`
  return select(measure, rows, selector, keys, {
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

function counterSelect(measure: Measure, keys: Record<string, string>, rows: CountedRows): RollupRows {
  const value = `toFloat64(${measure.value ?? '0'})`
  return select(
    measure,
    rows,
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

function histogramSelect(measure: Measure, keys: Record<string, string>, rows: CountedRows): RollupRows {
  const { selector, scale, zero, buckets } = shapeOf(measure.buckets ?? 'explicit', measure.factor)
  const total = measure.factor === undefined ? 'Sum' : `Sum * ${measure.factor}`
  const isDelta = 'AggregationTemporality = 1'
  const point = `CAST((Count, ${total}, ${scale}, ${zero}, ${buckets}), 'Tuple(count UInt64, sum Float64, scale Int32, zero UInt64, buckets Map(Int32, UInt64))')`
  return select(
    measure,
    rows,
    `(${measure.selector}) AND ${selector} AND AggregationTemporality IN (1, 2) AND bitAnd(Flags, 1) = 0`,
    {
      ...keys,
      temporality: 'toInt8(AggregationTemporality)',
      stream: STREAM,
      // Deltas need neither: they add up whatever their start.
      start_time: `if(${isDelta}, toDateTime64(0, 9), StartTimeUnix)`,
      scale: `if(${isDelta}, ${scale}, 0)`,
      bad: `toBool(${measure.bad ?? 'false'})`,
    },
    {
      first: `argMinState(${point}, TimeUnix)`,
      last: `argMaxState(${point}, TimeUnix)`,
      first_time: 'min(TimeUnix)',
      last_time: 'max(TimeUnix)',
      count: `sumIf(Count, ${isDelta})`,
      sum: `sumIf(${total}, ${isDelta})`,
      zero: `sumIf(${zero}, ${isDelta})`,
      buckets: `sumMap(if(${isDelta}, ${buckets}, CAST(map(), 'Map(Int32, UInt64)')))`,
    },
  )
}

function sessionSelect(measure: Measure, rows: CountedRows): RollupRows {
  return select(
    measure,
    rows,
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

function exceptionSelect(
  measure: Measure,
  { measure: _, ...keys }: Record<string, string>,
  rows: CountedRows,
): RollupRows {
  const bad = measure.bad === undefined ? '0' : `countIf(${measure.bad})`
  const isLog = measure.source === 'otel_logs'
  return select(
    measure,
    rows,
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
  { source, since, until }: CountedRows,
  selector: string,
  keys: Record<string, string>,
  values: Record<string, string>,
): RollupRows {
  const columns = { ...keys, ...values }
  const [from, to] = [since, until].map((seconds) => (seconds === undefined ? undefined : instant(seconds)))
  // What a measure takes from within a span is at most a day later than the span: so much is looked at besides.
  const rowsFrom =
    since === undefined ? undefined : instant(measure.time === undefined ? since : since - 86_400)
  const isSpan = rowsFrom !== undefined && to !== undefined
  const conditions = [
    ...(measure.metrics === undefined
      ? []
      : [`MetricName IN (${measure.metrics.map(sqlString).join(', ')})`]),
    ...(from === undefined ? [] : [`${timeSql(measure)} >= ${from}`]),
    ...(to === undefined ? [] : [`${timeSql(measure)} < ${to}`]),
    ...(isSpan && measure.time !== undefined
      ? [`${timeColumn(measure.source)} >= ${rowsFrom}`, `${timeColumn(measure.source)} < ${to}`]
      : []),
  ]
  const sql = [
    'SELECT',
    Object.entries(columns)
      .map(([name, value]) => `    ${value} AS ${name}`)
      .join(',\n'),
    `FROM ${source === undefined ? measure.source : source.from(isSpan ? source.within(rowsFrom, to) : undefined)}`,
    ...(measure.arrayJoin === undefined ? [] : [`ARRAY JOIN ${measure.arrayJoin}`]),
    `WHERE ${[...conditions, conditions.length === 0 ? selector : `(${selector})`].join(' AND ')}`,
    `GROUP BY ${Object.keys(keys).join(', ')}`,
  ].join('\n')
  return { columns: Object.keys(columns), sql }
}

/** DateTime64(9) SQL of a moment. @param seconds since the epoch */
export function instant(seconds: number): string {
  return `toDateTime64(${seconds}, 9)`
}
