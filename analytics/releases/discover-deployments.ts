import type { Deployment, DeploymentSource } from '../../schemas/contracts/deployment.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Presence } from './absence.ts'
import { inTurn } from './in-turn.ts'
import { SAME_DEPLOYMENT_MS, sourcesOf, withNews } from './merge-news.ts'
import { isSameVersion } from './same-version.ts'
import { allDeployments, deploymentId, storeDeployments } from './stored-deployments.ts'
import { readTimeline, type Takeover } from './timeline.ts'

interface SeenRow {
  service: string
  environment: string
  version: string
  first: number
  last: number
}

interface HourRow {
  version: string
  hour: number
  first: number
  last: number
  count: number
}

interface MinuteRow extends HourRow {
  /** Of users. */
  requests: number
}

/** Telemetry without a version is kept and counted, but it is no release. */
export const UNKNOWN_VERSION = 'unknown'

/**
 * Deployments that the telemetry itself shows: a version seen for the first time in an environment, and an older version that takes
 * over again (a rollback, which marks the deployment that it undoes). What a pipeline told is not discovered again.
 * @param now milliseconds
 * @returns deployments that are new or changed
 */
export function discoverDeployments(store: Store, now: number): Promise<readonly Deployment[]> {
  return inTurn(store, () => discover(store, now))
}

async function discover(store: Store, now: number): Promise<readonly Deployment[]> {
  const [seen, known] = await Promise.all([
    store.query<SeenRow>(
      `SELECT service, environment, version, toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) AS last
      FROM version_1h WHERE version != '${UNKNOWN_VERSION}' GROUP BY service, environment, version`,
    ),
    allDeployments(store),
  ])
  const groups = new Map<string, { seen: SeenRow[]; known: Deployment[] }>()
  const groupOf = (of: { service: string; environment: string }) => {
    const key = JSON.stringify([of.service, of.environment])
    const group = groups.get(key) ?? { seen: [], known: [] }
    groups.set(key, group)
    return group
  }
  for (const row of seen) groupOf(row).seen.push(row)
  for (const deployment of known) groupOf(deployment).known.push(deployment)
  const changed: Deployment[] = []
  for (const group of groups.values()) {
    if (group.seen.length > 0) changed.push(...(await discoverIn(store, group.seen, group.known, now)))
  }
  await storeDeployments(store, changed, now)
  return changed
}

async function discoverIn(
  store: Store,
  seen: readonly SeenRow[],
  known: readonly Deployment[],
  now: number,
): Promise<readonly Deployment[]> {
  const [any] = seen
  if (any === undefined) return []
  const of = { service: any.service, environment: any.environment }
  const ledger = new Ledger(of, known)
  const newest = known.at(-1)
  const firsts = [...seen].sort((a, b) => a.first - b.first)
  for (const row of firsts) ledger.firstSeen(row.version, row.first * 1000)
  // Versions can only come back or go where several were seen since the newest deployment that was known.
  const since = newest === undefined ? 0 : Date.parse(newest.startedAt) / 1000 - 3600
  if (seen.length > 1 && seen.filter((row) => row.last >= since).length > 1) {
    const timeline = readTimeline(await presences(store, of, since, now / 1000))
    for (const takeover of timeline.takeovers) if (takeover.returned) ledger.returned(takeover)
    for (const [version, { at, by }] of timeline.gone) ledger.gone(version, at * 1000, by)
    for (const [version, at] of timeline.back) ledger.back(version, at * 1000)
  }
  return ledger.changed()
}

/**
 * Where versions were seen: by minutes in and beside hours that several share, else by hours. In minutes only users' requests count where there are any: instances that nobody
 * is sent to any more still tell of themselves.
 * @param now seconds: the newest minute is not over
 */
