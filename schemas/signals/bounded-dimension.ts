import type { Measure } from './measure.ts'
import { sqlString } from './sql.ts'

/** The dimension of all values that a measure does not keep apart, and of those that a sample of series leaves out. */
export const OTHER = '(other)'

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

/**
 * Cells with the values of their dimension that are kept, the rest as {@link OTHER}. What is kept depends on service, measure and the cell's own minute
 * only, and is written down before that minute: views, backfill and recount agree whenever they count. It is asked once a cell, not once a raw row.
 * @param bound String SQL over `cells`: `boundOf` the cell's measure
 */
export function boundedSql(
  bound: string,
  cells: { readonly columns: readonly string[]; readonly sql: string },
  database?: string,
): string {
  const table = sqlString(database === undefined ? LOOKED_UP : `${database}.${LOOKED_UP}`)
  // Each is planned in every insert, so it is asked for once: of a value that is not there it has 0, and a second less is the latest time there is.
  const holds = (dimension: string) =>
    `(cells.time > toDateTime(toUInt32(toUnixTimestamp(joinGet(${table}, 'since', ${bound}, cells.service, toDate(cells.time, 'UTC'), ${dimension})) - 1)))`
  const isRest = `${holds(sqlString(OTHER))} AND NOT ${holds('cells.dimension')}`
  const bounded: Record<string, string> = {
    dimension: `if(${isRest}, ${sqlString(OTHER)}, cells.dimension)`,
    // What exceptions said varies as their kinds do.
    says: `if(${isRest}, 0, cells.says)`,
  }
  const columns = cells.columns.map((name) => `    ${bounded[name] ?? `cells.${name}`} AS ${name}`)
  return `SELECT\n${columns.join(',\n')}\nFROM (\n${cells.sql}\n) AS cells`
}
