import { STREAMS, streamLevel } from '../../schemas/signals/stream-level.ts'
import type { Store } from '../../schemas/store/client.ts'

/** SQL: levels of streams (`level`) that are left out of measures of services in what is read of a span. All of it is read as on its most crowded day. */
const LEFT_OUT = `SELECT service, splitByChar(':', measure)[1] AS of, toUInt8(dimension) AS level FROM kept_dimension
  WHERE service IN ({services:Array(String)}) AND position(measure, '${STREAMS}') > 0
    AND day >= toDate(toDateTime({from:UInt32}), 'UTC') AND day <= toDate(toDateTime({to:UInt32}), 'UTC')`

/** Condition on rows of a table of streams: theirs is not left out. */
export const KEPT_STREAMS = `(service, measure, ${streamLevel('stream')}) NOT IN (${LEFT_OUT})`

/**
 * Of which measures of a service streams are left out in what is read of a span.
 * @param span seconds since the epoch
 * @returns how many levels are left out (schemas/signals/stream-level.ts), by measure
 */
export async function streamsLeftOut(
  store: Store,
  service: string,
  span: { readonly from: number; readonly to: number },
): Promise<ReadonlyMap<string, number>> {
  const rows = await store.query<{ id: string; levels: number }>(
    `SELECT of AS id, 1 + max(level) AS levels FROM (${LEFT_OUT}) GROUP BY id`,
    { services: [service], from: Math.max(0, Math.floor(span.from)), to: Math.ceil(span.to) },
  )
  return new Map(rows.map(({ id, levels }) => [id, levels]))
}
