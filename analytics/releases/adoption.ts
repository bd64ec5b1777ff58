import { OTHER } from '../../schemas/signals/other.ts'
import type { Store } from '../../schemas/store/client.ts'

export interface AdoptionPoint {
  /** Start of the step, ISO 8601. */
  readonly time: string
  readonly version: string
  readonly requests: number
  /** Of the users' requests of the step, 0 to 1. */
  readonly share: number
  /** With a name. */
  readonly instances: number
  /** True: there are more, which are not told apart (`cardinality.instances`). */
  readonly moreInstances: boolean
}

/**
 * How traffic and instances spread over versions.
 * @param window milliseconds, from inclusive to exclusive
 * @param stepSeconds a multiple of 60
 */
export async function adoption(
  store: Store,
  service: string,
  environment: string,
  window: { readonly from: number; readonly to: number },
  stepSeconds = 60,
): Promise<readonly AdoptionPoint[]> {
  const rows = await store.query<{
    t: number
    version: string
    requests: number
    instances: number
    more: boolean
    all: number
  }>(
    `SELECT t, version, requests, instances, more, sum(requests) OVER (PARTITION BY t) AS all
    FROM (
      SELECT intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS t, version,
        -- With what a sampler left out, as far as weights tell.
        toUInt64(round(sumIf(cells.count, measure = 'server.request') + sumIf(cells.sum, measure = 'server.request.unsampled'))) AS requests, uniqExactIf(instance, instance != {other:String}) AS instances,
        countIf(instance = {other:String}) > 0 AS more
      FROM signal_1m AS cells
      WHERE service = {service:String} AND environment = {environment:String} AND traffic = 'users'
        AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})
      GROUP BY t, version
    )
    ORDER BY t, version`,
    {
      service,
      environment,
      other: OTHER,
      step: stepSeconds,
      from: Math.floor(window.from / 1000),
      to: Math.ceil(window.to / 1000),
    },
  )
  return rows.map((row) => ({
    time: new Date(row.t * 1000).toISOString(),
    version: row.version,
    requests: row.requests,
    share: row.all > 0 ? row.requests / row.all : 0,
    instances: row.instances,
    moreInstances: Boolean(row.more),
  }))
}
