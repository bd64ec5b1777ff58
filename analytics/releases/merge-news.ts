import type { Deployment, DeploymentSource } from '../../schemas/contracts/deployment.ts'
import { isSameVersion } from './same-version.ts'
import { deploymentId } from './stored-deployments.ts'

/** News of one deployment of one service in one environment, from whomever. */
export interface DeploymentNews {
  readonly service: string
  readonly environment: string
  readonly version: string
  readonly source: DeploymentSource
  readonly finishedAt: string | null
  readonly attributes: Readonly<Record<string, string>>
  /** The sender says in so many words that it is a return to an older version. */
  readonly isRollback: boolean
}

/** News from different places, or of start and end, that are this near are of one deployment. */
export const SAME_DEPLOYMENT_MS = 30 * 60_000
/** A roll-out by hand or in steps may take longer until somebody tells of it; what takes longer than this has had a report of its own. */
export const ROLL_OUT_MS = 2 * 60 * 60_000
/** News of one deployment that are kept: enough for every sender's start, end and repeats by other ids. */
const MOST_SOURCES = 50

export interface Merged {
  /** The deployment as it is now. */
  readonly deployment: Deployment
  /** It, and one that it undid, where they are new or different. */
  readonly changed: readonly Deployment[]
}

/**
 * Puts news into what is known: pure. The same deployment told by several senders is one: by the sender's own id of it, else by version (or commit)
 * and time. Start, status and end follow from all news together, so their order does not matter and a redelivery changes nothing.
 * @param known of the same service and environment, oldest first
 * @param rollingOut see {@link begunBefore}: one of them that was still being rolled out
 */
export function mergeNews(
  known: readonly Deployment[],
  news: DeploymentNews,
  rollingOut?: Deployment,
): Merged {
  const same = findSame(known, news) ?? rollingOut
  const startedAt = news.source.startedAt ?? news.source.at
  const before: Deployment = same ?? {
    id: deploymentId(news.service, news.environment, news.version, startedAt),
    service: news.service,
    environment: news.environment,
    version: news.version,
    previousVersion: null,
    startedAt,
    finishedAt: null,
    source: 'api',
    status: 'in_progress',
    attributes: {},
    sources: [],
  }
  const { deployment, undone } = undoneBy(known, withNews(before, news), news)
  const merged = withPrevious(known, deployment)
  const isNew = JSON.stringify(merged) !== JSON.stringify(same)
  return { deployment: merged, changed: isNew ? [merged, ...undone] : [] }
}

/** The news of a deployment; of one that was stored before there were any, what can be told of it. */
export function sourcesOf(deployment: Deployment): readonly DeploymentSource[] {
  if (deployment.sources !== undefined && deployment.sources.length > 0) return deployment.sources
  const told = deployment.source === 'api'
  return [
    {
      kind: told ? 'api' : 'telemetry',
      id: told ? `${deployment.status}` : 'seen',
      deployment: null,
      at: deployment.startedAt,
      startedAt: told ? deployment.startedAt : null,
      status: told ? deployment.status : 'seen',
      version: deployment.version,
      link: null,
    },
  ]
}

function findSame(known: readonly Deployment[], news: DeploymentNews): Deployment | undefined {
  const { source } = news
  if (source.deployment !== null) {
    const own = known.findLast((other) =>
      sourcesOf(other).some(
        ({ kind, deployment }) => kind === source.kind && deployment === source.deployment,
      ),
    )
    if (own !== undefined) return own
  }
  const near = known.filter(
    (other) => isNear(other, news) && isOneVersion(other, news) && !isReturn(known, other, news),
  )
  // The sender knows the one that it told of as another than this.
  const open = near.filter((other) =>
    sourcesOf(other).every(
      (theirs) => theirs.kind !== source.kind || theirs.kind === 'telemetry' || isContinued(theirs, source),
    ),
  )
  const distance = (other: Deployment) => Math.abs(Date.parse(other.startedAt) - startOf(source))
  return open.toSorted((a, b) => distance(a) - distance(b))[0] ?? seenSince(known, news)
}

/** A start that is told late, of what telemetry alone has shown since with nothing deployed between: the version was there before its telemetry, or before Postflight. */
function seenSince(known: readonly Deployment[], news: DeploymentNews): Deployment | undefined {
  const { startedAt } = news.source
  if (startedAt === null) return undefined
  const next = known.find((other) => Date.parse(other.startedAt) >= Date.parse(startedAt))
  if (next === undefined || !isOneVersion(next, news)) return undefined
  return sourcesOf(next).every(({ kind }) => kind === 'telemetry') ? next : undefined
}

