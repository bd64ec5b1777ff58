import { exceedances, type MinuteHistograms } from '../../../analytics/compare/minute-histograms.ts'
import { quantilePosition } from '../../../analytics/stats/histogram-line.ts'
import { LN_GAMMA } from '../../../schemas/histogram.ts'

/**
 * Interval of the ratio of a quantile of two arms by a circular block bootstrap over minutes (Politis and Romano 1992), each arm for itself, as percentiles; blocks as long as
 * Politis and White (2004, with the correction of 2009) make them for the share of values above the arm's quantile.
 * @param resamples a few hundred; 99 % wants a thousand
 * @returns interval by two-sided error
 */
export function blockBootstrap(
  before: MinuteHistograms,
  after: MinuteHistograms,
  q: number,
  resamples: number,
  random: () => number,
): (alpha: number) => readonly [number, number] {
  const from = resampled(before, q, resamples, random)
  const to = resampled(after, q, resamples, random)
  const effects = to.map((value, i) => (value - (from[i] as number)) * LN_GAMMA).sort()
  const at = (share: number): number =>
    Math.exp(effects[Math.min(resamples - 1, Math.max(0, Math.round(share * resamples - 0.5)))] as number)
  return (alpha) => [at(alpha / 2), at(1 - alpha / 2)]
}

/** Positions of the quantile in resamples of the minutes. */
function resampled(arm: MinuteHistograms, q: number, resamples: number, random: () => number): Float64Array {
  const { length, merged } = arm
  const size = merged.counts.length
  // Sums from the first minute on: a block is a difference of two rows.
  const sums = new Float64Array((length + 1) * size)
  arm.counts.forEach((count, i) => {
    const slot = ((arm.minutes[i] as number) + 1) * size + (arm.buckets[i] as number) - merged.lowest
    sums[slot] = (sums[slot] as number) + count
  })
  for (let i = size; i < sums.length; i++) sums[i] = (sums[i] as number) + (sums[i - size] as number)
  const block = blockLength(exceedances(arm, quantilePosition(merged, q)), arm.totals, 1 - q)
  const counts = new Float64Array(size)
  const add = (first: number, end: number): void => {
    for (let b = 0; b < size; b++) {
      counts[b] =
        (counts[b] as number) + (sums[end * size + b] as number) - (sums[first * size + b] as number)
    }
  }
  return Float64Array.from({ length: resamples }, () => {
    counts.fill(0)
    for (let filled = 0; filled < length; filled += block) {
      const first = Math.floor(random() * length)
      const end = first + Math.min(block, length - filled)
      add(first, Math.min(end, length))
      if (end > length) add(0, end - length)
    }
    const total = counts.reduce((sum, count) => sum + count, 0)
    return quantilePosition({ lowest: merged.lowest, counts, total }, q)
  })
}

/** Politis and White (2004), section 3; constant of the circular bootstrap. */
function blockLength(above: Float64Array, totals: Float64Array, share: number): number {
  const series = above.map((count, i) => count - share * (totals[i] as number))
  const n = series.length
  const mean = series.reduce((sum, value) => sum + value, 0) / n
  const covariances = Array.from({ length: n }, (_, lag) => {
    let cross = 0
    for (let i = lag; i < n; i++)
      cross += ((series[i] as number) - mean) * ((series[i - lag] as number) - mean)
    return cross / n
  })
  const zero = covariances[0] as number
  const most = Math.ceil(Math.min(3 * Math.sqrt(n), n / 3))
  if (zero === 0) return 1
  const quiet = 2 * Math.sqrt(Math.log10(n) / n)
  const looks = Math.max(5, Math.ceil(Math.sqrt(Math.log10(n))))
  let m = 0
  while (
    m < most &&
    covariances.slice(m + 1, m + 1 + looks).some((covariance) => Math.abs(covariance) >= quiet * zero)
  ) {
    m += 1
  }
  const reach = Math.max(1, 2 * m)
  let slope = 0
  let level = zero
  for (let lag = 1; lag <= Math.min(reach, n - 1); lag++) {
    const weight = Math.min(1, 2 * (1 - lag / reach))
    slope += 2 * weight * lag * (covariances[lag] as number)
    level += 2 * weight * (covariances[lag] as number)
  }
  const length = ((2 * slope ** 2) / ((4 / 3) * level ** 2)) ** (1 / 3) * n ** (1 / 3)
  return Math.min(most, Math.max(1, Math.round(length)))
}
