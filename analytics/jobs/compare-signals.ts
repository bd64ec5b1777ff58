import type { Cell } from '../../schemas/cell.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { type MixSplit, splitMix, standardised } from '../baselines/mix.ts'
import { routeIntensities, weighExposure } from '../baselines/route-exposure.ts'
import type { CompareOptions, Comparison } from '../compare/comparison.ts'
import { compareDistribution } from '../compare/distribution.ts'
import { compareGauge } from '../compare/gauge.ts'
import { compareRate } from '../compare/rate.ts'
import { compareRatio } from '../compare/ratio.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import type { Calibration } from '../stats/placebo.ts'
import { type Arm, type ArmLines, armLines } from './arms.ts'

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
}

export interface CompareSignalsOptions {
  readonly alpha: number
  readonly design: 'before-after' | 'side-by-side'
  readonly stepSeconds: number
  /** What the quiet past says about a signal's errors. */
  readonly calibration?: (signal: Signal) => Calibration | undefined
  /** Only these series, if given. */
  readonly only?: (signal: Signal, dimension: string) => boolean
}

/** Dimensions of one signal that are compared, those with most events first: more would only cost power. */
const MOST_DIMENSIONS = 80
/** Events on both sides together from which on a series is worth a comparison. */
const FEWEST_EVENTS = 5

/** Compares every signal and dimension of two arms. Signals without any data are left out. */
export function compareSignals(
  signals: readonly Signal[],
  before: Arm,
  after: Arm,
  options: CompareSignalsOptions,
): readonly SeriesComparison[] {
  return signals.flatMap((signal) => compareSignal(signal, before, after, options))
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
  const earlier = armLines(before, signal, step)
  const later = armLines(after, signal, step)
  const results: SeriesComparison[] = []
  const wanted = (dimension: string) => options.only?.(signal, dimension) ?? true
  for (const dimension of dimensionsOf(earlier, later)) {
    if (dimension === '' || !wanted(dimension)) continue
    const sides = {
      before: { cells: earlier.lines.get(dimension) ?? [], exposure: earlier.exposure },
      after: { cells: later.lines.get(dimension) ?? [], exposure: later.exposure },
    }
    results.push(one(signal, dimension, sides, sides.after, null, { earlier, later }, options))
  }
  if (!wanted('') || (earlier.lines.size === 0 && later.lines.size === 0)) return results
  const sides = {
    before: { cells: merged(earlier.lines), exposure: earlier.exposure },
    after: { cells: merged(later.lines), exposure: later.exposure },
  }
  const split = splitOf(signal, earlier, later)
  const held =
    split !== null && (signal.kind === 'ratio' || signal.kind === 'distribution')
      ? { cells: standardised(earlier.lines, later.lines), exposure: later.exposure }
      : sides.after
  results.push(one(signal, '', sides, held, split, { earlier, later }, options))
  return results
}

/** @param compared the after side as it is compared, which may differ from what it was by its traffic mix */
function one(
  signal: Signal,
  dimension: string,
  sides: { readonly before: Side; readonly after: Side },
  compared: Side,
  mix: MixSplit | null,
  lines: { readonly earlier: ArmLines; readonly later: ArmLines },
  options: CompareSignalsOptions,
): SeriesComparison {
  const calibration = options.calibration?.(signal)
  const common: CompareOptions = {
    smallestEffect: signal.smallestEffect,
    bad: signal.badDirection,
    alpha: options.alpha,
    design: options.design,
    stepSeconds: options.stepSeconds,
    ...(calibration === undefined ? {} : { null: calibration }),
  }
  const input = { ...common, before: sides.before.cells, after: compared.cells }
  const comparison = (() => {
    switch (signal.kind) {
      case 'rate':
        return compareRate({ ...input, exposure: exposures(sides, lines) })
      case 'ratio':
        return compareRatio(input)
      case 'distribution':
        return compareDistribution(input)
      case 'gauge':
        return compareGauge(input)
    }
  })()
  return { signal, dimension, comparison, ...sides, mix }
}

/** Requests as they were, or weighed to what the routes' mix before would have brought. */
function exposures(
  sides: { readonly before: Side; readonly after: Side },
  lines: { readonly earlier: ArmLines; readonly later: ArmLines },
): { before: readonly Cell[]; after: readonly Cell[] } {
  const intensities = routeIntensities(sides.before.cells, lines.earlier.requests)
  if (intensities === undefined) return { before: sides.before.exposure, after: sides.after.exposure }
  return {
    before: weighExposure(lines.earlier.requests, intensities),
    after: weighExposure(lines.later.requests, intensities),
  }
}

function splitOf(signal: Signal, earlier: ArmLines, later: ArmLines): MixSplit | null {
  if (signal.dimension === undefined || earlier.lines.size + later.lines.size < 3) return null
  if (signal.kind === 'ratio') {
    return (
      splitMix(earlier.lines, later.lines, (cell) => (cell.count > 0 ? cell.bad / cell.count : 0)) ?? null
    )
  }
  if (signal.kind === 'distribution') {
    return (
      splitMix(earlier.lines, later.lines, (cell) => (cell.count > 0 ? cell.sum / cell.count : 0)) ?? null
    )
  }
  return null
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
