import { longRunVariance } from './long-run-variance.ts'
import { normalUpperQuantile, normalUpperTail } from './normal.ts'
import { studentUpperTail } from './student-t.ts'
import { theilSen } from './theil-sen.ts'

export interface TrendTest {
  /** Kendall's score: pairs that rise less pairs that fall. */
  readonly score: number
  /** Of the score, dependence included. */
  readonly variance: number
  /** How much dependence multiplies the variance that independent values would have. */
  readonly factor: number
  /** Two-sided, of no monotone trend. */
  readonly p: number
}

/**
 * How dependence between values is allowed for. 'long-run' (the default): the long-run variance of the detrended ranks
 * ({@link longRunVariance}) over the independent one, with Student's t. 'hamed-rao': their sum of significant autocorrelations, as others
 * compute it; it alarms at 17 instead of 5 % of 91 values with autocorrelation 0.5, where 'long-run' does at 9. 'none': values are independent.
 */
export type DependenceCorrection = 'long-run' | 'hamed-rao' | 'none'

/**
 * Test of Mann (1945) and Kendall for a monotone trend, with the variance corrected for autocorrelation (Hamed and Rao 1998, *A modified
 * Mann-Kendall trend test for autocorrelated data*). The normal approximation is good from ten values on.
 * @param series evenly spaced, oldest first; NaN for a missing value
 */
export function mannKendall(series: Float64Array, correction: DependenceCorrection = 'long-run'): TrendTest {
  const present = series.filter((value) => Number.isFinite(value))
  const score = kendallScore(present)
  const independent = scoreVariance(present)
  if (correction === 'none' || present.length < 4) {
    return { score, variance: independent, factor: 1, p: pOf(score, independent) }
  }
  const ranks = detrendedRanks(series, present.length)
  if (correction === 'hamed-rao') {
    const factor = hamedRaoFactor(ranks, present.length)
    const variance = independent * factor
    return { score, variance, factor, p: pOf(score, variance) }
  }
  const longRun = longRunVariance(ranks)
  const factor = longRun.independent > 0 ? longRun.variance / longRun.independent : 1
  const variance = independent * factor
  return { score, variance, factor, p: pOf(score, variance, longRun.degreesOfFreedom) }
}

/**
 * Seasonal test of Hirsch, Slack and Smith (1982): Kendall's scores of each phase of the season are added, so that no phase is compared with
 * another. The variance has the covariances between phases, estimated as Dietz and Killeen (1981) do (Hirsch and Slack 1984, eq. 9 to 11), so that
 * what lasts longer than a step does not count as evidence many times. Wants about ten seasons.
 * @param series evenly spaced, oldest first, without gaps
 * @param period steps of the season
 * @throws RangeError with a missing value, since ranks of phases are compared season by season
 */
export function seasonalMannKendall(series: Float64Array, period: number): TrendTest {
  if (series.some((value) => !Number.isFinite(value))) {
    throw new RangeError('The seasonal test needs a series without missing values.')
  }
  const seasons = Math.floor(series.length / period)
  const phases = Array.from({ length: period }, (_, phase) =>
    Float64Array.from({ length: seasons }, (_, season) => series[season * period + phase] as number),
  )
  const ranks = phases.map(ranksOf)
  let score = 0
  let independent = 0
  let variance = 0
  for (const [g, a] of phases.entries()) {
    score += kendallScore(a)
    independent += scoreVariance(a)
    for (const [h, b] of phases.entries()) {
      if (g === h) {
        variance += scoreVariance(a)
        continue
      }
      let concordant = 0
      for (let i = 0; i < seasons; i++) {
        for (let j = i + 1; j < seasons; j++) {
          concordant += Math.sign(
            ((a[j] as number) - (a[i] as number)) * ((b[j] as number) - (b[i] as number)),
          )
        }
      }
      let products = 0
      for (let j = 0; j < seasons; j++) {
        products += (ranks[g]?.[j] as number) * (ranks[h]?.[j] as number)
      }
      variance += (concordant + 4 * products - seasons * (seasons + 1) ** 2) / 3
    }
  }
  // The sum of covariances that are estimated may come out below what independence gives; nothing is earned by that.
  const total = Math.max(variance, independent)
  return {
    score,
    variance: total,
    factor: independent > 0 ? total / independent : 1,
    p: pOf(score, total),
  }
}

export function kendallScore(values: Float64Array): number {
  let score = 0
  for (let i = 0; i < values.length; i++) {
    for (let j = i + 1; j < values.length; j++) {
      score += Math.sign((values[j] as number) - (values[i] as number))
    }
  }
  return score
}

/** Of Kendall's score without trend and dependence, ties taken off (Kendall 1975). */
function scoreVariance(values: Float64Array): number {
  const n = values.length
  let variance = n * (n - 1) * (2 * n + 5)
  const sorted = values.slice().sort()
  for (let i = 0; i < n; ) {
    let ties = 1
    while (i + ties < n && sorted[i + ties] === sorted[i]) ties++
    variance -= ties * (ties - 1) * (2 * ties + 5)
    i += ties
  }
  return variance / 18
}

function pOf(score: number, variance: number, degreesOfFreedom = Number.POSITIVE_INFINITY): number {
  if (score === 0 || variance <= 0) return 1
  // Continuity correction of one.
  const z = (Math.abs(score) - 1) / Math.sqrt(variance)
  const tail = degreesOfFreedom < 1e6 ? studentUpperTail(z, degreesOfFreedom) : normalUpperTail(z)
  return Math.min(1, 2 * tail)
}

/** Ranks of the series without its Theil-Sen line, less their mean; 0 for a missing value. */
function detrendedRanks(series: Float64Array, present: number): Float64Array {
  const times = Float64Array.from(series, (_, i) => i)
  const slope = theilSen(times, series, 0.05)?.slope ?? 0
  const middle = (present + 1) / 2
  return ranksOf(series.map((value, i) => value - slope * i)).map((rank) =>
    Number.isNaN(rank) ? 0 : rank - middle,
  )
}

/** Eq. 14, over the autocorrelations beyond their 95 % limits; never below 1. */
function hamedRaoFactor(ranks: Float64Array, present: number): number {
  let squares = 0
  for (const rank of ranks) squares += rank * rank
  if (squares === 0) return 1
  const limit = normalUpperQuantile(0.025) / Math.sqrt(present)
  let sum = 0
  for (let lag = 1; lag < present - 2; lag++) {
    let cross = 0
    for (let i = lag; i < ranks.length; i++) cross += (ranks[i] as number) * (ranks[i - lag] as number)
    const rho = cross / squares
    if (Math.abs(rho) <= limit) continue
    sum += (present - lag) * (present - lag - 1) * (present - lag - 2) * rho
  }
  // Negative dependence is not credited: chance makes some of it, and then trends out of nothing.
  return Math.max(1, 1 + (2 * sum) / (present * (present - 1) * (present - 2)))
}

/** Ranks from 1 on, ties by their mean; NaN stays NaN. */
function ranksOf(values: Float64Array): Float64Array {
  const order = [...values.keys()].filter((i) => !Number.isNaN(values[i]))
  order.sort((a, b) => (values[a] as number) - (values[b] as number))
  const ranks = new Float64Array(values.length).fill(Number.NaN)
  for (let i = 0; i < order.length; ) {
    let ties = 1
    while (i + ties < order.length && values[order[i + ties] as number] === values[order[i] as number]) ties++
    for (let k = i; k < i + ties; k++) ranks[order[k] as number] = i + (ties + 1) / 2
    i += ties
  }
  return ranks
}
