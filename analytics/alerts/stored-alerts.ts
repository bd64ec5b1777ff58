import { type Alert, alertSchema, type Incident } from '../../schemas/contracts/alert.ts'
import type { Store } from '../../schemas/store/client.ts'

export interface AlertFilter {
  readonly service?: string
  readonly environment?: string
  readonly status?: Alert['status']
  readonly deploymentId?: string
  readonly id?: string
}

/**
 * Writes an incident as it now is: for whoever watches. It is delivered from here, once for each revision.
 * @param now milliseconds: the newest row of an incident is the one that counts
 */
export async function storeIncident(store: Store, incident: Incident, now: number): Promise<void> {
  const { items } = await listAlerts(store, { id: incident.id })
  await storeAlert(store, { ...NOBODY, ...items[0], ...incident }, now)
}

const NOBODY = { acknowledged: null, mutedUntil: null, deliveries: [] } as const satisfies Omit<
  Alert,
  keyof Incident
>

/** @param now milliseconds: the newest row of an alert is the one that counts */
export async function storeAlert(store: Store, alert: Alert, now: number): Promise<void> {
  await store.insert('alerts', [
    {
      id: alert.id,
      deployment_id: alert.deploymentId,
      service: alert.service,
      environment: alert.environment,
      version: alert.version,
      status: alert.status,
      starts_at: alert.startsAt,
      ends_at: alert.endsAt,
      summary: alert.summary,
      alert_json: JSON.stringify({ ...alert, deliveries: [] }),
      deliveries_json: JSON.stringify(alert.deliveries),
      updated_at: new Date(now).toISOString(),
    },
  ])
}

/** Newest first. */
export async function listAlerts(
  store: Store,
  filter: AlertFilter = {},
  paging: { readonly limit: number; readonly offset: number } = { limit: 1000, offset: 0 },
): Promise<{ readonly items: readonly Alert[]; readonly total: number }> {
  const where = `({service:String} = '' OR service = {service:String}) AND ({environment:String} = '' OR environment = {environment:String})
    AND ({status:String} = '' OR status = {status:String}) AND ({deployment:String} = '' OR deployment_id = {deployment:String})
    AND ({id:String} = '' OR id = {id:String})`
  const params = {
    service: filter.service ?? '',
    environment: filter.environment ?? '',
    status: filter.status ?? '',
    deployment: filter.deploymentId ?? '',
    id: filter.id ?? '',
  }
  const [rows, totals] = await Promise.all([
    store.query<{ alert: string; deliveries: string }>(
      `SELECT alert_json AS alert, deliveries_json AS deliveries FROM alerts FINAL WHERE ${where}
      ORDER BY starts_at DESC, id LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
      { ...params, ...paging },
    ),
    store.query<{ total: number }>(`SELECT count() AS total FROM alerts FINAL WHERE ${where}`, params),
  ])
  return {
    items: rows.map((row) => parseAlert(row.alert, row.deliveries)),
    total: totals[0]?.total ?? 0,
  }
}

/** @param deliveries what the senders last noted; newer than the copy inside of the alert */
export function parseAlert(alert: string, deliveries: string): Alert {
  return alertSchema.parse({
    ...(JSON.parse(alert) as object),
    deliveries: deliveries === '' ? [] : JSON.parse(deliveries),
  })
}