/**
 * What telemetry alone has shown for longer than news of one deployment are apart, and that is the newest: the same deployment if it was still being
 * rolled out beside the old version when somebody told of it, else an earlier one of the same version.
 */
export function begunBefore(known: readonly Deployment[], news: DeploymentNews): Deployment | undefined {
  if (news.isRollback || news.source.kind === 'telemetry') return undefined
  const start = startOf(news.source)
  const last = known.findLast(({ startedAt }) => Date.parse(startedAt) <= start)
  if (last === undefined || last.status === 'rolled_back' || !isOneVersion(last, news)) return undefined
  if (start - Date.parse(last.startedAt) > ROLL_OUT_MS) return undefined
  return sourcesOf(last).every(({ kind }) => kind === 'telemetry') ? last : undefined
}

/** Of two pieces of news of one sender that has no ids: not if they name different starts. */
function isContinued(theirs: DeploymentSource, source: DeploymentSource): boolean {
  if (theirs.deployment !== null || source.deployment !== null) return theirs.deployment === source.deployment
  return theirs.startedAt === null || source.startedAt === null || theirs.startedAt === source.startedAt
}

function isNear(other: Deployment, { source }: DeploymentNews): boolean {
  const start = Date.parse(other.startedAt)
  const end = Math.max(start, other.finishedAt === null ? start : Date.parse(other.finishedAt))
  const at = startOf(source)
  return at >= start - SAME_DEPLOYMENT_MS && at <= end + SAME_DEPLOYMENT_MS
}

/** What is told anew of a version that its sender was done with, and after which another was begun, is a return to it: soon after a deployment is when most are rolled back. */
function isReturn(known: readonly Deployment[], other: Deployment, news: DeploymentNews): boolean {
  const { source } = news
  if (source.kind === 'telemetry') return false
  const wasDone = sourcesOf(other).some(
    ({ kind, status }) => kind === source.kind && (status === 'succeeded' || status === 'failed'),
  )
  if (!wasDone && !news.isRollback) return false
  const [since, until] = [Date.parse(other.startedAt), startOf(source)]
  return known.some(
    (next) =>
      !isOneVersion(next, news) && Date.parse(next.startedAt) > since && Date.parse(next.startedAt) < until,
  )
}

function isOneVersion(other: Deployment, news: DeploymentNews): boolean {
  if (sourcesOf(other).some(({ version }) => isSameVersion(version, news.version))) return true
  if (isSameVersion(other.version, news.version)) return true
  const [theirs, ours] = [other.attributes['commit'], news.attributes['commit']]
  return theirs !== undefined && ours !== undefined && isSameVersion(theirs, ours)
}

function startOf(source: DeploymentSource): number {
  return Date.parse(source.startedAt ?? source.at)
}

/** The deployment with one piece of news more; what follows from all of them does not depend on their order. */
export function withNews(deployment: Deployment, news: Omit<DeploymentNews, 'isRollback'>): Deployment {
  const before = deployment.sources?.length === 0 ? [] : sourcesOf(deployment)
  const source = asContinued(before, news.source)
  const others = before.filter((other) => keyOf(other) !== keyOf(source))
  const sources = [...others, source].toSorted(byTime).slice(-MOST_SOURCES)
  const told = sources.filter(({ kind }) => kind !== 'telemetry')
  const ended = told.findLast(
    ({ kind, status }) => kind !== 'api' && (status === 'succeeded' || status === 'failed'),
  )
  const isUndone =
    deployment.status === 'rolled_back' && before.every(({ status }) => status !== 'rolled_back')
  return {
    ...deployment,
    // What telemetry calls it is what its telemetry is found by; else what the first who told called it.
    version:
      sources.find(({ kind }) => kind === 'telemetry')?.version ?? nameOf(sources) ?? deployment.version,
    startedAt: startedAtOf(sources) ?? deployment.startedAt,
    finishedAt: (source.kind === 'api' ? news.finishedAt : null) ?? ended?.at ?? deployment.finishedAt,
    source: told.length > 0 ? 'api' : deployment.source,
    status: isUndone ? 'rolled_back' : statusOf(sources),
    attributes: inOrder(
      sources.at(-1) === source
        ? { ...deployment.attributes, ...news.attributes }
        : { ...news.attributes, ...deployment.attributes },
    ),
    sources,
  }
}

