import { sharedSources } from '../../schemas/collectors.ts'
import type { Config } from '../../schemas/config.ts'
import { type Alert, isToldRegression } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { DeploymentState, Report, Verdict } from '../../schemas/contracts/report.ts'
import { sha256 } from '../../schemas/sha256.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { listAlerts } from '../alerts/stored-alerts.ts'
import { type Calibrations, loadCalibrations, WHOLE_DAY } from '../baselines/calibrations.ts'
import { sideBySide } from '../baselines/design.ts'
import { loadPasts, slotLength } from '../baselines/past.ts'
import { loadCells } from '../queries/cells.ts'
import { keptInstances } from '../queries/kept-instances.ts'
import { mergeCounts } from '../queries/merge-cells.ts'
import { type ReadingPlan, readingPlan } from '../queries/reading-plan.ts'
import type { CellSet } from '../queries/series-set.ts'
import { streamsLeftOut } from '../queries/streams-left-out.ts'
import { witness } from '../receipts/witness.ts'
import { type AdoptionPoint, adoption } from '../releases/adoption.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { VERDICT_DEFAULTS, VERDICT_METHOD } from '../verdict.ts'
import {
  type DeploymentWindows,
  deploymentWindows,
  type WindowSettings,
  windowSettings,
} from '../windows/deployment-windows.ts'
import { rollOutEnd } from '../windows/roll-out.ts'
import { alsoMoved } from './also-moved.ts'
import type { Arm } from './arms.ts'
import { comparability } from './comparability.ts'
import { compareSignals, type SeriesComparison } from './compare-signals.ts'
import { loadStarts } from './earlier-starts.ts'
import { episodesMoved } from './episodes.ts'
import { withExemplars } from './exemplars.ts'
import { headline } from './headline.ts'
import { kindFacts } from './kind-facts.ts'
import { compareNeighbours } from './neighbours.ts'
import { instanceNotes, restNotes, streamNotes } from './rest-notes.ts'
import { compareSharedSources, sharedNotes } from './shared-sources.ts'
import { sourceNotes } from './source-notes.ts'
import { storeReport } from './stored-reports.ts'
import { judge, type ReportDesign } from './verdicts.ts'

const METHOD = `report@9 ${VERDICT_METHOD}`
/** Error of one series' interval: statistics.md promises 1 %. */
export const ALPHA = 0.01
/** Minutes of one watch window depend on each other: so many independent looks stand for all of them. */
const LOOKS = 5
const MINUTE = 60_000

/** What a verdict is made of: every series compared, and what laid the windows. */
interface Compared {
  readonly comparisons: readonly SeriesComparison[]
  readonly shared: readonly SeriesComparison[]
  readonly neighbours: readonly SeriesComparison[]
  readonly design: ReportDesign
  readonly baseline: string | null
  /** Milliseconds: the start of the time before, also where the arms are side by side. */
  readonly beforeFrom: number
  readonly windows: DeploymentWindows
  readonly siblings: readonly Deployment[]
  readonly set: CellSet
  /** Levels of streams that are left out of `set`, by measure. */
  readonly streams: ReadonlyMap<string, number>
  /** Instances that keep their name, of versions of which others do not. */
  readonly fleets: ReadonlyMap<string, number>
  readonly curve: readonly AdoptionPoint[]
  readonly calibrations: Calibrations | undefined
  /** Undefined without a baseline. */
  readonly arms: Pick<Arms, 'before' | 'after'> | undefined
  /** Of the six weeks before, kept from look to look; '' where nothing rests on them. */
  readonly pastDigest: string
  readonly plan: ReadingPlan
  readonly settings: WindowSettings
}

/**
 * Loads a deployment's cells as of `now`, and compares them with the baseline.
 * @param store through which all is read, but for what is kept from look to look, which is read through `reading`
 */
