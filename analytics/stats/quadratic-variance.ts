/**
 * Bets on counts whose variance is `dispersion` times their mean: binomial below 1 (1 - p), Poisson at 1, negative binomial
 * above (geometric-like bursts). With them, exp(score * count - cost * mean) has expectation 1 under that mean, and is the
 * likelihood ratio of `factor` times the mean. Where bursts make big bets dangerous the score is bounded, by log(d / (d - 1)),
 * so that no bet is larger than its tail can pay for.
 * Source: Morris (1982), *Natural exponential families with quadratic variance functions*, table 1, whose first three
 * families are these; in risk theory the class of Panjer (1981). Larger dispersion only lowers the expectation of a bet made
 * for it, so it may be an upper bound.
 */

/** Below this distance from 1 the Poisson limit is exact to all digits that matter. */
const POISSON = 1e-7

/**
 * What the mean costs. @param factor > 0, and below 1 / (1 - dispersion) where that is below 1
 * @param dispersion > 0
 */
export function tiltCost(factor: number, dispersion: number): number {
  const excess = dispersion - 1
  if (Math.abs(excess) < POISSON) return factor - 1
  return Math.log1p((excess * (factor - 1)) / dispersion) / excess
}

/** What each event earns, given the cost of the same factor. */
export function tiltScore(factor: number, dispersion: number, cost: number): number {
  return Math.log(factor) - (dispersion - 1) * cost
}

/** The largest factor that counts of such dispersion can have: below 1 a count is bounded by what it is a part of. */
export function largestFactor(dispersion: number): number {
  return dispersion >= 1 ? Number.POSITIVE_INFINITY : 0.98 / (1 - dispersion)
}
