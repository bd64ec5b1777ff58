import type { DimensionRest } from '../../schemas/contracts/dimension-rest.ts'
import type { Store } from '../../schemas/store/client.ts'

/**
 * What is put together because its values (or instances) are too many, or left out because its streams are, by service and measure, at the last look.
 * @param of.service left out: of all services
 * @param of.since milliseconds: looks before are of the past
 */
export async function dimensionRests(
  store: Store,
  of: { readonly service?: string; readonly since: number },
): Promise<(DimensionRest & { readonly service: string })[]> {
  const rows = await store.query<Omit<DimensionRest, 'at'> & { service: string; seconds: number }>(
    `SELECT service, measure, environment, version, toUnixTimestamp(at) AS seconds, streams, kept, full, minutes, values, records, of FROM dimension_rest
    WHERE ({service:String} = '' OR service = {service:String}) AND NOT history AND at > toDateTime({from:UInt32})
    ORDER BY service, measure, environment, version, streams, at DESC LIMIT 1 BY service, measure, environment, version, streams`,
    { service: of.service ?? '', from: Math.max(0, Math.floor(of.since / 1000)) },
  )
  return rows.map(({ seconds, ...row }) => ({ ...row, at: new Date(seconds * 1000).toISOString() }))
}