async function compareDeployment(
  reading: Store,
  store: Store,
  catalogue: Catalogue,
  config: Config,
  deployment: Deployment,
  now: number,
): Promise<Compared> {
  const settings = windowSettings(config.analysis, deployment.environment)
  const of = { service: deployment.service, environment: deployment.environment }
  const startedAt = Date.parse(deployment.startedAt)
  // Of later ones a report of that moment knew nothing.
  const siblings = (await allDeployments(store, of)).filter(
    (other) => other.id !== deployment.id && Date.parse(other.startedAt) <= now,
  )
  const previous = siblings.findLast((other) => Date.parse(other.startedAt) < startedAt)
  const next = siblings.find((other) => Date.parse(other.startedAt) > startedAt)
  const placed = {
    startedAt,
    previousStartedAt: previous === undefined ? undefined : Date.parse(previous.startedAt),
    nextStartedAt: next === undefined ? undefined : Date.parse(next.startedAt),
    watermark: now - settings.latenessSeconds * 1000,
    settings,
  }
  const open = deploymentWindows({ ...placed, rolloutEnd: undefined })
  const span = { from: open.before.from / 1000, start: open.before.to / 1000, to: open.after.to / 1000 }
  const plan = await readingPlan(store, of, span)
  const [streams, fleets, curve, set] = await Promise.all([
    streamsLeftOut(store, of.service, { from: span.from, to: span.to }),
    keptInstances(store, of, { from: span.from, to: span.to }),
    adoption(store, of.service, of.environment, { from: open.before.to, to: open.after.to }),
    loadCells(store, catalogue, {
      ...of,
      from: span.from,
      to: span.to,
      step: plan.step,
      histogramFrom: plan.histogramFrom,
    }),
  ])
  const baseline = baselineOf(set, deployment, previous, open)
  const arms =
    baseline === null ? undefined : armsOf(set, curve, deployment, baseline, placed, open, plan.step)
  const windows = arms?.windows ?? open
  const design: ReportDesign = arms?.design ?? 'before_after'
  const calibrations: Calibrations | undefined =
    arms === undefined ? undefined : await loadCalibrations(store, catalogue, of, startedAt, now)
  // A shorter time before has another season than the quiet moments that a season is known from.
  const wholeDay = open.before.to - open.before.from >= WHOLE_DAY
  const pastRequest = {
    startedAt: startedAt / 1000,
    slotSeconds: slotLength(settings.watchMinutes * 60, plan.step),
    releases: siblings.map((other) => Date.parse(other.startedAt) / 1000),
  }
  const past =
    arms === undefined || design === 'side_by_side'
      ? undefined
      : // Of the store itself, by which it is kept from look to look.
        await loadPasts(reading, catalogue, { ...of, ...pastRequest })
  const starts =
    arms === undefined
      ? undefined
      : await loadStarts(store, catalogue, set, deployment, siblings, {
          from: startedAt,
          to: arms.windows.after.to,
        })
  const comparisons =
    arms === undefined
      ? []
      : compareSignals(catalogue.signals, arms.before, arms.after, {
          alpha: ALPHA,
          design: design === 'side_by_side' ? 'side-by-side' : 'before-after',
          stepSeconds: plan.step,
          ...(arms.longer === undefined ? {} : { longer: arms.longer }),
          ...(starts === undefined ? {} : { starts }),
          ...(past === undefined ? {} : { past: past.of }),
          ...(calibrations === undefined ? {} : { calibration: calibrations.of }),
          ...(calibrations === undefined || !wholeDay ? {} : { season: calibrations.season }),
        })
  const shared =
    arms === undefined
      ? { comparisons: [], digest: '' }
      : await compareSharedSources(store, catalogue, config.collectors, deployment, {
          windows: { before: open.before, after: windows.after },
          step: plan.step,
          alpha: ALPHA,
          wholeDay,
          asOf: now,
          reading,
          past: pastRequest,
        })
  const neighbours =
    arms === undefined
      ? []
      : await compareNeighbours(store, catalogue, deployment, {
          windows: { before: open.before, after: windows.after },
          step: plan.step,
          alpha: ALPHA,
          asOf: now,
        })
  return {
    comparisons,
    shared: shared.comparisons,
    neighbours,
    arms,
    design,
    baseline,
    beforeFrom: open.before.from,
    windows,
    siblings,
    set,
    streams,
    fleets,
    curve,
    calibrations,
    pastDigest: (past?.digest ?? '') + shared.digest,
    plan,
    settings,
  }
}

