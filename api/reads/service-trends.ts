import { serviceTrends } from '../../analytics/jobs/service-trends.ts'
import type { ServiceTrends } from '../../schemas/contracts/service-trends.ts'
import type { ApiContext } from '../context.ts'

/** How a service went over the days before now; kept for a minute, since it reads a quarter. */
export async function readServiceTrends(
  context: ApiContext,
  service: string,
  environment: string,
  days: number,
): Promise<ServiceTrends> {
  return await context.slow.get(`service trends ${JSON.stringify([service, environment, days])}`, () =>
    serviceTrends(context.store, context.catalogue, { service, environment, now: context.clock(), days }),
  )
}
