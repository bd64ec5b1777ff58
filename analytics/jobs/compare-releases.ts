import type { Config } from '../../schemas/config.ts'
import type { Comparability, Verdict } from '../../schemas/contracts/report.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { sideBySide } from '../baselines/design.ts'
import { loadCells } from '../queries/cells.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import { readingPlan } from '../queries/reading-plan.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'
import { windowSettings } from '../windows/deployment-windows.ts'
import type { Arm } from './arms.ts'
import { comparability } from './comparability.ts'
import { compareSignals } from './compare-signals.ts'
import { episodesMoved } from './episodes.ts'
import { ALPHA } from './report.ts'
import { judge, type ReportDesign } from './verdicts.ts'

export interface ReleaseComparison {
  readonly service: string
  readonly environment: string
  /** The version compared with, and the one that is judged. */
  readonly before: ComparedRelease
  readonly after: ComparedRelease
  readonly design: ReportDesign
  /** Most important first. */
  readonly verdicts: readonly Verdict[]
  /** Side by side: what was found against comparing the versions. */
  readonly comparability?: readonly Comparability[]
  readonly notes: readonly string[]
}

export interface ComparedRelease {
  readonly version: string
  /** ISO 8601: what was read of it. */
  readonly from: string
  readonly to: string
}

/** Newest hours of each version that are read: enough for a day's season, and bounded however long it served. */
const MOST_HOURS = 24
const HOUR = 3600

/**
 * What differs between any two releases of a service, whenever they served: side by side where they did so in the same minutes, else the newest day of
 * each, warm-up left out.
 * @param a version compared with
 * @param b version that is judged
 * @throws PostflightError RELEASE_NOT_FOUND where a version has no telemetry
 */
export async function compareReleases(
  store: Store,
  catalogue: Catalogue,
  config: Config,
  service: string,
  environment: string,
  a: string,
  b: string,
): Promise<ReleaseComparison> {
  const of = { service, environment }
  const { warmUpMinutes } = windowSettings(config.analysis, environment)
  const warmUp = warmUpMinutes * 60
  const [first, second] = await Promise.all([seen(store, of, a, warmUp), seen(store, of, b, warmUp)])
  const overlap = { from: Math.max(first.first, second.first), to: Math.min(first.last, second.last) }
  const notes: string[] = []
  const both = overlap.to - overlap.from >= 10 * 60
  if (both) {
    const from = Math.max(overlap.from, overlap.to - MOST_HOURS * HOUR)
    const { step, histogramFrom } = await readingPlan(store, of, planned({ from, to: overlap.to }))
    const set = await loadCells(store, catalogue, { ...of, from, to: overlap.to, step, histogramFrom })
    const requests = (version: string) =>
      mergeCells(
        [...(set.get('server.request')?.values() ?? [])].map((versions) => versions.get(version) ?? []),
      )
    const beside = sideBySide(requests(a), requests(b))
    if (beside !== undefined && a !== b) {
      const arm = (version: string): Arm => ({ set, versions: [version], from: beside.from, to: beside.to })
      const found = await checked(store, of, [a, b], arm, { step, warmUpMinutes })
      return result('side_by_side', set, set, beside, beside, step, found)
    }
  }
  const spans = { a: newestOf(first), b: newestOf(second) }
  const [planA, planB] = await Promise.all([
    readingPlan(store, of, planned(spans.a)),
    readingPlan(store, of, planned(spans.b)),
  ])
  // Both sides in cells of one length, that of the busier one.
  const step = Math.max(planA.step, planB.step)
  const [before, after] = await Promise.all([
    loadCells(store, catalogue, { ...of, ...spans.a, step, histogramFrom: planA.histogramFrom }),
    loadCells(store, catalogue, { ...of, ...spans.b, step, histogramFrom: planB.histogramFrom }),
  ])
  notes.push(
    'The two releases served at different times: what else changed in between is in the comparison too.',
  )
  return result('before_after', before, after, spans.a, spans.b, step)

  function result(
    design: ReportDesign,
    beforeSet: Awaited<ReturnType<typeof loadCells>>,
    afterSet: Awaited<ReturnType<typeof loadCells>>,
    beforeSpan: { from: number; to: number },
    afterSpan: { from: number; to: number },
    stepSeconds: number,
    found?: readonly Comparability[],
  ): ReleaseComparison {
    const comparisons = compareSignals(
      catalogue.signals,
      { set: beforeSet, versions: [a], from: beforeSpan.from, to: beforeSpan.to },
      { set: afterSet, versions: [b], from: afterSpan.from, to: afterSpan.to },
      {
        alpha: ALPHA,
        design: design === 'side_by_side' ? 'side-by-side' : 'before-after',
        stepSeconds,
      },
    )
    const { verdicts } = judge(comparisons, design, {
      ...VERDICT_DEFAULTS,
      falseDiscovery: config.analysis.falseDiscoveryRate,
    })
    return {
      ...of,
      before: { version: a, from: iso(beforeSpan.from), to: iso(beforeSpan.to) },
      after: { version: b, from: iso(afterSpan.from), to: iso(afterSpan.to) },
      design,
      verdicts,
      ...(found === undefined ? {} : { comparability: found }),
      notes: [
        ...notes,
        ...[...(found ?? []), ...episodesMoved(comparisons, undefined)].map(({ summary }) => summary),
      ],
    }
  }
}

/**
 * The checks of a report, whichever of the two is judged: the one that was deployed later is the new version. A share that was declared for it is the
 * one against the version that it replaced, and says nothing of any other.
 */
async function checked(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  versions: readonly [string, string],
  armOf: (version: string) => Arm,
  { step, warmUpMinutes }: { readonly step: number; readonly warmUpMinutes: number },
): Promise<readonly Comparability[]> {
  const deployments = await allDeployments(store, of)
  const newest = (version: string) => deployments.findLastIndex((one) => one.version === version)
  const [a, b] = versions
  const [old, fresh] = newest(a) > newest(b) ? [b, a] : [a, b]
  const deployment = deployments[newest(fresh)]
  const attributes = deployment?.previousVersion === old ? deployment.attributes : {}
  const arms = { before: armOf(old), after: armOf(fresh) }
  const from = arms.after.from - MOST_HOURS * HOUR
  return await comparability(store, { ...of, attributes }, arms, { step, from, warmUpMinutes })
}

interface Seen {
  /** Seconds; the warm-up after the first sight is left out. */
  readonly first: number
  readonly last: number
}

/** Of a busy service, distributions are compared over the newest hours only. */
function planned(span: { from: number; to: number }): { from: number; start: number; to: number } {
  return { ...span, start: Math.max(span.from, span.to - 2 * HOUR) }
}

function newestOf(span: Seen): { from: number; to: number } {
  return { from: Math.max(span.first, span.last - MOST_HOURS * HOUR), to: span.last }
}

async function seen(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  version: string,
  warmUp: number,
): Promise<Seen> {
  const [row] = await store.query<{ first: number; last: number; events: number }>(
    `SELECT toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) + 60 AS last, sum(count) AS events FROM version_1h
    WHERE service = {service:String} AND environment = {environment:String} AND version = {version:String}`,
    { ...of, version },
  )
  if (row === undefined || row.events === 0) {
    throw new PostflightError(
      'RELEASE_NOT_FOUND',
      `There is no telemetry of ${of.service} ${version} in ${of.environment}.`,
      { hint: 'GET /api/v1/releases?service= lists the versions that were seen.' },
    )
  }
  const settled = row.first + warmUp
  return { first: settled < row.last ? settled : row.first, last: row.last }
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
