import { latentLevelVariance } from './latent-level-variance.ts'
import { type LongRunVariance, longRunVariance } from './long-run-variance.ts'
import { longestMemoryVariance } from './longest-memory-variance.ts'
import { forFilled, type RatioOfSums } from './ratio-of-sums.ts'

/** One of two series of the same minutes. */
export interface PairedSeries {
  readonly arm: RatioOfSums
  /** Turns the estimate's unit into that of the difference. */
  readonly factor: number
  /** Time of the first minute, seconds. */
  readonly start: number
}

/**
 * By how many standard errors more wanders than seems to: one series of differences tells less of that than two arms would, if they had nothing in common. What is allowed for
 * in this way is not doubted again by fewer degrees of freedom, with whose tails nothing could be said for certain.
 */
const DOUBT = 1

/**
 * Variance of the difference of two ratios of sums over the same minutes, from the minutes' own differences: a shock that both have is in neither, while what each
 * does by itself, and what of a common shock differs since they had other shares of their events in it, stays. Source: Cochran (1977), *Sampling
 * Techniques*, section 6.18 (comparing two ratios of one sample).
 * @param step seconds between minutes
 */
export function pairedDifference(a: PairedSeries, b: PairedSeries, step: number): LongRunVariance {
  const start = Math.min(a.start, b.start)
  const place = ({ start: own }: PairedSeries): number => Math.round((own - start) / step)
  const end = Math.max(...[a, b].map((series) => place(series) + series.arm.influence.length))
  const difference = new Float64Array(end)
  const add = (series: PairedSeries, factor: number): void => {
    const from = place(series)
    series.arm.influence.forEach((influence, i) => {
      difference[from + i] = (difference[from + i] as number) + factor * influence
    })
  }
  add(a, a.factor)
  add(b, -b.factor)
  return differencesVariance(difference, Math.min(a.arm.filled, b.arm.filled))
}

/**
 * Variance of the sum of differences between two arms, one a minute (or longer stretch), which both may wander for themselves.
 * @param differences oldest first, mean zero, gaps as zeros
 * @param filled how many are no gaps
 */
export function differencesVariance(differences: Float64Array, filled: number): LongRunVariance {
  const plain = longRunVariance(differences)
  const variance = Math.max(
    plain.variance,
    latentLevelVariance(differences),
    longestMemoryVariance(differences, DOUBT),
  )
  return forFilled({ ...plain, variance }, filled)
}
