import type { Cell } from '../../schemas/cell.ts'
import { isNamed } from '../../schemas/signals/bounded-dimension.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { CompareOptions, Comparison, Past, SeasonalNull } from '../compare/comparison.ts'
import { compareDistribution } from '../compare/distribution.ts'
import { cellsOutside, type Episode, episodeOf, pastOutside, sharedEpisode } from '../compare/episode.ts'
import { compareGauge } from '../compare/gauge.ts'
import { compareGrowth, type Start } from '../compare/growth.ts'
import { mixSplit, type StratumCells, standardise, standardiseExposure } from '../compare/mix.ts'
import { compareRate } from '../compare/rate.ts'
import { compareRatio } from '../compare/ratio.ts'
import { renamedKinds } from '../compare/renamed.ts'
import { standardPast } from '../compare/standard-past.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import type { Calibration } from '../stats/placebo.ts'
import { type Arm, type ArmLines, armLines } from './arms.ts'
import { requestStrata } from './request-strata.ts'

export interface MixSplit {
  readonly total: number
  readonly rate: number
  readonly mix: number
}

export interface Side {
  readonly cells: readonly Cell[]
  readonly exposure: readonly Cell[]
}

export interface SeriesComparison {
  readonly signal: Signal
  /** '' for the service as a whole. */
  readonly dimension: string
  readonly comparison: Comparison
  readonly before: Side
  readonly after: Side
  readonly mix: MixSplit | null
  /** May be `before-after` although the arms are side by side: see {@link CompareSignalsOptions.longer}. */
  readonly design: 'before-after' | 'side-by-side'
  /** Minutes that were left out of `after`, since what was found was there in them only; absent: none. */
  readonly episode?: Episode
}

export interface CompareSignalsOptions {
  readonly alpha: number
  readonly design: 'before-after' | 'side-by-side'
  readonly stepSeconds: number
  /** What the quiet past says about a signal's errors; `appeared`: there were no events before. */
  readonly calibration?: (signal: Signal, appeared: boolean) => Calibration | undefined
  /** What the quiet past says about a series' season at the time of the release. */
  readonly season?: (signal: Signal, dimension: string) => SeasonalNull | undefined
  /** A series' own weeks before the release, of all versions. */
  readonly past?: (signal: Signal, dimension: string) => Past | undefined
  /** For signals that may leak: this start and earlier ones, by dimension. Absent: levels are compared like any gauge's. */
  readonly starts?: (signal: Signal, dimension: string) => Starts
  /**
   * Side by side only: the old version from long before on. Rare events are compared with this arm: the few minutes side by side cancel
   * load and season, but what stands against rare events is their number.
   */
  readonly longer?: Arm
  /** Only these series, if given. */
  readonly only?: (signal: Signal, dimension: string) => boolean
  /** Minutes in which other series have shown an episode. */
  readonly shared?: readonly Pick<Episode, 'from' | 'to'>[]
}

export interface Starts {
  readonly after: Start
  readonly earlier: readonly Start[]
  /** See GrowthInput. */
  readonly previous?: Start
  readonly steady: readonly Start[]
}

/** Dimensions of one signal that are compared, those with most events first: more would only cost power. */
const MOST_DIMENSIONS = 80
/** Events on both sides together from which on a series is worth a comparison. */
const FEWEST_EVENTS = 5
/** Events of the old version side by side from which on their number says enough; a rule on the old arm alone, so that no effect is picked. */
const ENOUGH_BESIDE = 30

/** Compares every signal and dimension of two arms. Signals without any data are left out. */
export function compareSignals(
  signals: readonly Signal[],
  before: Arm,
  after: Arm,
  options: CompareSignalsOptions,
): readonly SeriesComparison[] {
  const found = signals.flatMap((signal) => compareSignal(signal, before, after, options))
  const shared = episodeGroups(found)
  if (shared.length === 0) return found
  // Once an incident is known, what it did to other series is easier to see.
  const nameOf = ({ signal, dimension }: Pick<SeriesComparison, 'signal' | 'dimension'>) =>
    JSON.stringify([signal.id, dimension])
  const doubtful = new Set(
    found.filter(({ episode, comparison }) => episode === undefined && isDifferent(comparison)).map(nameOf),
  )
  if (doubtful.size === 0) return found
  const again = signals.flatMap((signal) =>
    compareSignal(signal, before, after, {
      ...options,
      shared,
      only: (of, dimension) => doubtful.has(nameOf({ signal: of, dimension })),
    }),
  )
  const known = new Map(again.map((series) => [nameOf(series), series]))
  return found.map((series) => known.get(nameOf(series)) ?? series)
}