/** Error of the family: a provisional report is looked at again and again, and each look gets a part of what one final look has. */
function familyError(windows: DeploymentWindows, alpha: number): number {
  return windows.closed ? alpha : alpha / LOOKS
}

/**
 * What a deployment would have been called with other settings, as of the same moment: the same comparison, put in words again.
 * @param settings `alpha` of the family; `fewest` requests (values) of the window after below which a series is not judged
 * @returns for each setting whether the deployment as a whole, and which series, are called regressed
 */
export async function judgeAgain(
  store: Store,
  catalogue: Catalogue,
  config: Config,
  deployment: Deployment,
  now: number,
  settings: readonly { readonly alpha: number; readonly fewest: number }[],
): Promise<readonly { readonly regressed: boolean; readonly series: readonly Verdict[] }[]> {
  const compared = await compareDeployment(store, store, catalogue, config, deployment, now)
  const all = [...compared.comparisons, ...compared.shared, ...compared.neighbours]
  return settings.map(({ alpha, fewest }) => {
    const judged = judge(
      all.filter((series) => exposureOf(series) >= fewest),
      compared.design,
      {
        ...VERDICT_DEFAULTS,
        familyAlpha: familyError(compared.windows, alpha),
        falseDiscovery: config.analysis.falseDiscoveryRate,
      },
    )
    return {
      regressed: judged.state === 'regressed',
      series: judged.verdicts.filter(({ word }) => word === 'regressed'),
    }
  })
}

/** Requests or values of the window after; Infinity for what is counted by minutes or sampled, of which more traffic brings no more. */
function exposureOf({ signal, comparison }: SeriesComparison): number {
  if (signal.kind === 'gauge' || signal.per === 'minute' || comparison.kind !== 'measured')
    return Number.POSITIVE_INFINITY
  return comparison.n.after.exposure
}

/**
 * The report of a deployment as of `now`: loads its cells, compares them with the baseline, and puts the verdict in words. Nothing
 * is stored.
 * @param now milliseconds; telemetry counts as complete up to `analysis.latenessSeconds` before
 */
