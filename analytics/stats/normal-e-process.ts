import { LOG_EFFECTS, LOG_WEIGHTS } from './effect-prior.ts'
import { logMixture } from './log-mixture.ts'

export interface MeanSoFar {
  /** Mean of the values so far, relative to the edge of the null hypothesis. */
  readonly excess: number
  /** Variance of that mean by the values' own spread and dependence: long-run variance by their number, > 0. */
  readonly variance: number
  /** Standard deviation of the true level around the baseline that the edge was taken from, drift included; >= 0. */
  readonly drift: number
}

const terms = new Float64Array(LOG_EFFECTS.length)

/**
 * Logarithm of the e-process of a mean: mixture of Gaussian likelihood ratios, the level of the null hypothesis uncertain by a normal
 * shift that is drawn once. Asymptotic, as partial sums of dependent values are near to a Brownian motion: Robbins (1970);
 * Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), theorem 2.2, for the strong approximation that carries it over.
 * @param unit what an effect of 1 in effect-prior.ts is on the scale of the mean, > 0
 * @param up true: alternatives are above the edge; false: below
 */
export function logMeanEvidence(mean: MeanSoFar, unit: number, up: boolean): number {
  const variance = mean.variance + mean.drift * mean.drift
  if (!(variance > 0)) return 0
  for (let i = 0; i < terms.length; i++) {
    const effect = (up ? unit : -unit) * (LOG_EFFECTS[i] as number)
    terms[i] = (effect * (mean.excess - effect / 2)) / variance
  }
  return logMixture(terms, LOG_WEIGHTS)
}
