import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { bridgeRangeTail, epidemicChange } from '../stats/epidemic-change.ts'
import { quantilePosition } from '../stats/histogram-line.ts'
import { longRunVariance } from '../stats/long-run-variance.ts'
import { type RatioOfSums, ratioOfSums } from '../stats/ratio-of-sums.ts'
import { type Aligned, align, badOf, countOf } from './align.ts'
import type { Measured, Past } from './comparison.ts'
import { minuteMeans } from './gauge.ts'
import { exceedances, minuteHistograms, positions } from './minute-histograms.ts'

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

/** The cells of a side that make a line: see {@link episodeOf}. */
export interface EpisodeSide {
  readonly cells: readonly Cell[]
  /** Of a rate. */
  readonly exposure: readonly Cell[]
}

/** Error of the claim that there was one. */
const ALPHA = 0.01
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
  const line = lineOf(reading, before, after, stepSeconds)
  if (line === undefined) return undefined
  const later = ratioOfSums(line.numerator, line.denominator)
  const change = epidemicChange(later.influence, 1)
  if (change === undefined) return undefined
  const { from, to, raised } = change
  const apart = APART / stepSeconds
  if (from < apart || line.numerator.length - to < apart) return undefined
  const inside = levelOf(line, (i) => i >= from && i < to)
  const outside = levelOf(line, (i) => i < from || i >= to)
  if (outside.filled < LEFT * later.filled) return undefined
  const residual = later.influence.map((_, i) => {
    const { level } = i >= from && i < to ? inside : outside
    return ((line.numerator[i] as number) - level * (line.denominator[i] as number)) / later.denominator
  })
  const isCertain = (variance: number): boolean =>
    bridgeRangeTail(change.range / Math.sqrt(variance)) <= ALPHA
  // The time before has many more minutes: read only where these alone say so.
  if (!isCertain(longRunVariance(residual).variance)) return undefined
  const whole = lineOf(reading, before, before, stepSeconds)
  if (whole === undefined) return undefined
  const earlier = ratioOfSums(whole.numerator, whole.denominator)
  if (!isCertain(varianceAt(reading.form, earlier, later))) return undefined
  const base = reading.base ?? earlier.estimate
  const distance = (level: number): number =>
    (raised ? 1 : -1) * (reading.scale === 'log' ? Math.log(level / base) : level - base)
  const ratio =
    reading.form === 'logarithms' ? Math.exp(inside.level - outside.level) : inside.level / outside.level
  return {
    from: line.start + from * stepSeconds,
    to: line.start + to * stepSeconds,
    raised,
    ratio: Number.isFinite(ratio) && ratio > 0 ? ratio : null,
    isBack: distance(outside.level) <= BACK * distance(inside.level),
  }
}

/** Cells outside an episode. */
export function outside(cells: readonly Cell[], { from, to }: Episode): readonly Cell[] {
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

/** How the variance of a level goes with it: as its square, as that of counts, or not at all. */
type Form = 'levels' | 'counts' | 'logarithms'

/** How minutes are read: see {@link lineOf}. */
interface Reading {
  readonly kind: Signal['kind']
  readonly form: Form
  /** Of distances between levels. */
  readonly scale: 'log' | 'linear'
  /** What the level would have been without the release; undefined: that of the time before. */
  readonly base: number | undefined
  /** Of a distribution; undefined: its geometric mean. */
  readonly quantile: number | undefined
}

function readingOf(kind: Signal['kind'], found: Measured): Reading {
  const { scale } = found
  if (kind !== 'distribution') {
    const form = kind === 'gauge' ? 'levels' : 'counts'
    return { kind, form, scale, base: baseOf(found), quantile: undefined }
  }
  const percent = /^p(\d+)$/.exec(found.statistic)?.[1]
  return percent === undefined
    ? { kind, form: 'logarithms', scale: 'linear', base: Math.log(baseOf(found)), quantile: undefined }
    : { kind, form: 'counts', scale, base: undefined, quantile: Number(percent) / 100 }
}

/**
 * A side minute by minute: events by exposure, means, or of a distribution mean logarithms or the share above a quantile.
 * @param before where that quantile is read
 */
function lineOf(
  { kind, quantile }: Reading,
  before: EpisodeSide,
  side: EpisodeSide,
  step: number,
): Aligned | undefined {
  const { cells, exposure } = side
  switch (kind) {
    case 'gauge':
      return minuteMeans(cells, step)
    case 'ratio':
      return align({ cells, take: badOf }, { cells, take: countOf }, step)
    case 'rate':
      return align({ cells, take: countOf }, { cells: exposure, take: countOf }, step)
    case 'distribution': {
      const histograms = minuteHistograms(cells, step)
      if (histograms === undefined) return undefined
      const { totals: denominator, start } = histograms
      if (quantile === undefined)
        return { numerator: positions(histograms).map((sum) => sum * LN_GAMMA), denominator, start, step }
      const merged = minuteHistograms(before.cells, step)?.merged
      if (merged === undefined) return undefined
      const numerator = exceedances(histograms, quantilePosition(merged, quantile))
      return { numerator, denominator, start, step }
    }
  }
}

/** With what season or forecast takes off. */
function baseOf({ effect, scale }: Measured): number {
  return scale === 'log' ? effect.after / effect.ratio : effect.after - effect.difference
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

function levelOf({ numerator, denominator }: Aligned, counts: (at: number) => boolean) {
  let [top, bottom, filled] = [0, 0, 0]
  for (let i = 0; i < numerator.length; i++) {
    if (!counts(i)) continue
    top += numerator[i] as number
    bottom += denominator[i] as number
    if ((denominator[i] as number) > 0) filled += 1
  }
  return { level: top / bottom, filled }
}
