import { setImmediate } from 'node:timers/promises'
import type { Config } from '../../schemas/config.ts'
import type { WatchPlan } from '../../schemas/contracts/watch-plan.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCalibrations } from '../baselines/calibrations.ts'
import { isForecast, loadPastLines, slotLength } from '../baselines/past.ts'
import { busiest, compareSignals, type SeriesComparison } from '../jobs/compare-signals.ts'
import { ALPHA } from '../jobs/report.ts'
import { loadCells } from '../queries/cells.ts'
import { readingPlan } from '../queries/reading-plan.ts'
import { type CellSet, mapSeries } from '../queries/series-set.ts'
import { versionsOf } from '../queries/signal-lines.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { seededRandom } from '../stats/random.ts'
import { floorMinute, windowSettings } from '../windows/deployment-windows.ts'
import { thinCells } from './thin-cells.ts'

const MINUTE = 60_000
const DAY = 1440 * MINUTE
/** Windows that are looked at, in minutes. */
const WINDOWS = [15, 30, 60, 120, 360, 1440] as const
const SHARES = [0.05, 0.1, 0.25, 0.5] as const
/** Of `Measured.smallestSeen`. */
const POWER = 0.8
/** Days back of which the same clock time is taken as a pretended release. */
const MOST_MOMENTS = 3
/** Dimensions of one signal that are shown, the busiest. */
const MOST_DIMENSIONS = 5
/** Splits of traffic depend on chance: the same every time. */
const SEED = 20260101

export interface PlanRequest {
  readonly service: string
  readonly environment: string
  /** As a ratio above 1; undefined: each signal's own smallest effect that matters. */
  readonly change?: number
}

/**
 * How long a watch window or how large a canary share is needed to see a change in each signal with power 0.8, and the smallest change that each window can see.
 * At pretended releases of the newest days (nothing was released there), the comparison of a report is made and asked for the smallest effect it could have
 * seen, gauges, latencies and rates by the minute by the same forecast from six weeks; for canaries, real traffic is split at random and compared side by side.
 * @param now milliseconds
 */
export async function watchPlan(
  store: Store,
  catalogue: Catalogue,
  config: Config,
  of: PlanRequest,
  now: number,
): Promise<WatchPlan> {
  const settings = windowSettings(config.analysis, of.environment)
  const key = { service: of.service, environment: of.environment }
  const end = floorMinute(now - settings.latenessSeconds * 1000)
  const from = end - (WINDOWS[WINDOWS.length - 1] as number) * MINUTE - settings.beforeMinutes * MINUTE
  const reading = { from: from / 1000, start: (end - DAY) / 1000, to: end / 1000 }
  const plan = await readingPlan(store, key, reading)
  const deployments = await allDeployments(store, key)
  const starts = deployments.map((deployment) => Date.parse(deployment.startedAt))
  const [set, calibrations, pastsOf] = await Promise.all([
    loadCells(store, catalogue, { ...key, from: reading.from, to: reading.to, step: plan.step }),
    loadCalibrations(store, catalogue, key, end, now),
    // In slots of the watch that a release gets, of which a shorter window is the first ones.
    loadPastLines(store, catalogue, {
      ...key,
      from: (end - (WINDOWS[WINDOWS.length - 1] as number) * MINUTE) / 1000,
      to: end / 1000,
      slotSeconds: slotLength(settings.watchMinutes * 60, plan.step),
      releases: starts.map((start) => start / 1000),
    }),
  ])
  const versions = versionsOf(set, { measures: set.keys() })
  const arm = (of: CellSet, start: number, stop: number) => ({
    set: of,
    versions,
    from: Math.floor(start / 1000 / plan.step) * plan.step,
    to: stop / 1000,
  })
  // Growth is compared with earlier starts: a moment without a start says nothing about it.
  const signals = catalogue.signals.filter((signal) => signal.growth !== true)
  const moments: Record<string, number> = {}
  const rows = new Map<string, Row>()
  for (const minutes of WINDOWS) {
    const length = minutes * MINUTE
    const before = Math.min(settings.beforeMinutes * MINUTE, Math.max(length, 60 * MINUTE))
    const quiet = pretended(end, length, starts, from + before)
    moments[minutes] = quiet.length
    for (const [place, at] of quiet.entries()) {
      const found = compareSignals(
        // A forecast has its error from six weeks: another moment says hardly more, and costs as much again.
        place === 0 ? signals : signals.filter((signal) => !isForecast(signal)),
        arm(set, Math.max(from, at - settings.beforeMinutes * MINUTE), at),
        arm(set, at, at + length),
        {
          alpha: ALPHA,
          design: 'before-after',
          stepSeconds: plan.step,
          calibration: calibrations.of,
          past: pastsOf(at / 1000),
          // Which ones are busiest depends on the window a little.
          only: busiest(2 * MOST_DIMENSIONS),
        },
      )
      note(rows, found, 'windows', String(minutes))
      // Others are served between two comparisons.
      await setImmediate()
    }
  }
  const watch = Math.min(settings.watchMinutes, 1440) * MINUTE
  const planned = new Set(rows.keys())
  const only =
    planned.size === 0
      ? () => busiest(2 * MOST_DIMENSIONS)
      : () => (signal: Signal, dimension: string) => planned.has(keyOf(signal, dimension))
  const since = Math.floor((end - watch) / 1000 / plan.step) * plan.step
  const newest = mapSeries(set, (cells) => cells.filter(({ time }) => time >= since))
  for (const share of SHARES) {
    const { old, fresh } = thinCells(newest, share, seededRandom(SEED))
    const found = compareSignals(signals, arm(old, end - watch, end), arm(fresh, end - watch, end), {
      alpha: ALPHA,
      design: 'side-by-side',
      stepSeconds: plan.step,
      only: only(),
    })
    await setImmediate()
    note(rows, found, 'shares', String(share))
  }
  return {
    service: of.service,
    environment: of.environment,
    computedAt: new Date(now).toISOString(),
    change: of.change ?? null,
    power: POWER,
    alpha: ALPHA,
    watchMinutes: settings.watchMinutes,
    moments,
    signals: shown(rows).map((row) => planOf(row, of.change)),
    notes: [
      ...(rows.size === 0 ? ['There is no telemetry of the newest days: nothing can be said yet.'] : []),
      ...(rows.size > 0 && [...rows.values()].every(({ windows }) => windows.size === 0)
        ? [
            'There is no quiet window yet that could be compared with the time before it, so how long to watch is not known: it takes some hours of telemetry without a deployment.',
          ]
        : []),
      ...(calibrations.count === 0
        ? [
            'There is no quiet past yet to calibrate with: the figures rest on the model and the dispersion seen.',
          ]
        : []),
    ],
  }
}

