import { bucketSql } from '../histogram.ts'
import { sha256 } from '../sha256.ts'
import type { SourceTable } from '../source/probe.ts'
import { boundedSql, boundOf, isBounded } from './bounded-dimension.ts'
import type { Measure, Source } from './measure.ts'
import { conventional } from './semantic-conventions.ts'
import { attribute, sqlString } from './sql.ts'
import { shapeOf } from './stream-histogram.ts'
import { keepsStreams } from './stream-level.ts'

/** What is counted from one raw table: as the ledger `rollup_views` keeps it. */
export interface Counted {
  /** In the ledger. */
  readonly name: string
  readonly measure: Measure
  /** The user's table, as `database.table`; '': Postflight's own. */
  readonly source: string
  /** Of what is counted: a measure whose checksum differs was changed. */
  readonly checksum: string
}

/** A materialized view that fills a rollup from a raw table. */
export interface RollupView {
  readonly name: string
  readonly counts: readonly Counted[]
  /**
   * Its SELECT.
   * @param since seconds since the epoch: earlier rows are left to the backfill; 0: none are
   * @param database Postflight's: who inserts into the user's tables may be in another
   */
  select(since: (counted: Counted) => number, database: string): string
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
  /** True: what is kept of them is what was decided for the past. */
  readonly history?: boolean
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

/**
 * The views of all measures, on Postflight's own tables and on the user's. Each view costs its own part, and that of the hours behind it, in every insert: so
 * what is counted from one table of Postflight's into one table of cells has one view. A user's tables have one a measure, since a view that is made
 * anew misses what others insert meanwhile.
 */
export function rollupViews(
  measures: Iterable<Measure>,
  sources: readonly SourceTable[] = [],
): readonly RollupView[] {
  const together = new Map<string, Counted[]>()
  const alone: RollupView[] = []
  for (const measure of measures) {
    const own = countedFrom(measure)
    if (measure.arrayJoin === undefined && measure.time === undefined) {
      const name = `${measure.cells}_mv_${measure.source}`
      together.set(name, [...(together.get(name) ?? []), own])
    } else alone.push(viewOf(own))
    for (const source of sources)
      if (source.kind === measure.source) alone.push(viewOf(countedFrom(measure, source), source))
  }
  return [
    ...[...together].map(([name, counts]) => ({
      name,
      counts,
      select: (since: (counted: Counted) => number, database: string) =>
        togetherRows(
          counts.map((counted) => ({ measure: counted.measure, since: since(counted) })),
          database,
        ).sql,
    })),
    ...alone,
  ]
}

function countedFrom(measure: Measure, source?: SourceTable): Counted {
  const ending = source === undefined ? '' : `_from_${source.name.replace('.', '_')}`
  return {
    name: `${measure.cells}_mv_${measure.id.replaceAll('.', '_')}${ending}`,
    measure,
    source: source?.name ?? '',
    checksum: sha256(rollupSelect(measure, liveRows(source))),
  }
}

function viewOf(counted: Counted, source?: SourceTable): RollupView {
  return {
    name: counted.name,
    counts: [counted],
    select: (sinceOf, database) => {
      const since = sinceOf(counted)
      const rows = { ...liveRows(source), database }
      return rollupSelect(counted.measure, since === 0 ? rows : { ...rows, since })
    },
  }
}

function liveRows(source: SourceTable | undefined): CountedRows {
  return source === undefined ? {} : { source, origin: liveOrigin(source.name) }
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
  const all = cellRows({ ...measure, idSql: sqlString(measure.id) }, rows)
  return boundedRows(all, [measure], sqlString(boundOf(measure)), rows)
}

function boundedRows(
  all: RollupRows,
  measures: readonly Measure[],
  bound: string,
  { database, history }: CountedRows,
): RollupRows {
  const [dimension, streams] = [measures.some(isBounded), measures.some(({ cells }) => keepsStreams(cells))]
  if (!dimension && !streams && !all.columns.includes('instance')) return all
  const where = {
    ...(database === undefined ? {} : { database }),
    ...(history === undefined ? {} : { history }),
  }
  return { ...all, sql: boundedSql(all, { bound, dimension, streams, ...where }) }
}

/** What {@link cellRows} counts: a measure, or several at once. */
interface Counting extends Measure {
  /** String SQL: the measure's id. */
  readonly idSql: string
  /** Boolean SQL: the histogram of the row's value is kept; absent: of all rows. */
  readonly histogramIf?: string
}

/** The number of the measure that a row is counted for, of those that are counted at once. */
const NUMBER = 'counted'

/** The rollup rows of several measures of one table, in one pass: each raw row once for each measure that counts it. */
function togetherRows(counted: readonly { measure: Measure; since: number }[], database: string): RollupRows {
  const [first] = counted
  if (first === undefined) throw new Error('A view counts at least one measure')
  if (counted.length === 1)
    return rollupRows(first.measure, { database, ...(first.since === 0 ? {} : { since: first.since }) })
  const selectors = counted.map(({ measure, since }, i) => {
    const conditions = [
      ...metricNames(measure),
      ...(since === 0 ? [] : [`${timeSql(measure)} >= ${instant(since)}`]),
      `(${measure.selector})`,
    ]
    return `if(${conditions.join(' AND ')}, ${i + 1}, 0)`
  })
  const measures = counted.map(({ measure }) => measure)
  /** SQL of a field by the row's measure; undefined if no measure has it. */
  const pick = (of: (measure: Measure) => string | undefined, otherwise: string) => {
    const numbers = Map.groupBy(measures.keys(), (i) => of(measures[i] as Measure) ?? otherwise)
    const [only] = numbers.keys()
    if (numbers.size === 1) return only === otherwise ? undefined : only
    const rest = numbers.has(otherwise) ? otherwise : ([...numbers.keys()].at(-1) as string)
    const cases = [...numbers].filter(([sql]) => sql !== rest)
    return `multiIf(${cases.map(([sql, of]) => `${NUMBER} IN (${of.map((i) => i + 1).join(', ')}), ${sql}`).join(', ')}, ${rest})`
  }
  const { source, cells, buckets } = first.measure
  const isText = cells === 'session' || cells === 'exception_1m'
  const fields = {
    value: pick(
      ({ value }) => (value === undefined || isText ? value : `toFloat64(${value})`),
      isText ? "''" : '0.',
    ),
    bad: pick(({ bad }) => bad, 'false'),
    traffic: pick(({ traffic }) => traffic, "'users'"),
    factor: pick(({ factor }) => factor, '1.'),
    histogramIf: pick(({ histogram }) => (histogram === true ? 'true' : undefined), 'false'),
  }
  const given = Object.fromEntries(Object.entries(fields).filter(([, sql]) => sql !== undefined))
  const all = cellRows(
    {
      id: '',
      idSql: `[${measures.map(({ id }) => sqlString(id)).join(', ')}][${NUMBER}]`,
      source,
      cells,
      selector: '1',
      dimension: pick(({ dimension }) => `toString(${dimension})`, '') ?? "''",
      arrayJoin: `arrayFilter(number -> number > 0, [${selectors.join(', ')}]) AS ${NUMBER}`,
      ...(buckets === undefined ? {} : { buckets }),
      histogram: fields.histogramIf !== undefined,
      ...given,
    },
    {},
  )
  const bound = cells === 'exception_1m' ? sqlString(boundOf(first.measure)) : 'cells.measure'
  return boundedRows(all, measures, bound, { database })
}

function cellRows(measure: Counting, rows: CountedRows): RollupRows {
  const keys = {
    time: `toStartOfMinute(${timeSql(measure)})`,
    ...SERIES_SQL,
    measure: measure.idSql,
    dimension: `toString(${measure.dimension})`,
    ...(rows.origin === undefined ? {} : { origin: sqlString(rows.origin) }),
  }
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

/**
 * How many raw rows each instance has, before any bound: columns service, environment, version, instance and records.
 * @param measures all that are counted from the table, of one source
 */
export function instanceRecords(measures: readonly Measure[], rows: CountedRows): string {
  const [first] = measures
  if (first === undefined) throw new Error('Something is counted from the table')
  const names = measures.every(({ metrics }) => metrics !== undefined)
    ? { metrics: [...new Set(measures.flatMap(({ metrics = [] }) => metrics))] }
    : {}
  const any: Measure = {
    id: first.id,
    source: first.source,
    cells: 'signal_1m',
    selector: '1',
    dimension: "''",
    ...names,
  }
  return select(any, rows, any.selector, SERIES_SQL, { records: 'count()' }).sql
}

/** How many raw rows each cumulative stream of a measure has, before any bound: columns service, stream and records. */
export function streamRecords(measure: Measure, rows: CountedRows): string {
  const selector = measure.cells === 'histogram_1m' ? histogramSelector(measure, '(2)') : measure.selector
  return select(
    measure,
    rows,
    selector,
    { service: SERIES_SQL.service, stream: STREAM },
    { records: 'count()' },
  ).sql
}

/** DateTime64(9) SQL: when a row happened. */
function timeSql(measure: Measure): string {
  return measure.time ?? timeColumn(measure.source)
}

function signalSelect(measure: Counting, keys: Record<string, string>, rows: CountedRows): RollupRows {
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
        ? `sumMap(${histogramOf(bucketSql(value), measure.histogramIf)})`
        : NO_HISTOGRAM,
  })
}

