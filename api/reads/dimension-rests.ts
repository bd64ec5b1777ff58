import type { DimensionRest } from '../../schemas/contracts/dimension-rest.ts'
import type { Store } from '../../schemas/store/client.ts'

/** What of a service is put together because its values are too many, at the last look of the last ten minutes. */
export async function readDimensionRests(
  store: Store,
  service: string,
  now: number,
): Promise<DimensionRest[]> {
  const rows = await store.query<Omit<DimensionRest, 'at'> & { seconds: number }>(
    `SELECT measure, toUnixTimestamp(at) AS seconds, kept, full, minutes, values, records, of FROM dimension_rest
    WHERE service = {service:String} AND at > toDateTime({from:UInt32})
    ORDER BY measure, at DESC LIMIT 1 BY measure`,
    { service, from: Math.max(0, Math.floor(now / 1000) - 600) },
  )
  return rows.map(({ seconds, ...row }) => ({ ...row, at: new Date(seconds * 1000).toISOString() }))
}