/** By name, so that the same attributes are the same row. */
function inOrder(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A pipeline has no ids: what it says again, with nothing else between, is what it said. */
function asContinued(before: readonly DeploymentSource[], source: DeploymentSource): DeploymentSource {
  if (source.kind !== 'api') return source
  const own = before.filter(({ kind }) => kind === 'api')
  const last = own.at(-1)
  if (last?.status === source.status)
    return { ...source, id: last.id, at: last.at, startedAt: source.startedAt ?? last.startedAt }
  const startedAt = source.startedAt ?? own.find((other) => other.startedAt !== null)?.startedAt ?? null
  return { ...source, id: `${source.status} ${source.at}`, startedAt }
}

function keyOf({ kind, id, deployment }: DeploymentSource): string {
  return JSON.stringify([kind, id, deployment])
}

function byTime(a: DeploymentSource, b: DeploymentSource): number {
  return (
    Date.parse(a.at) - Date.parse(b.at) || RANK[a.status] - RANK[b.status] || keyOf(a).localeCompare(keyOf(b))
  )
}

/** The API's word first: a pipeline says `service@version` as it wants it called. */
function nameOf(sources: readonly DeploymentSource[]): string | undefined {
  return (sources.find(({ kind }) => kind === 'api') ?? sources[0])?.version
}

/**
 * When it started: as a pipeline says; else the earliest that anybody saw of it, where having been asked for counts only if nothing else is known.
 */
function startedAtOf(sources: readonly DeploymentSource[]): string | undefined {
  const named = sources.filter(({ kind, startedAt }) => kind === 'api' && startedAt !== null).at(-1)
  if (named?.startedAt != null) return named.startedAt
  const begun = sources.filter(({ status }) => status !== 'queued' && status !== 'rolled_back')
  const times = (begun.length > 0 ? begun : sources).map((source) => source.startedAt ?? source.at)
  return times.toSorted()[0]
}

/** The life of a deployment, for news of one moment. */
const RANK = { seen: 0, queued: 1, in_progress: 2, succeeded: 3, failed: 4, rolled_back: 5 } as const

/** The status of the newest news; of one moment, the one that comes later in the life of a deployment. */
function statusOf(sources: readonly DeploymentSource[]): Deployment['status'] {
  for (const { status } of sources.toReversed()) if (status !== 'seen' && status !== 'queued') return status
  return sources.some(({ status }) => status === 'seen') ? 'succeeded' : 'in_progress'
}

/** A return to a version that was there before, or that the sender calls one, undoes the deployment before it, once it has succeeded. */
function undoneBy(
  known: readonly Deployment[],
  deployment: Deployment,
  news: DeploymentNews,
): { readonly deployment: Deployment; readonly undone: readonly Deployment[] } {
  const others = known.filter(({ id }) => id !== deployment.id)
  const earlier = others.filter(({ startedAt }) => Date.parse(startedAt) < Date.parse(deployment.startedAt))
  const before = earlier.at(-1)
  if (before === undefined || isSameVersion(before.version, deployment.version))
    return { deployment, undone: [] }
  const returns = earlier.some(({ version }) => isSameVersion(version, deployment.version))
  if (!returns && !news.isRollback) return { deployment, undone: [] }
  const marked: Deployment = {
    ...deployment,
    attributes: inOrder({ ...deployment.attributes, rollback: 'true', rolledBack: before.version }),
  }
  if (deployment.status !== 'succeeded' || before.status === 'rolled_back')
    return { deployment: marked, undone: [] }
  const undone = withNews(before, {
    ...news,
    version: before.version,
    finishedAt: before.finishedAt,
    attributes: {},
    source: {
      ...news.source,
      id: `undone by ${news.source.deployment ?? news.source.id}`,
      deployment: null,
      startedAt: null,
      status: 'rolled_back',
      version: before.version,
    },
  })
  return { deployment: marked, undone: [undone] }
}

function withPrevious(known: readonly Deployment[], deployment: Deployment): Deployment {
  const previous = known.findLast(
    (other) => other.id !== deployment.id && Date.parse(other.startedAt) < Date.parse(deployment.startedAt),
  )
  return { ...deployment, previousVersion: previous?.version ?? null }
}
