import type { ShadowEvent, ShadowTally } from '../../schemas/contracts/gate.ts'
import type { Store } from '../../schemas/store/client.ts'

/** Keeps what would have been done: once a deployment, action and outcome, the newest counting. */
export async function keepShadowEvents(store: Store, events: readonly ShadowEvent[]): Promise<void> {
  if (events.length === 0) return
  await store.insert(
    'shadow_events',
    events.map((event) => ({
      deployment_id: event.deploymentId,
      action: event.action,
      outcome: event.outcome,
      service: event.service,
      environment: event.environment,
      version: event.version,
      signals: event.signals,
      reason: event.reason,
      at: event.at,
    })),
  )
}

export interface ShadowFilter {
  readonly service?: string | undefined
  readonly environment?: string | undefined
  /** Milliseconds. */
  readonly from: number
}

/** What was kept of gates, and incidents that nobody was told of because they are on trial. */
const EVENTS = `(
    SELECT deployment_id, action, outcome, toString(service) AS service, toString(environment) AS environment, version,
      CAST(signals, 'Array(String)') AS signals, reason, at
    FROM shadow_events FINAL
    UNION ALL
    SELECT deployment_id, 'page', 'regressed', toString(service), toString(environment), version,
      arrayDistinct(arrayMap(reason -> JSONExtractString(reason, 'signal'), JSONExtractArrayRaw(alert_json, 'reasons'))), summary, starts_at
    FROM alerts FINAL WHERE JSONExtractBool(alert_json, 'shadow') AND deployment_id != ''
  )`
const WHERE = `({service:String} = '' OR service = {service:String}) AND ({environment:String} = '' OR environment = {environment:String})
    AND at >= fromUnixTimestamp64Milli({from:Int64})`

/** Newest first. */
export async function listShadowEvents(
  store: Store,
  filter: ShadowFilter,
  limit: number,
): Promise<ShadowEvent[]> {
  const rows = await store.query<Omit<ShadowEvent, 'at' | 'deploymentId'> & { id: string; told: number }>(
    `SELECT deployment_id AS id, service, environment, version, action, outcome, signals, reason, toUnixTimestamp64Milli(at) AS told
    FROM ${EVENTS} WHERE ${WHERE} ORDER BY at DESC, id LIMIT {limit:UInt32}`,
    { ...paramsOf(filter), limit },
  )
  return rows.map(({ id, told, ...row }) => ({ ...row, deploymentId: id, at: new Date(told).toISOString() }))
}

/** How often each signal (or state) on trial would have acted since `from`, most often first. */
export async function tallyShadow(store: Store, filter: ShadowFilter): Promise<ShadowTally[]> {
  const rows = await store.query<Omit<ShadowTally, 'last'> & { told: number }>(
    `SELECT e.service AS service, e.environment AS environment, e.action AS action, e.signal AS signal, e.outcome AS outcome,
      e.deployments AS deployments, d.deployments AS of, e.wrong AS falseAlarms, e.right AS confirmed, e.told AS told
    FROM (
      SELECT service, environment, action, signal, outcome, uniqExact(deployment_id) AS deployments,
        uniqExactIf(deployment_id, has(m.wrong, signal) OR has(m.wrong, '')) AS wrong,
        uniqExactIf(deployment_id, has(m.right, signal) OR has(m.right, '')) AS right, toUnixTimestamp64Milli(max(at)) AS told
      FROM (SELECT *, arrayJoin(if(empty(signals), [''], signals)) AS signal FROM ${EVENTS} WHERE ${WHERE}) AS s
      LEFT JOIN (
        SELECT deployment_id, groupArrayIf(toString(signal), mark = 'false_alarm') AS wrong, groupArrayIf(toString(signal), mark = 'true') AS right
        FROM marks FINAL GROUP BY deployment_id
      ) AS m ON m.deployment_id = s.deployment_id
      GROUP BY service, environment, action, signal, outcome
    ) AS e
    LEFT JOIN (
      SELECT toString(service) AS service, toString(environment) AS environment, uniqExact(id) AS deployments FROM deployments FINAL
      WHERE started_at >= fromUnixTimestamp64Milli({from:Int64}) GROUP BY service, environment
    ) AS d ON d.service = e.service AND d.environment = e.environment
    ORDER BY deployments DESC, service, environment, action, signal`,
    paramsOf(filter),
  )
  return rows.map(({ told, ...row }) => ({ ...row, last: new Date(told).toISOString() }))
}

function paramsOf(filter: ShadowFilter): Record<string, unknown> {
  return { service: filter.service ?? '', environment: filter.environment ?? '', from: filter.from }
}
