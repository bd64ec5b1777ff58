import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { exceptionsOnce } from '../schemas/signals/exceptions-once.ts'
import type { CellTable } from '../schemas/signals/measure.ts'
import type { Signal } from '../schemas/signals/signal.ts'
import { sqlString } from '../schemas/signals/sql.ts'
import { CHOSEN_VERSIONS, HOURLY, inRange, SERVICE, STEP, stepStart } from './filter-sql.ts'

export interface CellsOptions {
  /** Boolean SQL over `version`. */
  readonly versions?: string
  /** True: users' and all other traffic. */
  readonly allTraffic?: boolean
}

/**
 * The cells that a signal reads, as a subquery with the columns `at` (DateTime), `version`, `instance`, `measure`, `dimension`, `events`,
 * `bads`, `total` and `buckets`. Cells are not added up: whoever reads them sums.
 */
export function signalCells(catalogue: Catalogue, signal: Signal, options: CellsOptions = {}): string {
  const tables = new Set(signal.measures.map((id) => catalogue.measures.get(id)?.cells ?? 'signal_1m'))
  const [table] = tables
  if (tables.size !== 1 || table === undefined)
    throw new Error(`The measures of ${signal.id} are in different tables.`)
  return CELLS[table](signal, options)
}

/** Cells of measures that are read as they are, with none standing in for another. */
export function measureCells(measures: readonly string[], options: CellsOptions = {}): string {
  return rollupCells(`measure IN (${measures.map(sqlString).join(', ')})`, options)
}

const CELLS: Record<CellTable, (signal: Signal, options: CellsOptions) => string> = {
  signal_1m: (signal, options) => rollupCells(measureCondition(signal), options),
  counter_1m: counterCells,
  histogram_1m: ({ id }) => {
    throw new Error(`No dashboard is made of ${id}: the pages show what users' histograms say.`)
  },
  session: sessionCells,
  exception_1m: exceptionCells,
}

function measureCondition(signal: Signal): string {
  const list = signal.measures.map(sqlString).join(', ')
  const numerator = signal.measures.length === 1 ? `measure = ${list}` : `(${mostEvents(list)})`
  if (signal.per === undefined || signal.per === 'minute') return numerator
  return `(measure = ${sqlString(signal.per)} OR ${numerator})`
}

/** Measures that count the same thing in different ways: of each version the one with the most events, so that nothing is counted twice. */
function mostEvents(list: string): string {
  return `measure IN (${list}) AND (version, measure) IN (
      SELECT version, argMax(measure, seen) FROM (
        SELECT version, measure, sum(count) AS seen FROM signal_1h
        WHERE ${SERVICE} AND measure IN (${list}) AND time >= toStartOfHour($__fromTime) AND time <= $__toTime
        GROUP BY version, measure
      ) GROUP BY version
    )`
}

function rollupCells(measures: string, options: CellsOptions): string {
  const traffic = options.allTraffic === true ? '' : " AND traffic = 'users'"
  const half = (table: string, when: string) => `  SELECT time AS at, version, instance,
    measure, traffic, dimension, count AS events, bad AS bads, sum AS total, histogram AS buckets
  FROM ${table}
  WHERE ${when} AND ${SERVICE} AND ${inRange('time')}${traffic}
    AND ${options.versions ?? CHOSEN_VERSIONS}
    AND ${measures}`
  return `(\n${half('signal_1m', `NOT ${HOURLY}`)}\n  UNION ALL\n${half('signal_1h', HOURLY)}\n)`
}

/** One cell a stream and step: the increase per second of a cumulative counter (as analytics/queries/counter-cells.sql takes it). */
function counterCells(signal: Signal, options: CellsOptions): string {
  const list = signal.measures.map(sqlString).join(', ')
  return `(
  SELECT step_at AS at, version, instance, measure, dimension, toUInt64(1) AS events, toUInt64(0) AS bads,
    if(last_value >= previous_value, last_value - previous_value, last_value) / ((last_nanos - previous_nanos) / 1e9) AS total,
    CAST(map(), 'Map(Int16, UInt64)') AS buckets
  FROM (
    SELECT step_at, version, instance, measure, dimension, last_value, last_nanos,
      lagInFrame(last_value, 1, first_value) OVER streams AS previous_value,
      lagInFrame(last_nanos, 1, first_nanos) OVER streams AS previous_nanos
    FROM (
      SELECT ${stepStart('time')} AS step_at, version, min(counter_1m.instance) AS instance, measure,
        dimension, stream, start_time, argMinMerge(first) AS first_value, argMaxMerge(last) AS last_value,
        toUnixTimestamp64Nano(min(first_time)) AS first_nanos, toUnixTimestamp64Nano(max(last_time)) AS last_nanos
      FROM counter_1m
      WHERE ${SERVICE} AND ${inRange('time')}
        AND ${options.versions ?? CHOSEN_VERSIONS}
        AND ${signal.measures.length === 1 ? `measure = ${list}` : mostPoints(list)}
      GROUP BY step_at, version, measure, dimension, stream, start_time
    )
    WINDOW streams AS (PARTITION BY version, measure, dimension, stream, start_time ORDER BY step_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
  )
  WHERE last_nanos > previous_nanos
)`
}

/** As `mostEvents`, of counters. */
function mostPoints(list: string): string {
  return `measure IN (${list}) AND (version, measure) IN (
          SELECT version, argMax(measure, seen) FROM (
            SELECT version, measure, count() AS seen FROM counter_1m
            WHERE ${SERVICE} AND measure IN (${list}) AND ${inRange('time')}
            GROUP BY version, measure
          ) GROUP BY version
        )`
}

/** One cell a session (or user), at the time it was first seen. */
function sessionCells(signal: Signal, options: CellsOptions): string {
  return `(
  SELECT min(first_time) AS at, version, '' AS instance, measure, '' AS dimension,
    toUInt64(1) AS events, toUInt64(max(crashed)) AS bads, 0. AS total, CAST(map(), 'Map(Int16, UInt64)') AS buckets
  FROM session
  WHERE ${SERVICE} AND measure IN (${signal.measures.map(sqlString).join(', ')})
    AND ${options.versions ?? CHOSEN_VERSIONS}
  GROUP BY version, measure, id
  HAVING ${inRange('at')}
)`
}

/** Exceptions, each counted once, by the minute however long the range; with the cells of what they are divided by. */
function exceptionCells(signal: Signal, options: CellsOptions): string {
  const where = `${SERVICE} AND ${inRange('time')} AND ${options.versions ?? CHOSEN_VERSIONS}`
  const own = `SELECT time AS at, version, instance, ${sqlString(signal.measures[0])} AS measure, 'users' AS traffic, dimension,
    toUInt64(n) AS events, toUInt64(bad) AS bads, 0. AS total, CAST(map(), 'Map(Int16, UInt64)') AS buckets
  FROM ${exceptionsOnce(where)}`
  if (signal.per === undefined || signal.per === 'minute') return `(\n${own}\n)`
  return `(\n${own}\n  UNION ALL\n  SELECT * FROM ${rollupCells(`measure = ${sqlString(signal.per)}`, options)}\n)`
}

/** Minutes in a step, for rates per minute. */
export const STEP_MINUTES = `(${STEP} / 60)`
