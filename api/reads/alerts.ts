import { type AlertFilter, listAlerts } from '../../analytics/alerts/stored-alerts.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { ApiContext } from '../context.ts'

/** Alerts with who was told and what people did, newest first. */
export async function readAlerts(
  context: ApiContext,
  filter: AlertFilter,
  limit: number,
): Promise<readonly Alert[]> {
  return await context.fresh.get(`alerts ${limit} ${JSON.stringify(filter)}`, async () => {
    const { items } = await listAlerts(context.store, filter, { limit, now: context.clock() })
    return items
  })
}
