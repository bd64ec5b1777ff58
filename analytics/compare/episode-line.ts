import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { quantilePosition } from '../stats/histogram-line.ts'
import { type Aligned, align, badOf, countOf } from './align.ts'
import type { Measured } from './comparison.ts'
import { minuteMeans } from './gauge.ts'
import { exceedances, minuteHistograms, positions } from './minute-histograms.ts'

/** The cells of a side that make a line. */
export interface EpisodeSide {
  readonly cells: readonly Cell[]
  /** Of a rate. */
  readonly exposure: readonly Cell[]
}

/** How the variance of a level goes with it: as its square, as that of counts, or not at all. */
export type Form = 'levels' | 'counts' | 'logarithms'

/** How minutes are read: see {@link lineOf}. */
export interface Reading {
  readonly kind: Signal['kind']
  readonly form: Form
  /** Of distances between levels. */
  readonly scale: 'log' | 'linear'
  /** What the level would have been without the release; undefined: that of the time before. */
  readonly base: number | undefined
  /** Of a distribution; undefined: its geometric mean. */
  readonly quantile: number | undefined
}

export function readingOf(kind: Signal['kind'], found: Measured): Reading {
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
export function lineOf(
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

export interface Level {
  readonly level: number
  readonly denominator: number
  /** Minutes with a denominator. */
  readonly filled: number
}

/** Of some of a line's minutes. */
export function levelOf({ numerator, denominator }: Aligned, counts: (at: number) => boolean): Level {
  let [top, bottom, filled] = [0, 0, 0]
  for (let i = 0; i < numerator.length; i++) {
    if (!counts(i)) continue
    top += numerator[i] as number
    bottom += denominator[i] as number
    if ((denominator[i] as number) > 0) filled += 1
  }
  return { level: top / bottom, denominator: bottom, filled }
}