export async function computeReport(
  reading: Store,
  catalogue: Catalogue,
  config: Config,
  deployment: Deployment,
  now: number,
): Promise<Report> {
  const { store, readings } = witness(reading)
  const of = { service: deployment.service, environment: deployment.environment }
  const { comparisons, shared, neighbours, arms, design, baseline, windows, settings, ...compared } =
    await compareDeployment(reading, store, catalogue, config, deployment, now)
  const { set, curve, calibrations, pastDigest, plan, siblings, beforeFrom, streams, fleets } = compared
  const notes: string[] = []
  const familyAlpha = familyError(windows, VERDICT_DEFAULTS.familyAlpha)
  const facts = await kindFacts(store, comparisons, of, beforeFrom / 1000, ALPHA)
  const judged = judge(
    [...comparisons, ...shared, ...neighbours],
    design,
    { ...VERDICT_DEFAULTS, familyAlpha, falseDiscovery: config.analysis.falseDiscoveryRate },
    facts,
  )
  const after = { from: windows.after.from, to: Math.max(windows.after.to, windows.after.from) }
  const verdicts = await withExemplars(
    store,
    catalogue,
    judged.verdicts,
    { ...of, version: deployment.version },
    after,
  )
  const found =
    arms === undefined || design !== 'side_by_side'
      ? undefined
      : await comparability(store, deployment, arms, {
          step: plan.step,
          from: beforeFrom / 1000,
          warmUpMinutes: settings.warmUpMinutes,
        })
  const doubt = found?.find(({ doubtful }) => doubtful)
  const provisional = !windows.closed
  const told = baseline === null ? 'no_data' : stateOf(judged.state, deployment, windows, provisional)
  // Versions that may not be comparable prove nobody healthy; what looks worse is still shown as worse.
  const state = doubt !== undefined && told === 'healthy' ? 'inconclusive' : told
  addNotes(notes, {
    deployment,
    baseline,
    windows,
    design,
    state,
    now,
    calibrations: calibrations?.count ?? 0,
  })
  notes.push(...(found ?? []).map(({ summary }) => summary))
  notes.push(...sourceNotes(catalogue, set, [baseline, deployment.version]))
  notes.push(...restNotes(catalogue, set))
  notes.push(...streamNotes(catalogue, set, streams))
  notes.push(...instanceNotes(fleets, [baseline, deployment.version]))
  // Of the store itself: like what became of a deployment later, an alert enters no number.
  const alert =
    told === 'watching' || told === 'regressed' ? undefined : await alertOf(reading, deployment, now)
  if (shared.length > 0)
    notes.push(...(await sharedNotes(store, config.collectors, deployment, windows.after.to)))
  return {
    deployment,
    state,
    provisional: baseline === null ? false : provisional,
    headline: headline({ deployment, state: told, verdicts, baseline, doubt: doubt?.summary, alert }),
    computedAt: iso(now),
    windows: {
      before: spanOf(windows.before),
      rollout: windows.rollout === null ? null : spanOf(windows.rollout),
      warmUp: windows.warmUp === null ? null : spanOf(windows.warmUp),
      after: spanOf(after),
      finalAt: iso(windows.finalAt),
    },
    baselineVersion: baseline,
    design,
    counts: countWords(verdicts),
    adoption: adoptionOf(curve, deployment.version),
    otherTraffic: await otherTraffic(store, of, deployment.version, after),
    verdicts: [...verdicts],
    alsoMoved: [
      ...episodesMoved([...comparisons, ...shared, ...neighbours], Date.parse(deployment.startedAt) / 1000),
      ...(baseline === null
        ? []
        : await alsoMoved(store, {
            deployment,
            baseline,
            windows: { before: windows.before, after },
            sideBySide: design === 'side_by_side',
            set,
          })),
    ],
    ...(found === undefined ? {} : { comparability: [...found] }),
    notes,
    method: METHOD,
    parameters: {
      alpha: ALPHA,
      familyAlpha,
      falseDiscoveryRate: config.analysis.falseDiscoveryRate,
      watchMinutes: settings.watchMinutes,
      beforeMinutes: settings.beforeMinutes,
      warmUpMinutes: settings.warmUpMinutes,
      latenessSeconds: settings.latenessSeconds,
      stepSeconds: plan.step,
      histogramsFrom: iso(plan.histogramFrom * 1000),
    },
    receipt: {
      inputs: {
        ...withPast(readings(), pastDigest),
        deployments: placesDigest(deployment, siblings),
        settings: sha256(
          JSON.stringify([catalogue.signals, config.analysis.timeZone, tiedSources(config, deployment)]),
        ),
      },
      method: METHOD,
    },
  }
}

/** The alert of a deployment that had begun by then, unless it was on trial. */
async function alertOf(store: Store, { id }: Deployment, now: number): Promise<Alert | undefined> {
  const { items } = await listAlerts(store, { deploymentId: id }, { now, deliveries: false })
  return items.find((one) => isToldRegression(one) && Date.parse(one.startsAt) <= now)
}

/** Names only: settings of collectors hold secrets. */
function tiedSources(config: Config, deployment: Deployment): readonly string[] {
  return sharedSources(config.collectors, deployment).map(({ name }) => name)
}

/** The series' own past is quiet past too, read once for many reports. */
function withPast<T extends { readonly quietPast: string }>(inputs: T, past: string): T {
  return past === '' ? inputs : { ...inputs, quietPast: sha256(inputs.quietPast + past) }
}

/** What of the deployments lays windows and names arms; what became of them later does not. */
function placesDigest(deployment: Deployment, siblings: readonly Deployment[]): string {
  const place = ({ id, version, startedAt }: Deployment) => [id, version, startedAt]
  return sha256(JSON.stringify([place(deployment), ...siblings.map(place)]))
}

