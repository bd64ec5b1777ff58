import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
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
  /** What the level would have been without the release. */
  readonly base: number
  /** Of a distribution, and where on the bucket scale it was before; undefined: its geometric mean. */
  readonly quantile: { readonly of: number; readonly position: number } | undefined
}

export function readingOf(kind: Signal['kind'], found: Measured): Reading {
  const { scale } = found
  if (kind !== 'distribution') {
    const form = kind === 'gauge' ? 'levels' : 'counts'
    return { kind, form, scale, base: baseOf(found), quantile: undefined }
  }
  const percent = /^p(\d+)$/.exec(found.statistic)?.[1]
  if (percent === undefined)
    return { kind, form: 'logarithms', scale: 'linear', base: Math.log(baseOf(found)), quantile: undefined }
  const of = Number(percent) / 100
  // Above where it was before lies what lies above any quantile.
  const position = Math.log(found.effect.before) / LN_GAMMA
  return { kind, form: 'counts', scale, base: 1 - of, quantile: { of, position } }
}

/** A side minute by minute: events by exposure, means, or of a distribution mean logarithms or the share above where a quantile was before. */
export function lineOf(
  { kind, quantile }: Reading,
  { cells, exposure }: EpisodeSide,
  step: number,
): Aligned | undefined {
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
      const numerator =
        quantile === undefined
          ? positions(histograms).map((sum) => sum * LN_GAMMA)
          : exceedances(histograms, quantile.position)
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
