import { type AlertFilter, listAlerts } from '../../analytics/alerts/stored-alerts.ts'
import { type Alert, isToldRegression } from '../../schemas/contracts/alert.ts'
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

const MOST_FIRING = 1000

/** Alerts that fire about deployments and are not on trial. @param deploymentId default: of all */
export async function firingRegressions(
  context: ApiContext,
  deploymentId?: string,
): Promise<readonly Alert[]> {
  const firing = await readAlerts(context, { status: 'firing', deploymentId }, MOST_FIRING)
  return firing.filter(isToldRegression)
}
