import type { Store } from '../../schemas/store/client.ts'

/**
 * Of which measures of a service streams are left out in what is read of a span: all of it is read as on its most crowded day.
 * @param span seconds since the epoch
 * @returns levels that are left out (schemas/signals/stream-level.ts), by measure
 */
export async function streamsLeftOut(
  store: Store,
  service: string,
  span: { readonly from: number; readonly to: number },
): Promise<ReadonlyMap<string, number>> {
  const rows = await store.query<{ id: string; levels: number }>(
    `SELECT splitByChar(':', measure)[1] AS id, 1 + max(toUInt8(dimension)) AS levels FROM kept_dimension
    WHERE service = {service:String} AND position(measure, ':streams') > 0
      AND day >= toDate(toDateTime({from:UInt32}), 'UTC') AND day <= toDate(toDateTime({to:UInt32}), 'UTC')
    GROUP BY id`,
    { service, from: Math.max(0, Math.floor(span.from)), to: Math.ceil(span.to) },
  )
  return new Map(rows.map(({ id, levels }) => [id, levels]))
}
