import { type Alert, alertSchema, type Incident } from '../../schemas/contracts/alert.ts'
import type { Store } from '../../schemas/store/client.ts'
import { mutesAlert } from './routing.ts'
import { listMutes } from './stored-mutes.ts'

export interface AlertFilter {
  readonly service?: string | undefined
  readonly environment?: string | undefined
  readonly status?: Alert['status'] | undefined
  readonly deploymentId?: string | undefined
  readonly id?: string | undefined
  /** Milliseconds: only alerts that fire, or ended after that. */
  readonly activeAfter?: number | undefined
}

/**
 * Writes an incident as it now is: for whoever watches. It is delivered from here, once for each revision.
 * @param now milliseconds: the newest row of an incident is the one that counts
 */
export async function storeIncident(store: Store, incident: Incident, now: number): Promise<void> {
  await store.insert('alerts', [
    {
      id: incident.id,
      deployment_id: incident.deploymentId,
      service: incident.service,
      environment: incident.environment,
      version: incident.version,
      status: incident.status,
      starts_at: incident.startsAt,
      ends_at: incident.endsAt,
      summary: incident.summary,
      alert_json: JSON.stringify(incident),
      // Of older versions: deliveries are in `alert_outbox`.
      deliveries_json: '',
      updated_at: new Date(now).toISOString(),
    },
  ])
}

interface Row {
  readonly alert: string
  readonly acknowledged_by: string
  readonly acknowledged: number
  readonly deliveries: readonly (readonly [string, string, string, number, number, string, number])[]
}

/**
 * Alerts with what people did about them and what each receiver was told, newest first.
 * @param options `now` in milliseconds: mutes are those of this moment; `deliveries` false: left out, for who knows them
 */
export async function listAlerts(
  store: Store,
  filter: AlertFilter = {},
  options: { readonly limit?: number; readonly now?: number; readonly deliveries?: boolean } = {},
): Promise<{ readonly items: readonly Alert[] }> {
  const now = options.now ?? Date.now()
  const [rows, mutes] = await Promise.all([
    store.query<Row>(
      `WITH a AS
      (
          SELECT id, alert_json, starts_at FROM alerts FINAL
          WHERE ({service:String} = '' OR service = {service:String}) AND ({environment:String} = '' OR environment = {environment:String})
            AND ({status:String} = '' OR status = {status:String}) AND ({deployment:String} = '' OR deployment_id = {deployment:String})
            AND ({id:String} = '' OR id = {id:String})
            AND ({activeAfter:Int64} = 0 OR status = 'firing' OR ends_at > fromUnixTimestamp64Milli({activeAfter:Int64}))
          ORDER BY starts_at DESC, id LIMIT {limit:UInt32}
      )
      SELECT a.alert_json AS alert, k.acknowledged_by AS acknowledged_by, toUnixTimestamp64Milli(k.acknowledged_at) AS acknowledged, o.deliveries AS deliveries
      FROM a
      LEFT JOIN (SELECT alert_id, acknowledged_by, acknowledged_at FROM alert_acknowledgement FINAL) AS k ON k.alert_id = a.id
      LEFT JOIN
      (
          SELECT subject, groupArray((receiver, event, state, revision, at, answer, attempts)) AS deliveries FROM
          (
              SELECT subject, receiver, event, state, revision, toUnixTimestamp64Milli(attempted_at) AS at, answer, attempts FROM alert_outbox FINAL
              WHERE {deliveries:Bool} AND subject IN (SELECT id FROM a) AND state != 'superseded' AND event != 'deployment'
              ORDER BY created_at DESC LIMIT 1 BY receiver, subject, event
          )
          GROUP BY subject
      ) AS o ON o.subject = a.id
      ORDER BY a.starts_at DESC, a.id`,
      {
        service: filter.service ?? '',
        environment: filter.environment ?? '',
        status: filter.status ?? '',
        deployment: filter.deploymentId ?? '',
        id: filter.id ?? '',
        activeAfter: filter.activeAfter ?? 0,
        limit: options.limit ?? 1000,
        deliveries: options.deliveries ?? true,
      },
    ),
    listMutes(store, now),
  ])
  return {
    items: rows.map((row) => {
      const incident = JSON.parse(row.alert) as Incident
      // One of an earlier time of the same alert does not count for this one.
      const taken = row.acknowledged_by !== '' && row.acknowledged >= Date.parse(incident.startsAt)
      const ends = mutes.filter((mute) => mutesAlert(mute, incident, now)).map((mute) => mute.endsAt)
      return alertSchema.parse({
        ...incident,
        acknowledged: taken
          ? { by: row.acknowledged_by, at: new Date(row.acknowledged).toISOString() }
          : null,
        mutedUntil: ends.toSorted().at(-1) ?? null,
        deliveries: row.deliveries.map(([receiver, event, state, revision, at, answer, attempts]) => ({
          receiver,
          event,
          state,
          revision,
          at: at === null ? null : new Date(at).toISOString(),
          answer,
          attempts,
        })),
      })
    }),
  }
}
