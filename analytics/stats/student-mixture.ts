import { logGamma } from './gamma.ts'
import { studentUpperTail } from './student-t.ts'

/** Student's t distributions with their posterior weights. */
export interface StudentMixture {
  readonly scales: Float64Array
  readonly degrees: Float64Array
  readonly weights: Float64Array
}

const DEGREES = [1.5, 2, 2.7, 3.5, 5, 7, 12, 30]
/** Before anything is seen: heavy tails, as telemetry has them. */
const PRIOR_DEGREES = [0.04, 0.08, 0.14, 0.2, 0.22, 0.16, 0.1, 0.06]
const SCALES = 24
/** Natural logarithm of the ratio of two neighbouring scales. */
const SCALE_STEP = 0.13
/** Standard deviation of the logarithm of the scale before anything is seen. */
const PRIOR_SPREAD = 0.5
const BINS = 96
const LOG_LOW = -6
const LOG_HIGH = 10

/**
 * What is known of the distribution of a symmetric, heavy-tailed statistic from placebos: posterior over scale and degrees of freedom of
 * Student's t, on a grid. Few placebos leave both open, so that the predictive tail is as wide as the ignorance.
 * @param sizes absolute values, in any order
 * @param overlap how many of them share their data: each counts for one in so many
 * @param middle what the scale is thought to be before anything is seen, > 0
 */
export function fitStudentMixture(sizes: Float64Array, overlap: number, middle: number): StudentMixture {
  const bins = new Float64Array(BINS)
  for (const size of sizes) {
    const at = ((Math.log(Math.max(size / middle, 1e-12)) - LOG_LOW) / (LOG_HIGH - LOG_LOW)) * BINS
    const bin = Math.max(0, Math.min(BINS - 1, Math.floor(at)))
    bins[bin] = (bins[bin] as number) + 1 / overlap
  }
  const scales = new Float64Array(SCALES * DEGREES.length)
  const degrees = new Float64Array(scales.length)
  const weights = new Float64Array(scales.length)
  let best = Number.NEGATIVE_INFINITY
  DEGREES.forEach((v, d) => {
    for (let s = 0; s < SCALES; s++) {
      const log = logScale(s)
      const at = d * SCALES + s
      let likelihood = Math.log(PRIOR_DEGREES[d] as number) - (log / PRIOR_SPREAD) ** 2 / 2
      for (let b = 0; b < BINS; b++)
        likelihood += (bins[b] as number) * (LOG_DENSITIES[at * BINS + b] as number)
      scales[at] = middle * Math.exp(log)
      degrees[at] = v
      weights[at] = likelihood
      if (likelihood > best) best = likelihood
    }
  })
  let total = 0
  for (let i = 0; i < weights.length; i++) {
    weights[i] = Math.exp((weights[i] as number) - best)
    total += weights[i] as number
  }
  for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) / total
  return { scales, degrees, weights }
}

/** P(T > t) of the mixture, the posterior predictive upper tail. @param t >= 0 */
export function mixtureUpperTail(t: number, { scales, degrees, weights }: StudentMixture): number {
  let tail = 0
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number
    if (weight > 1e-6) tail += weight * studentUpperTail(t / (scales[i] as number), degrees[i] as number)
  }
  return tail
}

/** The t that is exceeded with probability p, by regula falsi on the logarithm of the tail (Illinois; Dowell and Jarratt 1971). @param p 0 < p < 0.5 */
export function mixtureUpperQuantile(p: number, mixture: StudentMixture): number {
  const beyond = (t: number): number => Math.log(mixtureUpperTail(t, mixture) / p)
  let low = 0
  let high = 1
  let above = Math.log(0.5 / p)
  let below = beyond(high)
  while (below > 0 && high < 1e12) {
    low = high
    above = below
    high *= 2
    below = beyond(high)
  }
  for (let i = 0, side = 0; i < 60 && high - low > 1e-12 * high; i++) {
    const t = (low * below - high * above) / (below - above)
    const found = beyond(t)
    if (Math.abs(found) < 1e-13) return t
    if (found > 0) {
      low = t
      above = found
      if (side > 0) below /= 2
      side = 1
    } else {
      high = t
      below = found
      if (side < 0) above /= 2
      side = -1
    }
  }
  return (low + high) / 2
}

function logScale(s: number): number {
  return (s - (SCALES - 1) / 2) * SCALE_STEP
}

/** Of a size in the middle of each bin, by degrees and scale: the same for all that is fitted. */
const LOG_DENSITIES = new Float64Array(DEGREES.length * SCALES * BINS)
DEGREES.forEach((v, d) => {
  const constant = logGamma((v + 1) / 2) - logGamma(v / 2) - 0.5 * Math.log(v * Math.PI)
  for (let s = 0; s < SCALES; s++) {
    for (let b = 0; b < BINS; b++) {
      const square = Math.exp(2 * (((b + 0.5) * (LOG_HIGH - LOG_LOW)) / BINS + LOG_LOW - logScale(s)))
      LOG_DENSITIES[(d * SCALES + s) * BINS + b] =
        constant - logScale(s) - ((v + 1) / 2) * Math.log1p(square / v)
    }
  }
})
