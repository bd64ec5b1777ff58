import { parseAlert } from '../../analytics/alerts/stored-alerts.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { ApiContext } from '../context.ts'

export interface AlertFilter {
  readonly status?: Alert['status'] | undefined
  readonly service?: string | undefined
  readonly environment?: string | undefined
  readonly limit: number
}

/** Alerts, newest first. `deliveries_json` is what the senders last noted; it is newer than the copy inside of the alert. */
export async function readAlerts(context: ApiContext, filter: AlertFilter): Promise<Alert[]> {
  return await context.fresh.get(`alerts ${JSON.stringify(filter)}`, async () => {
    const rows = await context.store.query<{ alert: string; deliveries: string }>(
      `SELECT alert_json AS alert, deliveries_json AS deliveries FROM alerts FINAL
      WHERE ({status:String} = '' OR status = {status:String}) AND ({service:String} = '' OR service = {service:String})
        AND ({environment:String} = '' OR environment = {environment:String})
      ORDER BY starts_at DESC, id LIMIT {limit:UInt32}`,
      {
        status: filter.status ?? '',
        service: filter.service ?? '',
        environment: filter.environment ?? '',
        limit: filter.limit,
      },
    )
    return rows.map((row) => parseAlert(row.alert, row.deliveries))
  })
}
