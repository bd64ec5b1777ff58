import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import type { BadDirection, SignalKind, SmallestEffect } from '../../schemas/signals/signal.ts'
import { align, badOf, countOf } from '../compare/align.ts'
import { logMargins } from '../compare/margins.ts'
import { exceedances, minuteHistograms } from '../compare/minute-histograms.ts'
import { quantilePosition } from '../stats/histogram-line.ts'
import { type Baseline, countBaseline, meanBaseline } from './baseline.ts'

/** What a side of a test bets on. */
export type Role =
  /** Worse than before at all: null hypothesis ratio <= 1. */
  | 'worse'
  /** Worse by more than the smallest effect that matters: null hypothesis ratio <= 1 + margin. */
  | 'matters'
  /** Not worse by what matters: null hypothesis ratio >= 1 + margin. */
  | 'harmless'

export interface Side {
  readonly role: Role
  /** Whether the alternatives lie above the edge. */
  readonly up: boolean
  /** Edge of the null hypothesis: ratio of rates; of a gauge the difference on its scale. */
  readonly edge: number
}

/** What is taken from a cell. */
export type Quantity =
  | { readonly of: 'count' }
  | { readonly of: 'bad' }
  /** Values above a position on the bucket scale of schemas/histogram.ts, of all values; the old version beside has its own. */
  | { readonly of: 'above'; readonly position: number; readonly besidePosition: number }
  | { readonly of: 'mean'; readonly scale: 'log' | 'linear' }

export interface Part {
  /** What it is about: `rate`, `ratio`, `mean`, `p50`, `p90`, `p99`. */
  readonly statistic: string
  readonly weight: number
  readonly quantity: Quantity
  readonly baseline: Baseline
  readonly sides: readonly Side[]
  /** Of gauges: what an effect of 1 (a factor of e) is on the scale. */
  readonly unit: number
  /** What the part would show, by its baseline (ratio; of a gauge difference): under no change, and under the smallest that matters. */
  readonly under: { readonly nothing: number; readonly smallest: number }
}

/** How one series of one deployment is tested: made once when it starts, from what was before; plain data. */
export interface Plan {
  readonly kind: 'planned'
  /** Name and version of the method. */
  readonly method: string
  readonly design: 'side-by-side' | 'before-after'
  readonly alpha: number
  /** Seconds: cells before it are not looked at. */
  readonly start: number
  /** Seconds of a cell. */
  readonly step: number
  readonly parts: readonly Part[]
}

export interface Unplanned {
  readonly kind: 'undecidable'
  readonly reason: 'no data before' | 'too few minutes' | 'too few values'
  readonly needs: string
}

export interface PlanInput {
  readonly kind: SignalKind
  readonly design: 'side-by-side' | 'before-after'
  readonly bad: BadDirection
  readonly smallestEffect: SmallestEffect
  readonly alpha: number
  /** When the new version got its first traffic, seconds. */
  readonly start: number
  /** How long slowness and gauges of a fresh process say nothing, seconds; events count from the first second. */
  readonly warmUp: number
  /** Cells of the time before the release: best a day, better a week, since then a season of the day is known. */
  readonly before: readonly Cell[]
  /** For rates: the denominator's cells. */
  readonly exposure?: readonly Cell[]
  /** Default 60. */
  readonly step?: number
}

/** Quantiles of a distribution that are tested, each through the share of values above where it was before. */
const QUANTILES = [0.5, 0.9, 0.99] as const
const FEWEST_MINUTES = 10
/** Values beyond a quantile before, from which it is known well enough to be tested. */
const VALUES_BEYOND = 8
/** Smallest standard deviation of a gauge's minute on the log scale: a constant is not known more exactly. */
const LEAST_SPREAD = 0.02

/** Makes the test of one series. */
export function planTest(input: PlanInput): Plan | Unplanned {
  const parts = partsOf(input)
  if ('kind' in parts) return parts
  const slow = input.kind === 'distribution' || input.kind === 'gauge'
  const step = input.step ?? 60
  // Whole spans: a gauge's minute that began before the start is not its own.
  const from = slow
    ? Math.ceil((input.start + input.warmUp) / step) * step
    : Math.floor(input.start / step) * step
  return {
    kind: 'planned',
    method: `${input.kind}-${input.design}-e-process@1`,
    design: input.design,
    alpha: input.alpha,
    start: from,
    step,
    parts,
  }
}

function partsOf(input: PlanInput): readonly Part[] | Unplanned {
  if (input.kind === 'distribution') return distributionParts(input)
  if (input.kind === 'gauge') return gaugeParts(input)
  const share = input.kind === 'ratio'
  const before = align(
    { cells: input.before, take: share ? badOf : countOf },
    { cells: share ? input.before : (input.exposure ?? []), take: countOf },
    input.step ?? 60,
  )
  if (before === undefined) return NO_DATA
  if (before.numerator.length < FEWEST_MINUTES) return TOO_SHORT
  const baseline = countBaseline(before, share)
  const margins = logMargins(input.smallestEffect, baseline.level)
  return [
    {
      statistic: input.kind,
      weight: 1,
      quantity: { of: share ? 'bad' : 'count' },
      baseline,
      sides: directions(input.bad).flatMap((direction) => [
        worse(direction, 1),
        ...atMargin(direction, Math.exp(margins[direction])),
      ]),
      unit: 1,
      under: { nothing: 1, smallest: Math.exp(smallestOf(input.bad, margins)) },
    },
  ]
}