/** Probability above which no word rests on a difference. */
const DIFFERENT = 0.05

function isDifferent(comparison: Comparison): boolean {
  return comparison.kind === 'measured' && comparison.beyond !== 'no' && comparison.pValue <= DIFFERENT
}

/** Series with episodes, those of the same minutes together, in the order of time. */
export function episodeGroups(series: readonly SeriesComparison[]): readonly EpisodeGroup[] {
  const all = series
    .filter((one): one is WithEpisode => one.episode !== undefined)
    .sort((a, b) => a.episode.from - b.episode.from)
  const groups: { from: number; to: number; series: WithEpisode[] }[] = []
  for (const one of all) {
    const group = groups.at(-1)
    const { from, to } = one.episode
    if (group === undefined || from >= group.to) groups.push({ from, to, series: [one] })
    else {
      group.series.push(one)
      group.to = Math.max(group.to, to)
    }
  }
  return groups
}

type WithEpisode = SeriesComparison & { readonly episode: Episode }

export interface EpisodeGroup extends Pick<Episode, 'from' | 'to'> {
  readonly series: readonly WithEpisode[]
}

/** The service as a whole, and the first dimensions of each signal: those with most events. For one comparison. */
export function busiest(most: number): (signal: Signal, dimension: string) => boolean {
  const taken = new Map<string, number>()
  return (signal, dimension) => {
    if (dimension === '') return true
    const count = taken.get(signal.id) ?? 0
    taken.set(signal.id, count + 1)
    return count < most
  }
}

function compareSignal(
  signal: Signal,
  before: Arm,
  after: Arm,
  options: CompareSignalsOptions,
): SeriesComparison[] {
  // What share of traffic a version gets side by side is a decision, not an effect.
  if (signal.per === 'minute' && options.design === 'side-by-side') return []
  const step = options.stepSeconds
  const beside = armLines(before, signal, step)
  const later = armLines(after, signal, step)
  const counted = signal.kind === 'rate' || signal.kind === 'ratio'
  const longer = counted && options.longer !== undefined ? armLines(options.longer, signal, step) : undefined
  const wanted = (dimension: string) => options.only?.(signal, dimension) ?? true
  const results: SeriesComparison[] = []
  const renamed =
    signal.dimension === 'exception'
      ? renamedKinds([...(longer ?? beside).lines.keys(), ...later.lines.keys()])
      : undefined
  for (const dimension of dimensionsOf(longer ?? beside, later)) {
    // Of the rest it is not known what it is made of: it counts in the whole only.
    if (!isNamed(dimension) || !wanted(dimension) || renamed?.has(dimension) === true) continue
    const rare = longer !== undefined && eventsOf(signal, beside.lines.get(dimension) ?? []) < ENOUGH_BESIDE
    const earlier = rare ? longer : beside
    const sides = {
      before: { cells: earlier.lines.get(dimension) ?? [], exposure: earlier.exposure },
      after: { cells: later.lines.get(dimension) ?? [], exposure: later.exposure },
    }
    if (totalEvents(sides) < FEWEST_EVENTS) continue
    const design = rare ? 'before-after' : options.design
    results.push(one(signal, dimension, sides, sides, null, { earlier, later }, { ...options, design }))
  }
  if (!wanted('') || (beside.lines.size === 0 && later.lines.size === 0)) return results
  const rare = longer !== undefined && eventsOf(signal, merged(beside.lines)) < ENOUGH_BESIDE
  const earlier = rare ? longer : beside
  const own = { ...options, design: rare ? 'before-after' : options.design } as const
  const sides = {
    before: { cells: merged(earlier.lines), exposure: earlier.exposure },
    after: { cells: merged(later.lines), exposure: later.exposure },
  }
  const strata = strataOf(signal, earlier, later)
  // Of distributions the past of the whole is put together as the whole is.
  const isPutTogether = signal.kind === 'distribution' && signal.dimension !== undefined
  const known = isPutTogether ? atMixAfter(own, partsOf(earlier, later)) : own
  if (strata === undefined)
    return [...results, one(signal, '', sides, sides, null, { earlier, later }, known)]
  const held = standardise(strata)
  const compared = {
    before: { ...sides.before, cells: mergeCells([held.before]) },
    after: { ...sides.after, cells: mergeCells([held.after]) },
  }
  const split = mixSplit(strata, signal.kind === 'ratio' ? 'bad' : 'mean')
  return [...results, one(signal, '', sides, compared, split, { earlier, later }, known)]
}