interface Row {
  readonly signal: Signal
  readonly dimension: string
  /** Events of the longest comparison: which dimensions are busiest. */
  events: number
  readonly windows: Map<string, number[]>
  readonly shares: Map<string, number[]>
}

function note(
  rows: Map<string, Row>,
  found: readonly SeriesComparison[],
  into: 'windows' | 'shares',
  name: string,
): void {
  for (const { signal, dimension, comparison } of found) {
    const key = keyOf(signal, dimension)
    const row = rows.get(key) ?? { signal, dimension, events: 0, windows: new Map(), shares: new Map() }
    rows.set(key, row)
    if (comparison.kind !== 'measured') continue
    row.events = Math.max(row.events, comparison.n.after.exposure)
    // Both arms of a split gauge are the same samples: there is no canary to learn from.
    if (into === 'shares' && signal.kind === 'gauge') continue
    row[into].set(name, [...(row[into].get(name) ?? []), comparison.smallestSeen])
  }
}

function keyOf(signal: Signal, dimension: string): string {
  return JSON.stringify([signal.id, dimension])
}

/** At the same clock time of the newest days: moments with no deployment in the window after or the hour before. */
function pretended(end: number, length: number, starts: readonly number[], earliest: number): number[] {
  const found: number[] = []
  for (let day = 0; found.length < MOST_MOMENTS; day++) {
    const at = end - length - day * DAY
    if (at < earliest) break
    if (!starts.some((start) => start > at - 60 * MINUTE && start < at + length)) found.push(at)
  }
  return found
}

const RANK = { critical: 0, major: 1, minor: 2, info: 3 } as const

function shown(rows: ReadonlyMap<string, Row>): readonly Row[] {
  const bySignal = new Map<string, Row[]>()
  for (const row of rows.values()) {
    bySignal.set(row.signal.id, [...(bySignal.get(row.signal.id) ?? []), row])
  }
  return [...bySignal.values()]
    .flatMap((list) => [
      ...list.filter(({ dimension }) => dimension === ''),
      ...list
        .filter(({ dimension }) => dimension !== '')
        .sort((a, b) => b.events - a.events)
        .slice(0, MOST_DIMENSIONS),
    ])
    .sort((a, b) => RANK[a.signal.criticality] - RANK[b.signal.criticality])
}

function planOf(row: Row, asked: number | undefined): WatchPlan['signals'][number] {
  const change = asked ?? row.signal.smallestEffect.ratio
  const windows = medians(row.windows)
  const shares = bySplit(row.shares)
  const enough = (found: Record<string, number | null>) =>
    Object.entries(found)
      .filter(([, ratio]) => ratio !== null && ratio <= change)
      .map(([name]) => Number(name))
  const smallest = (found: Record<string, number | null>) => {
    const fitting = enough(found)
    return fitting.length === 0 ? null : Math.min(...fitting)
  }
  return {
    signal: row.signal.id,
    title: row.signal.title,
    kind: row.signal.kind,
    criticality: row.signal.criticality,
    dimension: row.dimension,
    change,
    minutes: smallest(windows),
    canaryShare: smallest(shares),
    detectable: windows,
    detectableBeside: shares,
  }
}

function medians(of: ReadonlyMap<string, readonly number[]>): Record<string, number | null> {
  return Object.fromEntries(
    [...of].map(([name, values]) => {
      const sorted = values.toSorted((a, b) => a - b)
      const middle = sorted[Math.floor(sorted.length / 2)] as number
      return [name, Number.isFinite(middle) ? middle : null]
    }),
  )
}

/**
 * One split of a window shows one draw of its error, which is a third off as often as not. What both arms share cancels in all splits alike, so their errors differ
 * by how many events each arm gets and by nothing else, and are pooled.
 */
function bySplit(of: ReadonlyMap<string, readonly number[]>): Record<string, number | null> {
  const seen = [...of].map(([share, [ratio = Number.NaN]]) => ({
    share,
    ratio,
    spread: splitError(Number(share)),
  }))
  const known = seen.filter(({ ratio }) => Number.isFinite(ratio))
  const squares = known.reduce((sum, { ratio, spread }) => sum + (Math.log(ratio) / spread) ** 2, 0)
  const unit = Math.sqrt(squares / known.length)
  return Object.fromEntries(
    seen.map(({ share, ratio, spread }) => [share, Number.isFinite(ratio) ? Math.exp(unit * spread) : null]),
  )
}

/** Error of a difference between two arms, by that of one event in a window of one. */
function splitError(share: number): number {
  return Math.sqrt(1 / share + 1 / (1 - share))
}