/**
 * A quantile is at most c times what it was if and only if at most as many values lie above c times its old place as lay above
 * the old one: so each is a test of a share, and the place to count above is the edge of its null hypothesis.
 */
function distributionParts(input: PlanInput): readonly Part[] | Unplanned {
  const step = input.step ?? 60
  const histograms = minuteHistograms(input.before, step)
  if (histograms === undefined) return NO_DATA
  if (histograms.length < FEWEST_MINUTES) return TOO_SHORT
  const { start, merged, totals } = histograms
  const known = QUANTILES.filter((q) => merged.total * (1 - q) >= VALUES_BEYOND)
  if (known.length === 0) {
    return {
      kind: 'undecidable',
      reason: 'too few values',
      needs: `at least ${2 * VALUES_BEYOND} values before`,
    }
  }
  return known.flatMap((q) => {
    const position = quantilePosition(merged, q)
    const numerator = exceedances(histograms, position)
    const baseline = countBaseline({ numerator, denominator: totals, start, step }, true)
    const margins = logMargins(input.smallestEffect, Math.exp(position * LN_GAMMA))
    const shareAbove = (at: number): number => sum(exceedances(histograms, at)) / sum(numerator)
    const partAt = (log: number, sides: readonly Side[]): Part => ({
      statistic: `p${q * 100}`,
      weight: 1 / known.length,
      quantity: { of: 'above', position: position + log / LN_GAMMA, besidePosition: position },
      baseline,
      sides,
      unit: 1,
      under: {
        nothing: shareAbove(position + log / LN_GAMMA),
        smallest: shareAbove(position + (log - smallestOf(input.bad, margins)) / LN_GAMMA),
      },
    })
    const towards = directions(input.bad)
    return [
      partAt(
        0,
        towards.map((direction) => worse(direction, 1)),
      ),
      ...towards
        .filter((direction) => Number.isFinite(margins[direction]))
        .map((direction) => partAt(margins[direction], atMargin(direction, 1))),
    ]
  })
}

function gaugeParts(input: PlanInput): readonly Part[] | Unplanned {
  const step = input.step ?? 60
  const linear = align({ cells: input.before, take: sumOf }, { cells: input.before, take: countOf }, step)
  if (linear === undefined) return NO_DATA
  if (linear.numerator.length < FEWEST_MINUTES) return TOO_SHORT
  const positive = linear.denominator.every((count, i) => count === 0 || (linear.numerator[i] as number) > 0)
  const scale = positive ? 'log' : 'linear'
  const present = linear.denominator.map((count) => (count > 0 ? 1 : 0))
  const numerator = linear.numerator.map((total, i) => {
    const count = linear.denominator[i] as number
    if (count === 0) return 0
    return positive ? Math.log(total / count) : total / count
  })
  const baseline = meanBaseline({ ...linear, numerator, denominator: present })
  const least = positive ? LEAST_SPREAD : LEAST_SPREAD * Math.abs(baseline.level)
  const level = positive ? Math.exp(baseline.level) : Math.abs(baseline.level)
  const absolute = Math.max(level * (input.smallestEffect.ratio - 1), input.smallestEffect.absolute)
  const margins = positive ? logMargins(input.smallestEffect, level) : { up: absolute, down: -absolute }
  return [
    {
      statistic: 'mean',
      weight: 1,
      quantity: { of: 'mean', scale },
      baseline: {
        ...baseline,
        dispersion: Math.max(baseline.dispersion, least * least),
        shortRun: Math.max(baseline.shortRun, least * least),
      },
      sides: directions(input.bad).flatMap((direction) => [
        worse(direction, 0),
        ...atMargin(direction, margins[direction]),
      ]),
      under: { nothing: 0, smallest: smallestOf(input.bad, margins) },
      unit: positive ? 1 : absolute / Math.log(input.smallestEffect.ratio),
    },
  ]
}

type Direction = 'up' | 'down'

function directions(bad: BadDirection): readonly Direction[] {
  return bad === 'both' ? ['up', 'down'] : [bad]
}

/** Logarithm (or difference) of the smallest change for the worse that matters. */
function smallestOf(bad: BadDirection, margins: { readonly up: number; readonly down: number }): number {
  return bad === 'down' ? margins.down : margins.up
}

function sum(values: Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function worse(direction: Direction, edge: number): Side {
  return { role: 'worse', up: direction === 'up', edge }
}

/** Beyond the smallest effect that matters, and short of it; nothing where no fall is large enough to matter. */
function atMargin(direction: Direction, edge: number): readonly Side[] {
  if (!Number.isFinite(edge) || (edge === 0 && direction === 'down')) return []
  const up = direction === 'up'
  return [
    { role: 'matters', up, edge },
    { role: 'harmless', up: !up, edge },
  ]
}

const sumOf = (cell: Cell): number => cell.sum

const NO_DATA: Unplanned = {
  kind: 'undecidable',
  reason: 'no data before',
  needs: 'traffic on this series before the release',
}
const TOO_SHORT: Unplanned = {
  kind: 'undecidable',
  reason: 'too few minutes',
  needs: `at least ${FEWEST_MINUTES} minutes with traffic before the release`,
}
