import type { StudentMixture } from './student-mixture.ts'

/** What a series says of its own sum, mean zero. */
export interface SumPosterior {
  /** Posterior mean of the sum's variance; 0 where the series is constant. */
  readonly variance: number
  /** The same if steps were independent. */
  readonly independent: number
  /** The sum's distribution, by the root of `variance`. */
  readonly distribution: StudentMixture
  /** Lag-one autocorrelation that is believed. */
  readonly autocorrelation: number
}

/** Correlation of the level with itself one step later. */
const MEMORIES = [0.3, 0.7, 0.85, 0.92, 0.96, 0.98] as const
/** Share of a step's variance that is the level's; the rest is noise of that step alone. */
const SHARES = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1] as const
/** Before anything is seen: probability that steps are independent; all else is alike. */
const INDEPENDENT = 0.4
/** Steps from which on neighbours are added up: the cost stays bounded, and a memory that matters is longer than what is lost. */
const MOST_STEPS = 240
/** Scales nearer to each other than this (natural logarithm) are one. */
const SCALE_STEP = 0.1

/**
 * Distribution of the sum of a series whose level wanders by itself, with how little a short series tells of it.
 *
 * The series is an AR(1) level under independent noise. Each pair of memory and share of a grid has its restricted likelihood (mean and scale integrated: Harville 1974), by
 * the Kalman filter (Harvey 1989, section 3.4), so that a level that may be there and cannot be seen keeps its weight: plugging in the best estimate gives far too small an
 * error where the memory is a large part of the series (Mueller 2014, *HAC corrections for strongly autocorrelated time series*).
 * @param series oldest first, gaps as zeros; its mean is of no account
 */
export function sumPosterior(series: Float64Array): SumPosterior {
  const steps = binned(series)
  const n = steps.length
  const degrees = Math.max(1, steps.reduce((sum, value) => sum + Number(value !== 0), 0) - 1)
  const white = n < 3 ? undefined : restrictedLikelihood(steps, 0, 0)
  if (white === undefined || !(white.variance > 0)) {
    const one = Float64Array.of(1)
    return {
      variance: 0,
      independent: 0,
      distribution: { scales: one, degrees: Float64Array.of(degrees), weights: one },
      autocorrelation: 0,
    }
  }
  const beliefs = [{ ...white, log: white.log + Math.log(INDEPENDENT), autocorrelation: 0 }]
  const each = Math.log((1 - INDEPENDENT) / (MEMORIES.length * SHARES.length))
  for (const memory of MEMORIES) {
    for (const share of SHARES) {
      const { log, variance } = restrictedLikelihood(steps, memory, share)
      beliefs.push({ log: log + each, variance, autocorrelation: memory * share })
    }
  }
  const highest = Math.max(...beliefs.map(({ log }) => log))
  const scales = new Map<number, { weight: number; variance: number }>()
  let total = 0
  let mean = 0
  let autocorrelation = 0
  for (const belief of beliefs) {
    const weight = Math.exp(belief.log - highest)
    total += weight
    mean += weight * belief.variance
    autocorrelation += weight * belief.autocorrelation
    const place = Math.round(Math.log(belief.variance / white.variance) / (2 * SCALE_STEP))
    const scale = scales.get(place) ?? { weight: 0, variance: 0 }
    scale.weight += weight
    scale.variance += weight * belief.variance
    scales.set(place, scale)
  }
  const variance = mean / total
  const list = [...scales.values()].filter(({ weight }) => weight > 0)
  return {
    variance,
    independent: white.variance,
    distribution: {
      scales: Float64Array.from(list, (scale) => Math.sqrt(scale.variance / scale.weight / variance)),
      degrees: new Float64Array(list.length).fill(degrees),
      weights: Float64Array.from(list, (scale) => scale.weight / total),
    },
    autocorrelation: autocorrelation / total,
  }
}

/**
 * @param memory correlation of the level with itself one step later, 0 to below 1
 * @param share of the variance that is the level's, 0 to 1
 * @returns restricted log likelihood, but for a constant, and the variance of the sum at the scale that fits best
 */
export function restrictedLikelihood(
  series: Float64Array,
  memory: number,
  share: number,
): { readonly log: number; readonly variance: number } {
  const n = series.length
  const noise = 1 - share
  const renewed = share * (1 - memory * memory)
  // Variance of the level given what was seen; what is expected of the series, and of a series of ones.
  let open = share
  let level = 0
  let constant = 0
  let logs = 0
  let cross = 0
  let ones = 0
  let squares = 0
  for (let i = 0; i < n; i++) {
    const innovation = open + noise
    const a = (series[i] as number) - level
    const b = 1 - constant
    logs += Math.log(innovation)
    cross += (a * b) / innovation
    ones += (b * b) / innovation
    squares += (a * a) / innovation
    const gain = open / innovation
    level = memory * (level + gain * a)
    constant = memory * (constant + gain * b)
    open = memory * memory * open * (1 - gain) + renewed
  }
  const residual = Math.max(0, squares - (cross * cross) / ones)
  // Sum over all pairs of steps of memory^distance.
  const pairs = (n * (1 + memory)) / (1 - memory) - (2 * memory * (1 - memory ** n)) / (1 - memory) ** 2
  return {
    log: -0.5 * (logs + Math.log(ones) + (n - 1) * Math.log(residual)),
    variance: (residual / (n - 1)) * (noise * n + share * pairs),
  }
}

function binned(series: Float64Array): Float64Array {
  const width = Math.ceil(series.length / MOST_STEPS)
  if (width <= 1) return series
  const sums = new Float64Array(Math.floor(series.length / width))
  // What does not fill a step goes into the first one.
  const offset = series.length - sums.length * width
  for (let i = 0; i < series.length; i++) {
    const at = Math.max(0, Math.floor((i - offset) / width))
    sums[at] = (sums[at] as number) + (series[i] as number)
  }
  return sums
}
