import type { Measure } from '../../schemas/signals/measure.ts'
import type { CountedRows } from '../../schemas/signals/views.ts'
import type { SourceTable } from '../../schemas/source/probe.ts'
import type { Store } from '../../schemas/store/client.ts'
import { HOUR, MINUTE } from './time.ts'

/** Minutes before a look that raw rows are read of, and rows past which it is one minute only. */
const WINDOW = 10
const MANY = 500_000

export interface RawWindow {
  /** Seconds since the epoch, from inclusive to exclusive. */
  readonly since: number
  readonly until: number
  readonly minutes: number
}

/**
 * The minutes before a look, as many as can be read once a minute.
 * @param of.records SQL over `cells`: how many records a cell has
 * @param of.where Boolean SQL over `cells`, with its parameters
 * @param now seconds since the epoch
 */
export async function rawWindow(
  store: Store,
  of: { readonly table: string; readonly records: string; readonly where: string; readonly params: object },
  now: number,
): Promise<RawWindow> {
  const [lately] = await store.query<{ records: number }>(
    `SELECT ${of.records} AS records FROM ${of.table} AS cells WHERE ${of.where} AND time >= toStartOfHour(toDateTime({now:UInt32}))`,
    { ...of.params, now },
  )
  const perMinute = (lately?.records ?? 0) / Math.max(1, (now % HOUR) / MINUTE)
  const minutes = perMinute * WINDOW > MANY ? 1 : WINDOW
  const until = Math.floor(now / MINUTE) * MINUTE
  return { since: until - minutes * MINUTE, until, minutes }
}

/** SQL of what is read of each of the tables that measures are counted from, ours and the user's. */
export function ofAllTables(
  measures: readonly Measure[],
  source: readonly SourceTable[],
  { since, until }: Pick<RawWindow, 'since' | 'until'>,
  read: (measure: Measure, rows: CountedRows) => string,
): string {
  return measures
    .flatMap((measure) => [
      read(measure, { since, until }),
      ...source
        .filter(({ kind }) => kind === measure.source)
        .map((table) => read(measure, { since, until, source: table })),
    ])
    .join('\nUNION ALL\n')
}
