import { normalUpperTail } from '../../../analytics/stats/normal.ts'
import { before, type Method, present } from '../method.ts'

export interface KayentaOptions {
  /** Two-sided confidence of the interval of the shift; the judge's default 0.98. */
  readonly confidence: number
  /** Part of the estimated shift that the interval must lie beyond; default 0.25. */
  readonly tolerance: number
  /** Ratio of means, experiment by control, that a rise (fall) must reach as well; defaults 1. */
  readonly allowedIncrease: number
  readonly allowedDecrease: number
  /** `remove`, what the judge always does: values beyond 3 interquartile ranges from the quartiles (and 1st or 99th percentile) are left out. */
  readonly outliers: 'keep' | 'remove'
}

export const KAYENTA_DEFAULTS: KayentaOptions = {
  confidence: 0.98,
  tolerance: 0.25,
  allowedIncrease: 1,
  allowedDecrease: 1,
  outliers: 'remove',
}

/**
 * The metric classifier of Kayenta's NetflixACAJudge: High or Low where the Mann-Whitney (Wilcoxon) confidence interval of the shift lies beyond
 * `tolerance` times the size of the Hodges-Lehmann estimate, on the side of the shift, and the ratio of means agrees. Interval and estimate by inverting
 * the normal approximation with continuity correction (Bauer 1972), whatever the sample size.
 * Sources: github.com/spinnaker/kayenta, kayenta-judge (NetflixACAJudge, MannWhitneyClassifier, IQRDetector) and docs/canary-config.md.
 */
export function kayenta(name: string, options: KayentaOptions): Method {
  return {
    name,
    prepare: (line, at, window) => {
      const control = cleaned(before(line, at, window), options)
      return (after) => {
        const experiment = cleaned(present(after), options)
        const score = classifierScore(control, experiment, options)
        const p = Math.min(1, 2 * normalUpperTail(score))
        return { alarm: p < 1 - options.confidence, score, p }
      }
    },
  }
}

/** The normal quantile up to which the judge would call High or Low: what its confidence is compared with; 0 where it passes at any. */
export function classifierScore(
  control: Float64Array,
  experiment: Float64Array,
  options: KayentaOptions,
): number {
  const n = experiment.length
  const m = control.length
  if (n === 0 || m === 0 || new Set([...control, ...experiment]).size === 1) return 0
  const a = Float64Array.from(control).sort()
  const b = Float64Array.from(experiment).sort()
  if (n === m && a.every((value, i) => value === b[i])) return 0
  const estimate = shiftEstimate(a, b)
  const bound = options.tolerance * Math.abs(estimate)
  const means = { control: mean(a), experiment: mean(b) }
  const ratio = means.control === 0 ? 1 : means.experiment / means.control
  if (estimate > 0) return ratio >= options.allowedIncrease ? Math.max(0, standardised(a, b, bound)) : 0
  return ratio <= options.allowedDecrease ? Math.max(0, -standardised(a, b, -bound)) : 0
}

/** Hodges-Lehmann: the shift at which the statistic is what it is expected to be. @param control, experiment sorted */
export function shiftEstimate(control: Float64Array, experiment: Float64Array): number {
  let low = (experiment[0] as number) - (control.at(-1) as number)
  let high = (experiment.at(-1) as number) - (control[0] as number)
  for (let i = 0; i < 60 && high - low > 1e-12 * Math.max(Math.abs(low), Math.abs(high)); i++) {
    const middle = (low + high) / 2
    if (standardised(control, experiment, middle) > 0) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Mann-Whitney's U of the experiment, shifted back, against half of all pairs, by its error with ties; half a pair is taken off for continuity. */
export function standardised(control: Float64Array, experiment: Float64Array, shift: number): number {
  const m = control.length
  const n = experiment.length
  let below = 0
  let u = 0
  let ties = 0
  let i = 0
  let j = 0
  // Both sorted: runs of equal values, one after the other.
  while (i < m || j < n) {
    const c = i < m ? (control[i] as number) : Number.POSITIVE_INFINITY
    const e = j < n ? (experiment[j] as number) - shift : Number.POSITIVE_INFINITY
    const value = Math.min(c, e)
    let equal = 0
    while (i < m && control[i] === value) {
      i += 1
      equal += 1
    }
    let own = 0
    while (j < n && (experiment[j] as number) - shift === value) {
      j += 1
      own += 1
    }
    u += own * (below + equal / 2)
    below += equal
    const run = equal + own
    ties += run ** 3 - run
  }
  const all = m + n
  const error = Math.sqrt(((m * n) / 12) * (all + 1 - ties / (all * (all - 1))))
  const difference = u - (m * n) / 2
  return error === 0 ? 0 : (difference - 0.5 * Math.sign(difference)) / error
}

/** Kayenta's IQR detector with factor 3 and reduced sensitivity: the fences are no narrower than the 1st and 99th percentile. */
function cleaned(values: Float64Array, options: KayentaOptions): Float64Array {
  if (options.outliers === 'keep' || values.length === 0) return values
  const sorted = Float64Array.from(values).sort()
  const [first, lower, upper, last] = [0.01, 0.25, 0.75, 0.99].map((q) => percentile(sorted, q)) as [
    number,
    number,
    number,
    number,
  ]
  const reach = 3 * (upper - lower)
  const fences = { low: Math.min(first, lower - reach), high: Math.max(last, upper + reach) }
  return values.filter((value) => value >= fences.low && value <= fences.high)
}

/** By linear interpolation, as commons-math's legacy percentile (position q (n + 1)). */
function percentile(sorted: Float64Array, q: number): number {
  const at = Math.max(1, Math.min(sorted.length, q * (sorted.length + 1))) - 1
  const low = sorted[Math.floor(at)] as number
  const high = sorted[Math.ceil(at)] as number
  return low + (at - Math.floor(at)) * (high - low)
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