/** Computes and stores the report of a deployment. */
export async function buildReport(
  store: Store,
  catalogue: Catalogue,
  config: Config,
  deployment: Deployment,
  now: number,
): Promise<Report> {
  const report = await computeReport(store, catalogue, config, deployment, now)
  await storeReport(store, report)
  return report
}

/** What the deployment is compared with; null where nothing was there before. */
export function baselineOf(
  set: CellSet,
  deployment: Deployment,
  previous: Deployment | undefined,
  windows: Pick<DeploymentWindows, 'before'>,
): string | null {
  const counts = new Map<string, number>()
  for (const dimensions of set.values()) {
    for (const versions of dimensions.values()) {
      for (const [version, cells] of versions) {
        for (const cell of cells) {
          if (cell.time * 1000 < windows.before.to)
            counts.set(version, (counts.get(version) ?? 0) + cell.count)
        }
      }
    }
  }
  if (counts.size === 0) return null
  const told = previous?.version ?? deployment.previousVersion
  if (told !== null && told !== undefined && counts.has(told)) return told
  // A version that was never deployed as far as anyone told: the one that served most.
  const [most] = [...counts].sort((a, b) => b[1] - a[1])
  return most?.[0] ?? null
}

interface Arms {
  readonly before: Arm
  readonly after: Arm
  /** Side by side: the old version from the time before on. */
  readonly longer?: Arm
  readonly design: ReportDesign
  readonly windows: DeploymentWindows
}

function armsOf(
  set: CellSet,
  curve: readonly AdoptionPoint[],
  deployment: Deployment,
  baseline: string,
  placed: Omit<Parameters<typeof deploymentWindows>[0], 'rolloutEnd'>,
  open: DeploymentWindows,
  step: number,
): Arms {
  const fresh = deployment.version
  const old = activity(set, baseline, open.after)
  const beside = fresh === baseline ? undefined : sideBySide(old, activity(set, fresh, open.after), step)
  if (beside !== undefined) {
    const span = { from: beside.from, to: Math.min(beside.to, open.after.to / 1000) }
    return {
      before: { set, versions: [baseline], ...span },
      after: { set, versions: [fresh], ...span },
      longer: {
        set,
        versions: [baseline],
        from: Math.floor(open.before.from / 1000 / step) * step,
        to: span.to,
      },
      design: 'side_by_side',
      windows: {
        ...open,
        rollout: null,
        before: { from: span.from * 1000, to: span.to * 1000 },
        after: { from: span.from * 1000, to: span.to * 1000 },
      },
    }
  }
  const shares = curve
    .filter((point) => point.version === fresh)
    .map((point) => ({ time: Date.parse(point.time), share: point.share }))
  const windows = deploymentWindows({ ...placed, rolloutEnd: rollOutEnd(shares) })
  return {
    before: {
      set,
      versions: [baseline],
      from: Math.floor(windows.before.from / 1000 / step) * step,
      to: windows.before.to / 1000,
    },
    after: {
      set,
      versions: [fresh],
      from: Math.ceil(windows.after.from / 1000 / step) * step,
      to: windows.after.to / 1000,
    },
    design: 'before_after',
    windows,
  }
}

/** Requests (any events, where it serves none) of a version in a window. */
function activity(set: CellSet, version: string, window: { readonly from: number; readonly to: number }) {
  const inside = (measure: string) =>
    [...(set.get(measure)?.values() ?? [])].map((versions) =>
      (versions.get(version) ?? []).filter(
        (cell) => cell.time * 1000 >= window.from && cell.time * 1000 < window.to,
      ),
    )
  const requests = mergeCounts(inside('server.request'))
  return requests.length > 0 ? requests : mergeCounts([...set.keys()].flatMap(inside))
}

function stateOf(
  judged: DeploymentState,
  deployment: Deployment,
  windows: DeploymentWindows,
  provisional: boolean,
): DeploymentState {
  if (deployment.status === 'rolled_back') return 'rolled_back'
  if (windows.superseded) return 'superseded'
  if (judged === 'regressed') return 'regressed'
  return provisional ? 'watching' : judged
}