const NO_HISTOGRAM = "CAST(map(), 'Map(Int16, UInt64)')"

function histogramOf(bucket: string, condition = 'true'): string {
  const one = `map(${bucket}, toUInt64(1))`
  return condition === 'true' ? one : `if(${condition}, ${one}, ${NO_HISTOGRAM})`
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

/** Boolean SQL. @param temporalities in parentheses: 1 deltas, 2 cumulative ones */
function histogramSelector(measure: Measure, temporalities: string): string {
  const { selector } = shapeOf(measure.buckets ?? 'explicit', measure.factor)
  return `(${measure.selector}) AND ${selector} AND AggregationTemporality IN ${temporalities} AND bitAnd(Flags, 1) = 0`
}

function histogramSelect(measure: Measure, keys: Record<string, string>, rows: CountedRows): RollupRows {
  const { scale, zero, buckets } = shapeOf(measure.buckets ?? 'explicit', measure.factor)
  const total = measure.factor === undefined ? 'Sum' : `Sum * ${measure.factor}`
  const isDelta = 'AggregationTemporality = 1'
  const point = `CAST((Count, ${total}, ${scale}, ${zero}, ${buckets}), 'Tuple(count UInt64, sum Float64, scale Int32, zero UInt64, buckets Map(Int32, UInt64))')`
  return select(
    measure,
    rows,
    histogramSelector(measure, '(1, 2)'),
    {
      ...keys,
      temporality: 'toInt8(AggregationTemporality)',
      // Deltas need neither: they add up whatever their stream and start.
      stream: `if(${isDelta}, 0, ${STREAM})`,
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

function sessionSelect(measure: Counting, rows: CountedRows): RollupRows {
  return select(
    measure,
    rows,
    measure.selector,
    {
      service: SERIES_SQL.service,
      environment: SERIES_SQL.environment,
      version: SERIES_SQL.version,
      measure: measure.idSql,
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
    ...metricNames(measure),
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

function metricNames({ metrics }: Measure): string[] {
  return metrics === undefined ? [] : [`MetricName IN (${metrics.map(sqlString).join(', ')})`]
}

/** DateTime64(9) SQL of a moment. @param seconds since the epoch */
export function instant(seconds: number): string {
  return `toDateTime64(${seconds}, 9)`
}
