import { CANARY_SHARE, parseShare } from '../../schemas/canary-share.ts'
import type { Cell } from '../../schemas/cell.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Comparability } from '../../schemas/contracts/report.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import type { Store } from '../../schemas/store/client.ts'
import { differentMix, MISMATCH, movingShare, sampleRatio } from '../compare/comparability.ts'
import { mergeCounts } from '../queries/merge-cells.ts'
import { type Arm, between } from './arms.ts'

/** Share of a version's requests from which on one instance of several stands for it. */
const MOSTLY_ONE = 0.8

type Deployed = Pick<Deployment, 'service' | 'environment' | 'attributes'>

interface Instance {
  readonly version: string
  readonly instance: string
  readonly requests: number
  /** Seconds since the epoch, not before the time that was looked at. */
  readonly first: number
}

/**
 * Whether old and new version, side by side, may be compared: shares as declared and steady, the same routes, several hosts, caches as warm. Only what is found is said.
 * @param arms in the same minutes
 * @param from seconds: how far back instances are looked for
 */
export async function comparability(
  store: Store,
  deployment: Deployed,
  arms: { readonly before: Arm; readonly after: Arm },
  of: { readonly step: number; readonly from: number; readonly warmUpMinutes: number },
): Promise<readonly Comparability[]> {
  const old = requestsByRoute(arms.before)
  const fresh = requestsByRoute(arms.after)
  const instances = await loadInstances(store, deployment, arms, of.from)
  return [
    ...shareFindings(deployment, whole(old), whole(fresh), of.step),
    ...mixFindings(old, fresh),
    ...hostFindings(instances, arms),
    ...warmthFindings(instances, arms, of.warmUpMinutes),
  ]
}

type Routes = ReadonlyMap<string, readonly Cell[]>

function requestsByRoute({ set, versions, from, to }: Arm): Routes {
  const routes = new Map<string, readonly Cell[]>()
  for (const [route, byVersion] of set.get('server.request') ?? []) {
    const cells = versions.flatMap((version) => between(byVersion.get(version) ?? [], from, to))
    if (cells.length > 0) routes.set(route, cells)
  }
  return routes
}

/** Without histograms: only counts are asked for. */
function whole(routes: Routes): readonly Cell[] {
  return mergeCounts([...routes.values()])
}

function shareFindings(
  { attributes }: Deployed,
  old: readonly Cell[],
  fresh: readonly Cell[],
  step: number,
): readonly Comparability[] {
  const declared = attributes[CANARY_SHARE]
  const found: Comparability[] = []
  const expected = declared === undefined ? undefined : parseShare(declared)
  // Of a deployment that was recorded before such shares were refused.
  if (declared !== undefined && expected === undefined) {
    found.push({
      check: 'sample ratio',
      doubtful: false,
      pValue: null,
      summary: `The declared share "${declared}" (attribute ${CANARY_SHARE}) is no share between 0 and 1: the sample ratio was not checked.`,
    })
  }
  const ratio = expected === undefined ? undefined : sampleRatio(old, fresh, expected, step)
  if (ratio !== undefined && (ratio.p < MISMATCH || ratio.spans.length > 0)) {
    const [span] = ratio.spans
    const p = Math.min(ratio.p, ...ratio.spans.map((one) => one.p))
    const where =
      span === undefined || ratio.p < MISMATCH
        ? ''
        : ` (most of all from ${clock(span.from)} to ${clock(span.to)}: ${percent(span.share)})`
    found.push({
      check: 'sample ratio',
      doubtful: true,
      pValue: p,
      summary: `The new version got ${percent(ratio.share)} of the requests and was meant to get ${percent(ratio.expected)}${where}: requests are lost, kept or sent elsewhere by something, and the versions may not be comparable (sample ratio mismatch, p ${pWords(p)}).`,
    })
  }
  const moving = movingShare(old, fresh, step)
  if (moving !== undefined && !found.some(({ doubtful }) => doubtful)) {
    found.push({
      check: 'share over time',
      doubtful: false,
      pValue: moving.p,
      summary: `The new version's share of the requests moved between ${percent(moving.lowest)} and ${percent(moving.highest)}: it was asked more at other times than the old one.`,
    })
  }
  return found
}

