import type { Deployment, DeploymentSource } from '../../schemas/contracts/deployment.ts'
import type { Store } from '../../schemas/store/client.ts'
import { inTurn } from './in-turn.ts'
import { ROLL_OUT_MS, SAME_DEPLOYMENT_MS, sourcesOf, withNews } from './merge-news.ts'
import { isBesideAnother, presences, UNKNOWN_VERSION } from './presences.ts'
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
  for (const row of firsts)
    await ledger.firstSeen(row.version, row.first * 1000, (at) => isBesideAnother(store, of, row.version, at))
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

  /** @param isBeside whether another version served at a moment too */
  async firstSeen(version: string, at: number, isBeside: (at: number) => Promise<boolean>): Promise<void> {
    const own = this.#ordered().filter((deployment) => deployment.version === version)
    const first = own[0] ?? this.#toldOtherwise(version)
    if (first === undefined) {
      this.#add(version, at, {})
    } else if (first.source === 'discovered' && Date.parse(first.startedAt) > at) {
      // Late data: it began earlier than was known.
      this.#put(withNews(first, { ...first, source: seen(version, at) }))
    } else if (isKnownSince(first, at)) {
      return
    } else if (first.source === 'api' && Date.parse(first.startedAt) - at > SAME_DEPLOYMENT_MS) {
      const start = Date.parse(first.startedAt)
      if (start - at <= ROLL_OUT_MS && (await isBeside(start)))
        this.#put(withNews(first, { ...first, source: seen(version, at) }))
      else this.#add(version, at, {})
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

/** Whether telemetry has told so before, of what somebody has told another start of since. @param at milliseconds */
function isKnownSince(deployment: Deployment, at: number): boolean {
  return sourcesOf(deployment).some(
    (source) => source.kind === 'telemetry' && source.status === 'seen' && Date.parse(source.at) <= at,
  )
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
