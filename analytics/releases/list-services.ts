import type { DeploymentState } from '../../schemas/contracts/report.ts'
import type { Store } from '../../schemas/store/client.ts'
import { allDeployments, listDeployments } from './stored-deployments.ts'

export interface ListedService {
  readonly service: string
  readonly environment: string
  /** Version of the newest deployment, else the one seen last; null: telemetry has none. */
  readonly version: string | null
  readonly deploymentId: string | null
  readonly state: DeploymentState | null
  readonly headline: string | null
  /** ISO 8601. */
  readonly deployedAt: string | null
  readonly deployments: number
  readonly firstSeen: string | null
  readonly lastSeen: string | null
}

interface SeenRow {
  service: string
  environment: string
  version: string
  first: number
  last: number
}

/** Every service in every environment that telemetry or a pipeline has told of, newest deployment first. */
export async function listServices(store: Store): Promise<readonly ListedService[]> {
  const [seen, { items }] = await Promise.all([
    store.query<SeenRow>(
      `SELECT service, environment, argMaxIf(version, last_time, version != 'unknown') AS version,
        toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) AS last
      FROM version_1h GROUP BY service, environment`,
    ),
    listDeployments(store, {}, { limit: 10_000, offset: 0 }),
  ])
  const keys = new Map<string, { service: string; environment: string }>()
  const key = (of: { service: string; environment: string }) => JSON.stringify([of.service, of.environment])
  for (const of of [...seen, ...items])
    keys.set(key(of), { service: of.service, environment: of.environment })
  const seenBy = new Map(seen.map((row) => [key(row), row]))
  return [...keys]
    .map(([id, of]) => {
      const own = items.filter((item) => key(item) === id)
      const newest = own[0]
      const row = seenBy.get(id)
      return {
        ...of,
        version: newest?.version ?? (row === undefined || row.version === '' ? null : row.version),
        deploymentId: newest?.id ?? null,
        state: newest?.state ?? null,
        headline: newest?.headline ?? null,
        deployedAt: newest?.startedAt ?? null,
        deployments: own.length,
        firstSeen: row === undefined ? null : new Date(row.first * 1000).toISOString(),
        lastSeen: row === undefined ? null : new Date(row.last * 1000).toISOString(),
      }
    })
    .sort(
      (a, b) =>
        (b.deployedAt ?? '').localeCompare(a.deployedAt ?? '') ||
        a.service.localeCompare(b.service) ||
        a.environment.localeCompare(b.environment),
    )
}

export interface ListedRelease {
  readonly service: string
  readonly version: string
  readonly environment: string
  /** Of its telemetry; null: none seen. */
  readonly firstSeen: string | null
  readonly lastSeen: string | null
  /** Ids of its deployments, oldest first. */
  readonly deployments: readonly string[]
  readonly events: number
}

/** Versions of a service by environment, in the order in which they were deployed (first sight where never), oldest first. */
export async function listReleases(
  store: Store,
  of: { readonly service?: string; readonly environment?: string } = {},
): Promise<readonly ListedRelease[]> {
  const [seen, deployments] = await Promise.all([
    store.query<SeenRow & { events: number }>(
      `SELECT service, environment, version, toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) AS last,
        sum(count) AS events
      FROM version_1h
      WHERE ({service:String} = '' OR service = {service:String}) AND ({environment:String} = '' OR environment = {environment:String})
      GROUP BY service, environment, version`,
      { service: of.service ?? '', environment: of.environment ?? '' },
    ),
    allDeployments(store, of),
  ])
  const releases = new Map<string, ListedRelease>()
  const key = (r: { service: string; environment: string; version: string }) =>
    JSON.stringify([r.service, r.environment, r.version])
  for (const row of seen) {
    releases.set(key(row), {
      service: row.service,
      version: row.version,
      environment: row.environment,
      firstSeen: new Date(row.first * 1000).toISOString(),
      lastSeen: new Date(row.last * 1000).toISOString(),
      deployments: [],
      events: row.events,
    })
  }
  const starts = new Map<string, string>()
  for (const deployment of deployments) {
    const id = key(deployment)
    const known = releases.get(id)
    if (!starts.has(id)) starts.set(id, deployment.startedAt)
    releases.set(id, {
      service: deployment.service,
      version: deployment.version,
      environment: deployment.environment,
      firstSeen: known?.firstSeen ?? null,
      lastSeen: known?.lastSeen ?? null,
      events: known?.events ?? 0,
      deployments: [...(known?.deployments ?? []), deployment.id],
    })
  }
  return [...releases]
    .sort(([a, x], [b, y]) =>
      (starts.get(a) ?? x.firstSeen ?? '').localeCompare(starts.get(b) ?? y.firstSeen ?? ''),
    )
    .map(([, release]) => release)
}