/** The whole is compared at the composition after, and so is its past. */
function atMixAfter(options: CompareSignalsOptions, strata: readonly StratumCells[]): CompareSignalsOptions {
  const { past } = options
  if (past === undefined) return options
  const known = strata.filter(({ before }) => before.length > 0)
  return {
    ...options,
    past: (signal) =>
      standardPast(
        known.map(({ dimension, after }) => ({ past: past(signal, dimension), after })),
        options.stepSeconds,
      ),
  }
}

/**
 * Events that were not there before: no level that could have drifted. How often kinds of events come up by themselves is another question
 * than how far levels move, and its placebos are kept apart.
 */
export function appeared(signal: Signal, sides: { readonly before: Side }): boolean {
  const counted = signal.kind === 'rate' || signal.kind === 'ratio'
  return counted && eventsOf(signal, sides.before.cells) === 0
}

/** What a comparison of counts counts. */
function eventsOf(signal: Signal, cells: readonly Cell[]): number {
  return cells.reduce((sum, cell) => sum + (signal.kind === 'ratio' ? cell.bad : cell.count), 0)
}

function totalEvents(sides: { readonly before: Side; readonly after: Side }): number {
  return [...sides.before.cells, ...sides.after.cells].reduce((sum, cell) => sum + cell.count, 0)
}

/** @param compared the sides as they are compared: of one traffic mix, where that differs */
function one(
  signal: Signal,
  dimension: string,
  sides: { readonly before: Side; readonly after: Side },
  compared: { readonly before: Side; readonly after: Side },
  mix: MixSplit | null,
  lines: { readonly earlier: ArmLines; readonly later: ArmLines },
  options: CompareSignalsOptions,
): SeriesComparison {
  const beforeAfter = options.design === 'before-after'
  const season = beforeAfter ? options.season?.(signal, dimension) : undefined
  const calibration = beforeAfter ? options.calibration?.(signal, appeared(signal, sides)) : undefined
  const past = beforeAfter ? options.past?.(signal, dimension) : undefined
  const common: CompareOptions = {
    smallestEffect: signal.smallestEffect,
    bad: signal.badDirection,
    alpha: options.alpha,
    design: options.design,
    stepSeconds: options.stepSeconds,
    ...(calibration === undefined ? {} : { null: calibration }),
    ...(season === undefined ? {} : { season }),
    ...(past === undefined ? {} : { past }),
  }
  const exposure = signal.kind === 'rate' ? exposures(sides, lines) : { before: [], after: [] }
  const before: Side = { cells: compared.before.cells, exposure: exposure.before }
  const after: Side = { cells: compared.after.cells, exposure: exposure.after }
  const starts = signal.growth === true ? options.starts?.(signal, dimension) : undefined
  const comparison = compare(signal, before, after, common, starts)
  const series = { signal, dimension, comparison, ...sides, mix, design: options.design }
  const episode = beforeAfter ? episodeIn(signal, comparison, before, after, options) : undefined
  if (episode === undefined) return series
  const rest = (side: Side): Side => ({
    cells: cellsOutside(side.cells, episode),
    exposure: cellsOutside(side.exposure, episode),
  })
  const own = past === undefined ? common : { ...common, past: pastOutside(past, episode) }
  const without = compare(signal, before, rest(after), own, starts)
  // Where the others are not as before either, what was worst is left out only if they say it themselves.
  if (!episode.isBack && pOf(without) > pOf(comparison)) return series
  return { ...series, comparison: without, after: rest(sides.after), episode }
}

