import { boundedInstance } from './bounded-instance.ts'
import type { Measure } from './measure.ts'
import { OTHER } from './other.ts'
import { sqlString } from './sql.ts'
import { STREAMS, streamLevel } from './stream-level.ts'

/** Whether a dimension is one thing: neither the service as a whole nor the rest. */
export function isNamed(dimension: string): boolean {
  return dimension !== '' && dimension !== OTHER
}

/** In memory, from migrations/0023-kept-dimensions.sql: what views look values up in. */
export const LOOKED_UP = 'kept_dimension_now'

/** Exceptions come as events and as logs: what they keep must be the same, so that both are of one kind. */
export function boundOf(measure: Measure): string {
  return measure.cells === 'exception_1m' ? 'exception' : measure.id
}

/** Whether a measure breaks down by values that senders choose. */
export function isBounded(measure: Measure): boolean {
  return measure.dimension !== "''" && measure.cells !== 'session'
}

/** What the past is bounded by, that is counted afterwards: apart from what views have counted of the same day. */
export function historyOf(bound: string): string {
  return `${bound}${HISTORY}`
}

const HISTORY = ':history'

/** How cells are bounded. */
export interface CellBounds {
  /** String SQL over `cells`: `boundOf` the cell's measure. */
  readonly bound: string
  /** True: by the values of their dimension. */
  readonly dimension: boolean
  /** True: by their number of streams. */
  readonly streams: boolean
  /** True: by what is decided for the past. */
  readonly history?: boolean
  /** Where that is looked up; absent: in the session's database. */
  readonly database?: string
}

/**
 * Cells with the values of their dimension and the instances that are kept, the rest as {@link OTHER}, without the streams that are not kept. What is kept depends on service, measure and the
 * cell's own minute only, and is written down before that minute (for the past: before its day is counted for good): views, backfill and recount agree whenever they
 * count. It is asked once a cell, not once a raw row.
 */
export function boundedSql(
  cells: { readonly columns: readonly string[]; readonly sql: string },
  bounds: CellBounds,
): string {
  const table = sqlString(bounds.database === undefined ? LOOKED_UP : `${bounds.database}.${LOOKED_UP}`)
  const key = (suffix: string) =>
    suffix === '' ? bounds.bound : `concat(${bounds.bound}, ${sqlString(suffix)})`
  const history = bounds.history === true ? HISTORY : ''
  // Each is planned in every insert, so it is asked for once: of a value that is not there it has 0, and a second less is the latest time there is.
  const after = (what: string, dimension: string) =>
    `> toDateTime(toUInt32(toUnixTimestamp(joinGet(${table}, 'since', ${key(what)}, cells.service, toDate(cells.time, 'UTC'), ${dimension})) - 1))`
  const bounded: Record<string, string> = { instance: boundedInstance(bounds) }
  if (bounds.dimension) {
    const holds = (dimension: string) => `(cells.time ${after(history, dimension)})`
    const isRest = `${holds(sqlString(OTHER))} AND NOT ${holds('cells.dimension')}`
    bounded['dimension'] = `if(${isRest}, ${sqlString(OTHER)}, cells.dimension)`
    // What exceptions said varies as their kinds do.
    bounded['says'] = `if(${isRest}, 0, cells.says)`
  }
  const columns = cells.columns.map((name) => `    ${bounded[name] ?? `cells.${name}`} AS ${name}`)
  // Of the cell's minute too, but an aggregate: the engine must not look levels up once a raw row, nor remember the answer with the rows (query condition cache).
  const kept = `NOT (toDateTime(cells.last_time) ${after(`${STREAMS}${history}`, `toString(${streamLevel('cells.stream')})`)})`
  return `SELECT\n${columns.join(',\n')}\nFROM (\n${cells.sql}\n) AS cells${bounds.streams ? `\nWHERE ${kept}` : ''}`
}