function mixFindings(old: Routes, fresh: Routes): readonly Comparability[] {
  const count = (cells: readonly Cell[] | undefined) =>
    (cells ?? []).reduce((sum, cell) => sum + cell.count, 0)
  const routes = new Set([...old.keys(), ...fresh.keys()])
  const mix = differentMix(
    new Map([...routes].map((route) => [route, [count(old.get(route)), count(fresh.get(route))] as const])),
  )
  if (mix === undefined) return []
  return [
    {
      check: 'routes',
      doubtful: false,
      pValue: null,
      summary: `The versions got other routes (${percent(mix.distance)} of the requests; ${mix.name} was ${percent(mix.old)} of the old and ${percent(mix.fresh)} of the new version's): shares and durations of the whole are compared at equal mix.`,
    },
  ]
}

function hostFindings(
  instances: readonly Instance[],
  { before, after }: { readonly before: Arm; readonly after: Arm },
): readonly Comparability[] {
  const of = (versions: readonly string[]) =>
    instances.filter(({ version, requests }) => versions.includes(version) && requests > 0)
  const old = of(before.versions)
  const fresh = of(after.versions)
  if (old.length === 0 || fresh.length === 0) return []
  const all = fresh.reduce((sum, { requests }) => sum + requests, 0)
  // Those that have no name are several.
  const named = fresh.filter(({ instance }) => instance !== OTHER)
  const most = Math.max(0, ...named.map(({ requests }) => requests)) / all
  if (fresh.length === 1 && old.length === 1) return []
  if (most < MOSTLY_ONE) return []
  return [
    {
      check: 'hosts',
      doubtful: false,
      pValue: null,
      summary: `${fresh.length === 1 ? 'One instance serves' : `One of ${numberOf(fresh)} instances serves ${percent(most)} of`} the new version's requests, ${numberOf(old)} the old one's: what is its host's cannot be told from what is the release's.`,
    },
  ]
}

function numberOf(instances: readonly Instance[]): string {
  const named = instances.filter(({ instance }) => instance !== OTHER).length
  return named === instances.length ? `${named}` : `more than ${named}`
}

function warmthFindings(
  instances: readonly Instance[],
  { before, after }: { readonly before: Arm; readonly after: Arm },
  warmUpMinutes: number,
): readonly Comparability[] {
  const youngest = (versions: readonly string[]) =>
    Math.max(
      Number.NEGATIVE_INFINITY,
      // When those without a name began is not known: only when they lost it.
      ...instances
        .filter(({ version, instance }) => versions.includes(version) && instance !== OTHER)
        .map(({ first }) => first),
    )
  const warm = (first: number) => first <= after.from - warmUpMinutes * 60
  if (warm(youngest(after.versions)) || !warm(youngest(before.versions))) return []
  return [
    {
      check: 'warm caches',
      doubtful: false,
      pValue: null,
      summary: `Instances of the new version started within the compared time or less than ${warmUpMinutes} minutes before, those of the old one earlier: colder caches are in the comparison.`,
    },
  ]
}

async function loadInstances(
  store: Store,
  { service, environment }: Deployed,
  { before, after }: { readonly before: Arm; readonly after: Arm },
  from: number,
): Promise<readonly Instance[]> {
  return await store.query<Instance & Record<string, unknown>>(
    `SELECT version, instance, sumIf(count, time >= toDateTime({start:UInt32})) AS requests, toUnixTimestamp(min(time)) AS first
    FROM signal_1m
    WHERE service = {service:String} AND environment = {environment:String} AND measure = 'server.request' AND traffic = 'users'
      AND version IN ({versions:Array(String)}) AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})
    GROUP BY version, instance
    ORDER BY version, instance
    LIMIT 2000`,
    {
      service,
      environment,
      versions: [...before.versions, ...after.versions],
      from: Math.floor(from),
      start: Math.floor(after.from),
      to: Math.ceil(after.to),
    },
  )
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 16)
}

function pWords(p: number): string {
  return p < 1e-6 ? 'below 0.000001' : p.toPrecision(1)
}
