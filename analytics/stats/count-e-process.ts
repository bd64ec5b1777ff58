import { LOG_EFFECTS, LOG_WEIGHTS } from './effect-prior.ts'
import { logMixture } from './log-mixture.ts'
import { largestFactor, tiltCost, tiltScore } from './quadratic-variance.ts'

export interface CountSoFar {
  /** Events since the start of the test; need not be whole. */
  readonly events: number
  /** Events that the edge of the null hypothesis expects by now, > 0: baseline times exposure times the edge's ratio. */
  readonly expected: number
  /** Variance by mean, see quadratic-variance.ts. */
  readonly dispersion: number
  /** How well the baseline is known: standard deviation of the logarithm of the true level around it, drift included; >= 0. */
  readonly drift: number
  /** What others had meanwhile, whose level is the same under the null hypothesis, whatever it is. */
  readonly beside?: { readonly events: number; readonly expected: number }
}

/**
 * Where the level is uncertain, a single factor, however near, fits many events worse than a level that is free. So two parts of the mixture are on bets that are log-normal factors
 * themselves: one on what most releases that matter do (mean and standard deviation of the logarithm), one on anything, which is wider than the level is uncertain: one that is no wider loses to it.
 */
const NEAR = { centre: 0.3, deviation: 0.15 } as const
const ANYTHING = { deviation: 1, byDrift: 2 } as const
const PART_WEIGHTS = [0.6, 0.3, 0.1].map(Math.log)
const EFFECTS = LOG_EFFECTS.map((log) => Math.exp(log))
const terms = new Float64Array(LOG_EFFECTS.length)

/**
 * Logarithm of the e-process of a count against a baseline: mixture likelihood ratio of the alternatives of effect-prior.ts to
 * the null hypothesis that the rate is at most the edge's, whose level is uncertain by a log-normal factor that is drawn once
 * and integrated (Robbins 1970; Lindon and Malek 2022, section 3, have the Poisson mixture; Wasserman, Ramdas,
 * Balakrishnan 2020 the ratio of a mixture to the null).
 *
 * With `beside` the null hypothesis is what the level can be after what others had: its probability of both by that of theirs.
 *
 * With `drift` 0 a test supermartingale for every count with independent increments whose dispersion is at most the one
 * given: exact. Else the promise holds on average over levels that differ from the baseline as `drift` says.
 * @param up true: alternatives are above the edge; false: below
 * @returns log e-value; 0 before anything was expected
 */
export function logCountEvidence(count: CountSoFar, up: boolean): number {
  const { events, expected, dispersion, drift, beside } = count
  if (!(expected > 0)) return 0
  const limit = largestFactor(dispersion)
  for (let i = 0; i < terms.length; i++) {
    const effect = EFFECTS[i] as number
    const factor = up ? Math.min(limit, effect) : 1 / effect
    const cost = tiltCost(factor, dispersion)
    terms[i] = events * tiltScore(factor, dispersion, cost) - expected * cost
  }
  const bets = logMixture(terms, LOG_WEIGHTS)
  if (!(drift > 0)) return bets
  const most = Math.log(limit)
  const uncertain =
    beside === undefined
      ? logUncertain(count, most)
      : logUncertain(
          { ...count, events: events + beside.events, expected: expected + beside.expected },
          most,
        ) - logUncertain({ ...count, ...beside }, most)
  // Fewer than expected are nothing to bet on freely.
  if (events > expected !== up) return bets - uncertain
  const near = logUncertain({ ...count, drift: NEAR.deviation }, most, up ? NEAR.centre : -NEAR.centre)
  const anything = logUncertain(
    { ...count, drift: Math.max(ANYTHING.deviation, ANYTHING.byDrift * drift) },
    most,
  )
  return logMixture([bets, near, anything], PART_WEIGHTS) - uncertain
}

/**
 * Logarithm of the likelihood (relative to a factor of 1) averaged over a log-normal factor, by Laplace's method around its
 * mode: the integrand is log-concave and near to normal both for few events (the prior's shape) and for many.
 */
function logUncertain({ events, expected, dispersion, drift }: CountSoFar, most: number, centre = 0): number {
  const excess = dispersion - 1
  const precision = 1 / (drift * drift)
  const weight = expected / Math.max(1, dispersion)
  let log = (Math.log(Math.max(events, 0.5) / expected) * weight + centre * precision) / (weight + precision)
  let curvature = 0
  for (let i = 0; i < 40; i++) {
    log = Math.min(log, most)
    const factor = Math.exp(log)
    const scale = 1 + factor * excess
    const slope = (events - expected * factor) / scale - (log - centre) * precision
    curvature = (factor * Math.max(0, expected + events * excess)) / (scale * scale)
    const step = Math.max(-1, Math.min(1, slope / (curvature + precision)))
    log += step
    if (Math.abs(step) < 1e-6) break
  }
  log = Math.min(log, most)
  const factor = Math.exp(log)
  const cost = tiltCost(factor, dispersion)
  const likelihood = events * tiltScore(factor, dispersion, cost) - expected * cost
  return likelihood - 0.5 * (log - centre) ** 2 * precision - 0.5 * Math.log1p(curvature / precision)
}
