import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { AlsoMoved } from '../../schemas/contracts/report.ts'
import { SERIES_SQL } from '../../schemas/signals/views.ts'
import type { Store } from '../../schemas/store/client.ts'
import { replacedNames } from '../compare/replaced-names.ts'
import type { CellSet } from '../queries/series-set.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { between } from './arms.ts'

interface Span {
  /** Milliseconds, from inclusive to exclusive. */
  readonly from: number
  readonly to: number
}

export interface Surroundings {
  readonly deployment: Deployment
  readonly baseline: string
  readonly windows: { readonly before: Span; readonly after: Span }
  readonly sideBySide: boolean
  readonly set: CellSet
}

/** Deployments that began up to so long before this one may still show their effect. */
const STILL_SHOWING = 30 * 60_000
/** Traffic that grew or fell by more than this factor changes latencies and caches by itself. */
const TRAFFIC_FACTOR = 1.3
/** Requests on either side below which a change of traffic is hardly known. */
const FEWEST_REQUESTS = 100
/** Of raw telemetry: enough to see which instrumentation wrote it. */
const LOOKED_AT = 10 * 60_000
const MOST_NAMED = 5

/** What else changed around a deployment: what a reader should know before blaming the release. Most telling first. */
export async function alsoMoved(store: Store, of: Surroundings): Promise<readonly AlsoMoved[]> {
  const [neighbours, instrumentation] = await Promise.all([
    otherDeployments(store, of),
    instrumentationChanges(store, of),
  ])
  return [...instrumentation, ...renamedRoutes(of), ...neighbours, ...trafficChange(of)]
}

async function otherDeployments(
  store: Store,
  { deployment, windows }: Surroundings,
): Promise<readonly AlsoMoved[]> {
  const from = Date.parse(deployment.startedAt) - STILL_SHOWING
  const others = (await allDeployments(store, { environment: deployment.environment })).filter((other) => {
    const at = Date.parse(other.startedAt)
    return other.service !== deployment.service && at >= from && at < windows.after.to
  })
  return others.slice(0, 20).map((other) => ({
    kind: 'deployment' as const,
    at: other.startedAt,
    summary: `${other.service} ${other.version} was deployed at ${other.startedAt.slice(0, 16).replace('T', ' ')}Z.`,
  }))
}

function renamedRoutes({ set, baseline, deployment, windows }: Surroundings): readonly AlsoMoved[] {
  const frequencies = (version: string, span: Span): Map<string, number> => {
    const minutes = Math.max(1, (span.to - span.from) / 60_000)
    const found = new Map<string, number>()
    for (const [route, versions] of set.get('server.request') ?? []) {
      const cells = between(versions.get(version) ?? [], span.from / 1000, span.to / 1000)
      const count = cells.reduce((sum, cell) => sum + cell.count, 0)
      if (count > 0) found.set(route, count / minutes)
    }
    return found
  }
  const pairs = replacedNames(
    frequencies(baseline, windows.before),
    frequencies(deployment.version, windows.after),
  )
  if (pairs.length === 0) return []
  const named = pairs.slice(0, MOST_NAMED).map(({ from, to }) => `${from} (now ${to})`)
  const more = pairs.length > MOST_NAMED ? ` and ${pairs.length - MOST_NAMED} more` : ''
  return [
    {
      kind: 'instrumentation',
      at: null,
      summary: `Routes seem to have been renamed: ${named.join(', ')}${more}. Old and new names are not compared with each other.`,
    },
  ]
}

function trafficChange({
  set,
  baseline,
  deployment,
  windows,
  sideBySide,
}: Surroundings): readonly AlsoMoved[] {
  // Side by side the shares are a decision, and load cancels.
  if (sideBySide) return []
  const perMinute = (version: string, span: Span) => {
    let count = 0
    const minutes = new Set<number>()
    for (const versions of set.get('server.request')?.values() ?? []) {
      for (const cell of between(versions.get(version) ?? [], span.from / 1000, span.to / 1000)) {
        count += cell.count
        minutes.add(cell.time)
      }
    }
    return { count, rate: minutes.size === 0 ? 0 : count / minutes.size }
  }
  const before = perMinute(baseline, windows.before)
  const after = perMinute(deployment.version, windows.after)
  if (Math.min(before.count, after.count) < FEWEST_REQUESTS) return []
  const factor = after.rate / before.rate
  if (factor < TRAFFIC_FACTOR && factor > 1 / TRAFFIC_FACTOR) return []
  return [
    {
      kind: 'traffic',
      at: null,
      summary: `Traffic was ${Number(factor.toPrecision(2))} times that of the time before: caches, queues and latencies move with it.`,
    },
  ]
}

/** Which SDKs and instrumentations wrote a version's spans. */
async function instrumentationChanges(store: Store, of: Surroundings): Promise<readonly AlsoMoved[]> {
  const { service, environment, version } = of.deployment
  const { before, after } = of.windows
  const writers = async (written: string, span: Span) => {
    // Expressions come from the catalogue, values as parameters: see schemas/signals/measure.ts.
    const rows = await store.query<{ name: string; versions: string[] }>(
      `SELECT name, arraySort(groupUniqArray(20)(version)) AS versions
      FROM (
        SELECT arrayJoin([
            (concat('SDK ', ResourceAttributes['telemetry.sdk.language']), ResourceAttributes['telemetry.sdk.version']),
            (ScopeName, ScopeVersion)]) AS writer, writer.1 AS name, writer.2 AS version
        FROM otel_traces
        WHERE ServiceName = {service:String}
          AND Timestamp >= fromUnixTimestamp64Milli({from:Int64}) AND Timestamp < fromUnixTimestamp64Milli({to:Int64})
          AND ${SERIES_SQL.environment} = {environment:String} AND ${SERIES_SQL.version} = {version:String}
        LIMIT 20000
      )
      WHERE name NOT IN ('', 'SDK ') AND version != ''
      GROUP BY name
      ORDER BY name`,
      { service, environment, version: written, from: span.from, to: span.to },
    )
    return new Map(rows.map((row) => [row.name, row.versions.join(', ')]))
  }
  const [earlier, later] = await Promise.all([
    writers(of.baseline, { from: Math.max(before.from, before.to - LOOKED_AT), to: before.to }),
    writers(version, { from: Math.max(after.from, after.to - LOOKED_AT), to: after.to }),
  ])
  const changes = [...later].flatMap(([name, versions]) => {
    const known = earlier.get(name)
    return known === undefined || known === versions ? [] : [`${name} ${known} to ${versions}`]
  })
  if (changes.length === 0) return []
  const more = changes.length > MOST_NAMED ? ` and ${changes.length - MOST_NAMED} more` : ''
  return [
    {
      kind: 'instrumentation',
      at: null,
      summary: `What writes the telemetry changed as well: ${changes.slice(0, MOST_NAMED).join('; ')}${more}. What it measures or calls things may have changed with it.`,
    },
  ]
}
