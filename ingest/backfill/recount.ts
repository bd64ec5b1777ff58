import type { CellTable, Source } from '../../schemas/signals/measure.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Span } from './plan.ts'
import { type BackfillTask, countedRows } from './tasks.ts'

/** How cells of a table are compared with what the raw rows say now: both are aggregated, since either may have several rows of one key. */
interface Comparison {
  readonly keys: readonly string[]
  /** SQL of keys that are not compared as they are. */
  readonly keySql?: Readonly<Record<string, string>>
  /** Equal to the bit. */
  readonly exact: readonly string[]
  /** Sums of floating-point numbers, whose last bits depend on the order of adding. */
  readonly close: readonly string[]
  /** Which cells are compared, once they are added up; absent: all. */
  readonly having?: string
}

const SERIES = ['time', 'service', 'environment', 'version', 'instance', 'dimension']
const sums = (...names: string[]) => names.map((name) => `sum(cells.${name})`)
const ENDS = [
  'argMinMerge(cells.first)',
  'argMaxMerge(cells.last)',
  'min(cells.first_time)',
  'max(cells.last_time)',
]

const COMPARISONS: Readonly<Record<Exclude<CellTable, 'session' | 'exception_1m'>, Comparison>> = {
  signal_1m: {
    keys: [...SERIES, 'traffic'],
    exact: [...sums('count', 'bad'), 'min(cells.min)', 'max(cells.max)', 'sumMap(cells.histogram)'],
    close: ['sum', 'sum_squares'],
  },
  counter_1m: { keys: [...SERIES, 'stream', 'start_time'], exact: ENDS, close: [] },
  histogram_1m: {
    keys: [...SERIES, 'temporality', 'stream', 'start_time', 'scale', 'bad'],
    // Deltas were kept by stream once.
    keySql: { stream: 'if(cells.temporality = 1, 0, cells.stream)' },
    exact: [...ENDS, ...sums('count', 'zero'), 'sumMap(cells.buckets)'],
    close: ['sum'],
  },
}

/** Of exceptions, those that come as events of spans and those that come as logs are counted in the same cells: each is compared by itself. */
function comparisonOf(table: Exclude<CellTable, 'session'>, source: Source): Comparison {
  if (table !== 'exception_1m') return COMPARISONS[table]
  const [count, bad] = source === 'otel_logs' ? ['logs', 'bad_logs'] : ['events', 'bad_events']
  return {
    keys: [...SERIES, 'says', 'span'],
    exact: sums(count, bad),
    close: [],
    having: `sum(cells.${count}) > 0`,
  }
}

/** Of a floating-point sum. */
const TOLERANCE = 1e-9

export interface Recount {
  /** Cells that either side has, and those in which they differ. */
  readonly cells: number
  readonly differing: number
}

/** Counts the raw rows of a span again and compares with what the rollup has, cell by cell; nothing is written. */
export async function recount(
  store: Store,
  task: BackfillTask,
  { from, to }: Pick<Span, 'from' | 'to'>,
  threads: number,
): Promise<Recount> {
  const { of: measure, origins } = task
  if (measure === undefined) return { cells: 0, differing: 0 }
  // Views count by what was decided then, the backfill by what was decided for the past.
  const rows = countedRows(measure, task.table, from, to, origins.history)
  const counted = rollupSelect(measure, { ...rows, history: to <= task.until })
  const params = {
    measure: measure.id,
    origins: [origins.live, origins.history],
    from,
    to,
  }
  const { cells, source } = measure
  const sql = cells === 'session' ? sessionsSql(counted) : cellsSql(cells, source, counted)
  const [row] = await store.query<Recount>(sql, params, {
    settings: { max_threads: threads, max_execution_time: 0, priority: 10 },
  })
  return row ?? { cells: 0, differing: 0 }
}

function cellsSql(table: Exclude<CellTable, 'session'>, source: Source, counted: string): string {
  const { keys, keySql, exact, close, having = 'true' } = comparisonOf(table, source)
  const key = keys.map((name) => `toString(${keySql?.[name] ?? `cells.${name}`}) AS key_${name}`).join(', ')
  const grouped = keys.map((name) => `key_${name}`).join(', ')
  const values = [
    `cityHash64(${exact.map((value) => `toString(${value})`).join(', ')}) AS hash`,
    ...close.map((name) => `toFloat64(sum(cells.${name})) AS ${name}_`),
  ].join(', ')
  const measure = table === 'exception_1m' ? '' : 'measure = {measure:String} AND '
  const differs = [
    'uniqExact(side) < 2 OR uniqExact(hash) > 1',
    ...close.map((name) => `max(${name}_) - min(${name}_) > ${TOLERANCE} * max(abs(${name}_))`),
  ]
  return `SELECT count() AS cells, countIf(differs) AS differing FROM (
  SELECT ${grouped}, ${differs.join(' OR ')} AS differs FROM (
    SELECT 0 AS side, ${key}, ${values}
    FROM ${table} AS cells
    WHERE ${measure}has({origins:Array(String)}, origin) AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})
    GROUP BY ${grouped} HAVING ${having}
    UNION ALL
    SELECT 1 AS side, ${key}, ${values}
    FROM (${counted}) AS cells
    GROUP BY ${grouped} HAVING ${having}
  )
  GROUP BY ${grouped}
)`
}

/** A session is kept once for all time: whatever is counted now must lie within it. */
function sessionsSql(counted: string): string {
  return `SELECT count() AS cells, countIf(known.n = 0 OR known.first_time > counted.first_time OR known.last_time < counted.last_time OR known.crashed < counted.crashed) AS differing
FROM (${counted}) AS counted
LEFT JOIN (
  SELECT service, environment, version, id, 1 AS n, min(session.first_time) AS first_time, max(session.last_time) AS last_time, max(session.crashed) AS crashed
  FROM session WHERE measure = {measure:String}
    AND (service, environment, version, id) IN (SELECT service, environment, version, id FROM (${counted}))
  GROUP BY service, environment, version, id
) AS known
ON known.service = counted.service AND known.environment = counted.environment AND known.version = counted.version AND known.id = counted.id`
}
