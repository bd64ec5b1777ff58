import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { bridgeRangeTail, epidemicChange } from '../stats/epidemic-change.ts'
import { quantilePosition } from '../stats/histogram-line.ts'
import { longRunVariance } from '../stats/long-run-variance.ts'
import { type RatioOfSums, ratioOfSums } from '../stats/ratio-of-sums.ts'
import type { Aligned } from './align.ts'
import type { Measured, Past } from './comparison.ts'
import {
  type EpisodeSide,
  type Form,
  type Level,
  levelOf,
  lineOf,
  type Reading,
  readingOf,
} from './episode-line.ts'
import { minuteHistograms } from './minute-histograms.ts'

/** Minutes of the window after that were unlike both those before them and those after them. */
export interface Episode {
  /** Seconds since the epoch, from inclusive to exclusive. */
  readonly from: number
  readonly to: number
  /** Whether its level lies above that of the others. */
  readonly raised: boolean
  /** Level of its minutes by that of the others; null where those had none. */
  readonly ratio: number | null
  /** Whether the others are at the level before, by two thirds at least. */
  readonly isBack: boolean
}

/** Error of the claim that there was one. */
const ALPHA = 0.01
/** Standard errors by which minutes must differ in which other series have shown one. */
const SHARED_ERRORS = 3
/** Seconds at either end of the window after that must not be in it: what begins with the release may be its doing, and what lasts is not over. */
const APART = 600
/** Share of the window's minutes that must be left. */
const LEFT = 1 / 3
/** Of the episode's own distance from the level before, how far the others may be from it. */
const BACK = 1 / 3

/**
 * Whether some minutes of the window after were unlike the others, began later than the release, and are over: an incident. What a release does begins with it and
 * stays; an incident in the window after is taken for its doing wherever the past had none like it, and hides what it did do.
 *
 * Minutes are tested against a constant level (stats/epidemic-change.ts) with the dependence that they show beside the episode, and that of the time
 * before, carried over to the level after, whichever is larger.
 * @param found what the comparison of all minutes says
 * @param stepSeconds length of a cell
 */
export function episodeOf(
  kind: Signal['kind'],
  found: Measured,
  before: EpisodeSide,
  after: EpisodeSide,
  stepSeconds: number,
): Episode | undefined {
  const reading = readingOf(kind, found)
  const line = lineOf(reading, after, stepSeconds)
  if (line === undefined) return undefined
  const later = ratioOfSums(line.numerator, line.denominator)
  const change = epidemicChange(later.influence, 1)
  const stretch = change === undefined ? undefined : stretchOf(line, change.from, change.to)
  if (change === undefined || stretch === undefined) return undefined
  const isCertain = (variance: number): boolean =>
    bridgeRangeTail(change.range / Math.sqrt(variance)) <= ALPHA
  // The time before has many more minutes: read only where these alone say so.
  if (!isCertain(stretch.variance)) return undefined
  const whole = lineOf(reading, before, stepSeconds)
  if (whole === undefined) return undefined
  const earlier = ratioOfSums(whole.numerator, whole.denominator)
  return isCertain(varianceAt(reading.form, earlier, later)) ? told(reading, stretch, after) : undefined
}

/**
 * Whether a series shows an episode in the minutes in which others do: no search, so that the minutes' own differences are enough.
 * @param shared seconds, from inclusive to exclusive
 */
export function sharedEpisode(
  kind: Signal['kind'],
  found: Measured,
  after: EpisodeSide,
  stepSeconds: number,
  shared: Pick<Episode, 'from' | 'to'>,
): Episode | undefined {
  const reading = readingOf(kind, found)
  const line = lineOf(reading, after, stepSeconds)
  if (line === undefined) return undefined
  const entry = (time: number) => Math.round((time - line.start) / stepSeconds)
  const stretch = stretchOf(line, entry(shared.from), entry(shared.to))
  if (stretch === undefined) return undefined
  const { inside, outside } = stretch
  const share = inside.denominator / (inside.denominator + outside.denominator)
  const error = Math.sqrt(stretch.variance / (share * (1 - share)))
  const differs = Math.abs(inside.level - outside.level) > SHARED_ERRORS * error
  return differs ? told(reading, stretch, after) : undefined
}