function addNotes(
  notes: string[],
  of: {
    readonly deployment: Deployment
    readonly baseline: string | null
    readonly windows: DeploymentWindows
    readonly design: ReportDesign
    readonly state: DeploymentState
    readonly now: number
    readonly calibrations: number
  },
): void {
  const { deployment, baseline, windows, design } = of
  if (baseline === null) {
    notes.push('Nothing was running before: this is a baseline for later releases and is not judged itself.')
    return
  }
  if (baseline === 'unknown')
    notes.push('The telemetry before had no service.version: it is compared as "unknown".')
  if (baseline === deployment.version)
    notes.push('The version did not change: the time before is compared with the time after.')
  if (deployment.previousVersion !== null && baseline !== deployment.previousVersion) {
    notes.push(`No telemetry of ${deployment.previousVersion} in the time before: compared with ${baseline}.`)
  }
  if (deployment.attributes['rollback'] === 'true') {
    notes.push(
      `This deployment is a return to ${deployment.version} from ${deployment.attributes['rolledBack'] ?? 'a newer version'}.`,
    )
  }
  if (design === 'before_after' && windows.before.to - windows.before.from < 60 * MINUTE) {
    notes.push('The time before is shorter than an hour: seasons and drift are hardly known.')
  }
  if (design === 'before_after' && of.calibrations === 0) {
    notes.push(
      'There is no quiet past yet to calibrate with: intervals rest on the model and the dispersion seen.',
    )
  }
  if (windows.superseded)
    notes.push('The next deployment began before the watch window was over: the window ends there.')
  if (of.state === 'regressed' && isHistory(windows.watchEnd, of.now)) {
    notes.push('The watch window ended more than a day before this report was made: nobody is alerted.')
  }
}

/** Deployments whose watch window ended so long ago are history: they are judged, but nobody is paged for them. */
export function isHistory(watchEnd: number, now: number): boolean {
  return now - watchEnd > 24 * 60 * MINUTE
}

function adoptionOf(curve: readonly AdoptionPoint[], version: string): Report['adoption'] {
  const requests = curve.reduce((sum, point) => sum + (point.version === version ? point.requests : 0), 0)
  // The newest ten minutes that had any traffic.
  const times = [...new Set(curve.map((point) => point.time))].slice(-10)
  const newest = curve.filter((point) => times.includes(point.time))
  const all = newest.reduce((sum, point) => sum + point.requests, 0)
  const own = newest.filter((point) => point.version === version)
  return {
    share: all === 0 ? null : own.reduce((sum, point) => sum + point.requests, 0) / all,
    instances: own.length === 0 ? null : Math.max(...own.map((point) => point.instances)),
    ...(own.some(({ moreInstances }) => moreInstances) ? { moreInstances: true } : {}),
    requests,
  }
}

async function otherTraffic(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  version: string,
  window: { readonly from: number; readonly to: number },
): Promise<Record<string, number>> {
  const rows = await store.query<{ traffic: string; requests: number }>(
    `SELECT traffic, sum(count) AS requests FROM signal_1m
    WHERE service = {service:String} AND environment = {environment:String} AND version = {version:String} AND measure = 'server.request'
      AND traffic != 'users' AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})
    GROUP BY traffic ORDER BY traffic`,
    { ...of, version, from: Math.floor(window.from / 1000), to: Math.floor(window.to / 1000) },
  )
  return Object.fromEntries(rows.map((row) => [row.traffic, row.requests]))
}

function countWords(verdicts: readonly Verdict[]): Report['counts'] {
  const counts = { regressed: 0, improved: 0, unchanged: 0, inconclusive: 0 }
  for (const { word } of verdicts) counts[word] += 1
  return counts
}

function spanOf(span: { readonly from: number; readonly to: number }): { from: string; to: string } {
  return { from: iso(span.from), to: iso(span.to) }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