async function presences(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  since: number,
  now: number,
): Promise<readonly Presence[]> {
  const params = { ...of, since: Math.max(0, Math.floor(since)) }
  const where = `service = {service:String} AND environment = {environment:String} AND version != '${UNKNOWN_VERSION}'`
  const hours = await store.query<HourRow>(
    `SELECT version, toUnixTimestamp(v.time) AS hour, toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) AS last,
      sum(v.count) AS count
    FROM version_1h AS v WHERE ${where} AND v.time >= toDateTime({since:UInt32}) GROUP BY version, hour ORDER BY hour`,
    params,
  )
  const versions = Map.groupBy(hours, ({ hour }) => hour)
  const shared = [...versions.keys()].filter((hour) => {
    const near = [hour - 3600, hour, hour + 3600].flatMap((one) => versions.get(one) ?? [])
    return new Set(near.map(({ version }) => version)).size > 1
  })
  const minutes =
    shared.length === 0
      ? []
      : await store.query<MinuteRow>(
          `SELECT version, toUnixTimestamp(s.time) AS hour, hour AS first, hour AS last, sum(s.count) AS count, sum(s.requests) AS requests
          FROM (
            SELECT version, time, count, if(measure = 'server.request' AND traffic = 'users', count, 0) AS requests
              FROM signal_1m WHERE ${where} AND toUnixTimestamp(toStartOfHour(time)) IN ({hours:Array(UInt32)})
            UNION ALL
            SELECT version, time, 1, 0 FROM counter_1m WHERE ${where} AND toUnixTimestamp(toStartOfHour(time)) IN ({hours:Array(UInt32)})
            UNION ALL
            SELECT version, time, 1, 0 FROM histogram_1m WHERE ${where} AND toUnixTimestamp(toStartOfHour(time)) IN ({hours:Array(UInt32)})
          ) AS s GROUP BY version, hour`,
          { ...params, hours: shared },
        )
  const isServer = minutes.some(({ requests }) => requests > 0)
  const served = isServer
    ? minutes.filter(({ requests }) => requests > 0).map((row) => ({ ...row, count: row.requests }))
    : minutes
  return [...hours.filter(({ hour }) => !shared.includes(hour)), ...served]
    .filter((row) => row.first < now)
    .map((row) => ({
      version: row.version,
      from: row.first,
      to: Math.min(row.last + 60, now),
      count: row.count,
    }))
}

/** The deployments of one service and environment while discovery goes over them. */
class Ledger {
  readonly #of: { readonly service: string; readonly environment: string }
  readonly #before: ReadonlyMap<string, string>
  readonly #deployments: Map<string, Deployment>

  constructor(of: { readonly service: string; readonly environment: string }, known: readonly Deployment[]) {
    this.#of = of
    this.#before = new Map(known.map((deployment) => [deployment.id, JSON.stringify(deployment)]))
    this.#deployments = new Map(known.map((deployment) => [deployment.id, deployment]))
  }

  #ordered(): Deployment[] {
    return [...this.#deployments.values()].sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt))
  }

  firstSeen(version: string, at: number): void {
    const own = this.#ordered().filter((deployment) => deployment.version === version)
    const first = own[0] ?? this.#toldOtherwise(version)
    if (first === undefined) {
      this.#add(version, at, {})
    } else if (first.source === 'discovered' && Date.parse(first.startedAt) > at) {
      // Late data: it began earlier than was known.
      this.#put(withNews(first, { ...first, source: seen(version, at) }))
    } else if (first.source === 'api' && Date.parse(first.startedAt) - at > SAME_DEPLOYMENT_MS) {
      this.#add(version, at, {})
    } else if (first.sources?.every(({ kind }) => kind !== 'telemetry') === true) {
      this.#put(withNews(first, { ...first, source: seen(version, at) }))
    }
  }