interface Stretch {
  readonly from: number
  readonly to: number
  readonly step: number
  readonly inside: Level
  readonly outside: Level
  /** Of the level of all minutes, from what they differ by within the stretch and outside of it. */
  readonly variance: number
}

/** @returns undefined where it is too near the start or the end of the window after, or leaves too little of it */
function stretchOf(line: Aligned, from: number, to: number): Stretch | undefined {
  const apart = APART / line.step
  if (from < apart || line.numerator.length - to < apart || to <= from) return undefined
  const inside = levelOf(line, (i) => i >= from && i < to)
  const outside = levelOf(line, (i) => i < from || i >= to)
  if (inside.filled === 0 || outside.filled < LEFT * (inside.filled + outside.filled)) return undefined
  const bottom = inside.denominator + outside.denominator
  const residual = line.numerator.map((top, i) => {
    const { level } = i >= from && i < to ? inside : outside
    return (top - level * (line.denominator[i] as number)) / bottom
  })
  const { start, step } = line
  return {
    from: start + from * step,
    to: start + to * step,
    step,
    inside,
    outside,
    variance: longRunVariance(residual).variance,
  }
}

function told(reading: Reading, stretch: Stretch, after: EpisodeSide): Episode {
  const { from, to, inside, outside } = stretch
  const raised = inside.level > outside.level
  const { base, scale } = reading
  const distance = (level: number): number =>
    (raised ? 1 : -1) * (scale === 'log' ? Math.log(level / base) : level - base)
  const ratio = ratioOf(reading, stretch, after)
  return {
    from,
    to,
    raised,
    ratio: Number.isFinite(ratio) && ratio > 0 ? ratio : null,
    isBack: distance(outside.level) <= BACK * distance(inside.level),
  }
}

/** Of levels; of a quantile that of the values themselves, not of the shares above it. */
function ratioOf(
  { form, quantile }: Reading,
  { from, to, inside, outside, step }: Stretch,
  { cells }: EpisodeSide,
): number {
  if (form === 'logarithms') return Math.exp(inside.level - outside.level)
  if (quantile === undefined) return inside.level / outside.level
  const position = (own: readonly Cell[]): number => {
    const merged = minuteHistograms(own, step)?.merged
    return merged === undefined ? Number.NaN : quantilePosition(merged, quantile.of)
  }
  const within = cells.filter(({ time }) => time >= from && time < to)
  return Math.exp((position(within) - position(cellsOutside(cells, { from, to }))) * LN_GAMMA)
}

/** Cells outside an episode. */
export function cellsOutside(
  cells: readonly Cell[],
  { from, to }: Pick<Episode, 'from' | 'to'>,
): readonly Cell[] {
  return cells.filter(({ time }) => time < from || time >= to)
}

/** The past of a window without an episode. */
export function pastOutside(past: Past, { from, to }: Episode): Past {
  const { after } = past
  if (after === undefined) return past
  const cut = (values: Float64Array) =>
    values.map((value, i) => {
      const time = after.start + i * after.step
      return time >= from && time < to ? 0 : value
    })
  return {
    ...past,
    after: { ...after, numerator: cut(after.numerator), denominator: cut(after.denominator) },
  }
}

/** Variance of the level after without an episode, from the time before: counts of independent events by their number, the rest by minutes and as the level's square. */
function varianceAt(form: Form, before: RatioOfSums, after: RatioOfSums): number {
  const minutes = before.filled / after.filled
  const ratio = before.estimate === 0 ? 1 : after.estimate / before.estimate
  if (form === 'logarithms') return before.variance * minutes
  if (form === 'levels') return before.variance * minutes * Math.max(1, ratio ** 2)
  const independent = before.estimate / before.denominator
  const excess = Math.max(0, before.variance - independent)
  return after.estimate / after.denominator + excess * minutes * Math.max(1, ratio ** 2)
}
