import type { Store } from '../../schemas/store/client.ts'
import { MINUTE } from './time.ts'

/** Until every process and insert under way is sure to see a decision. */
const NOTICE = 2 * MINUTE

/**
 * The first minute that nothing has been counted of yet, at least {@link NOTICE} ahead: cells before it stay as they are.
 * @param of.cells table of cells by minute
 * @param of.measure String SQL of its measure
 * @param now seconds since the epoch
 */
export async function firstUncounted(
  store: Store,
  of: {
    readonly cells: string
    readonly measure: string
    readonly bound: string
    readonly service: string
    readonly maxFutureMinutes: number
  },
  now: number,
): Promise<number> {
  const [row] = await store.query<{ newest: number }>(
    `SELECT toUnixTimestamp(max(time)) AS newest FROM ${of.cells}
    WHERE service = {service:String} AND ${of.measure} = {bound:String} AND time > toDateTime({now:UInt32})`,
    { bound: of.bound, service: of.service, now },
  )
  return firstAfter(row?.newest ?? 0, { now, maxFutureMinutes: of.maxFutureMinutes })
}

/** @param newest the newest minute of which something was counted, or 0 @param of.now seconds since the epoch */
export function firstAfter(
  newest: number,
  { now, maxFutureMinutes }: { readonly now: number; readonly maxFutureMinutes: number },
): number {
  // What is further ahead is refused at the doors.
  const ahead = Math.min(newest, now + maxFutureMinutes * MINUTE)
  return Math.ceil(Math.max(now + NOTICE, ahead + MINUTE) / MINUTE) * MINUTE
}