function pOf(comparison: Comparison): number {
  return comparison.kind === 'measured' ? comparison.pValue : 1
}

function compare(
  signal: Signal,
  before: Side,
  after: Side,
  options: CompareOptions,
  starts: Starts | undefined,
): Comparison {
  const input = { ...options, before: before.cells, after: after.cells }
  switch (signal.kind) {
    case 'rate':
      return compareRate({ ...input, exposure: { before: before.exposure, after: after.exposure } })
    case 'ratio':
      return compareRatio(input)
    case 'distribution':
      return compareDistribution(input)
    case 'gauge': {
      if (starts === undefined) return compareGauge(input)
      const grown = compareGrowth({ ...options, ...starts })
      return grown.kind === 'undecidable' && grown.reason === 'no earlier starts'
        ? withoutResets(compareGauge(input))
        : grown
    }
  }
}

function episodeIn(
  signal: Signal,
  comparison: Comparison,
  before: Side,
  after: Side,
  { stepSeconds, shared }: CompareSignalsOptions,
): Episode | undefined {
  // How a process grows is another question than how long a level lasts; and events that never were before tell more of a release than of an incident.
  if (comparison.kind === 'undecidable' || signal.growth === true || appeared(signal, { before }))
    return undefined
  if (shared === undefined) return episodeOf(signal.kind, comparison, before, after, stepSeconds)
  for (const minutes of shared) {
    const episode = sharedEpisode(signal.kind, comparison, after, stepSeconds, minutes)
    if (episode !== undefined) return episode
  }
  return undefined
}

/** A fresh process holds less than an old one: a fall after a start is no improvement. */
function withoutResets(comparison: Comparison): Comparison {
  if (comparison.kind === 'undecidable') return comparison
  return { ...comparison, pBetter: 1, beyond: comparison.beyond === 'better' ? 'no' : comparison.beyond }
}

/** Requests, each counted as many times as its route used to bring such events: a move of traffic alone then changes nothing. */
function exposures(
  sides: { readonly before: Side; readonly after: Side },
  lines: { readonly earlier: ArmLines; readonly later: ArmLines },
): { before: readonly Cell[]; after: readonly Cell[] } {
  const strata = requestStrata(lines.earlier, lines.later)
  if (strata.length < 2) return { before: sides.before.exposure, after: sides.after.exposure }
  return standardiseExposure(sides.before.cells, strata)
}

function strataOf(signal: Signal, earlier: ArmLines, later: ArmLines): readonly StratumCells[] | undefined {
  if (signal.dimension === undefined || (signal.kind !== 'ratio' && signal.kind !== 'distribution'))
    return undefined
  const parts = partsOf(earlier, later)
  return parts.length < 2 || earlier.lines.size === 0 || later.lines.size === 0 ? undefined : parts
}

function partsOf(earlier: ArmLines, later: ArmLines): readonly StratumCells[] {
  return [...new Set([...earlier.lines.keys(), ...later.lines.keys()])].map((dimension) => ({
    dimension,
    before: earlier.lines.get(dimension) ?? [],
    after: later.lines.get(dimension) ?? [],
  }))
}

function dimensionsOf(earlier: ArmLines, later: ArmLines): string[] {
  const counts = new Map<string, number>()
  for (const lines of [earlier.lines, later.lines]) {
    for (const [dimension, cells] of lines) {
      counts.set(dimension, (counts.get(dimension) ?? 0) + cells.reduce((sum, cell) => sum + cell.count, 0))
    }
  }
  return [...counts]
    .filter(([, count]) => count >= FEWEST_EVENTS)
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_DIMENSIONS)
    .map(([dimension]) => dimension)
}

function merged(lines: ReadonlyMap<string, readonly Cell[]>): readonly Cell[] {
  return lines.size === 0 ? [] : mergeCells([...lines.values()])
}