  /** Told by another name of the same version, such as the whole commit, and not seen by any yet. */
  #toldOtherwise(version: string): Deployment | undefined {
    return this.#ordered().find(
      (deployment) =>
        isSameVersion(deployment.version, version) &&
        sourcesOf(deployment).every(({ kind }) => kind !== 'telemetry' && kind !== 'api'),
    )
  }

  returned(takeover: Takeover): void {
    const at = takeover.at * 1000
    const ordered = this.#ordered()
    const told = ordered.some(
      (deployment) =>
        deployment.version === takeover.version &&
        Math.abs(Date.parse(deployment.startedAt) - at) <= SAME_DEPLOYMENT_MS,
    )
    const undone = ordered.findLast((deployment) => Date.parse(deployment.startedAt) <= at)
    if (told || undone === undefined || undone.version === takeover.version) return
    const wasThere = ordered.some(
      (deployment) =>
        deployment.version === takeover.version &&
        Date.parse(deployment.startedAt) < Date.parse(undone.startedAt),
    )
    this.#add(takeover.version, at, wasThere ? { rollback: 'true', rolledBack: undone.version } : {})
  }

  /** A version whose traffic ended: rolled back if only versions older than it serve on. */
  gone(version: string, at: number, by: ReadonlySet<string>): void {
    const ordered = this.#ordered()
    const last = ordered.findLast((deployment) => deployment.version === version)
    if (last === undefined || last.status === 'rolled_back') return
    const start = Date.parse(last.startedAt)
    const later = ordered.filter((deployment) => Date.parse(deployment.startedAt) > start)
    if (
      later.some(
        (deployment) =>
          deployment.attributes['rollback'] !== 'true' && Date.parse(deployment.startedAt) <= at,
      )
    )
      return
    const next = later[0]
    const undone = next === undefined || next.attributes['rollback'] === 'true'
    const older = [...by].every((other) =>
      ordered.some((deployment) => deployment.version === other && Date.parse(deployment.startedAt) < start),
    )
    if (!undone || !older) return
    const source = { ...seen(version, at), id: GONE, status: 'rolled_back' as const }
    this.#put(withNews(last, { ...last, source }))
  }

  /** A version that telemetry alone had called gone serves again as it did: it was a pause. */
  back(version: string, at: number): void {
    const last = this.#ordered().findLast((deployment) => deployment.version === version)
    if (last === undefined) return
    const before = sourcesOf(last)
    const sources = before.filter((source) => !(isGone(source) && Date.parse(source.at) < at))
    const [any] = sources
    if (any === undefined || sources.length === before.length) return
    this.#put(withNews({ ...last, status: 'succeeded', sources }, { ...last, source: any }))
  }

  /** What is new or different, with the versions that each replaced. */
  changed(): readonly Deployment[] {
    let previous: string | null = null
    const all = this.#ordered().map((deployment) => {
      const told = { ...deployment, previousVersion: previous ?? deployment.previousVersion }
      previous = deployment.version
      return told
    })
    return all.filter((deployment) => this.#before.get(deployment.id) !== JSON.stringify(deployment))
  }

  #add(version: string, at: number, attributes: Record<string, string>): void {
    const startedAt = new Date(at).toISOString()
    const { service, environment } = this.#of
    this.#put({
      id: deploymentId(service, environment, version, startedAt),
      service,
      environment,
      version,
      previousVersion: null,
      startedAt,
      finishedAt: null,
      source: 'discovered',
      status: 'succeeded',
      attributes,
      sources: [seen(version, at)],
    })
  }

  #put(deployment: Deployment): void {
    this.#deployments.set(deployment.id, deployment)
  }
}

/** Of the news that a version has no traffic any more. */
const GONE = 'gone'

function isGone({ kind, id }: DeploymentSource): boolean {
  return kind === 'telemetry' && id === GONE
}

/** What telemetry tells. @param at milliseconds */
function seen(version: string, at: number): DeploymentSource {
  return {
    kind: 'telemetry',
    id: 'seen',
    deployment: null,
    at: new Date(at).toISOString(),
    startedAt: null,
    status: 'seen',
    version,
    link: null,
  }
}
