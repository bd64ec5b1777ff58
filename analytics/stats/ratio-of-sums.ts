import { latentLevelVariance } from './latent-level-variance.ts'
import { type LongRunVariance, longRunVariance } from './long-run-variance.ts'
import { longestMemoryVariance } from './longest-memory-variance.ts'

export interface RatioOfSums {
  /** Sum of the numerators by sum of the denominators; NaN where there is no denominator. */
  readonly estimate: number
  readonly numerator: number
  readonly denominator: number
  /** Variance of the estimate, dependence between minutes included. */
  readonly variance: number
  readonly longRun: LongRunVariance
  /** Influence of each minute on the estimate; they add up to 0. */
  readonly influence: Float64Array
  /** Minutes with a denominator. */
  readonly filled: number
}

/**
 * A ratio of sums over minutes (events per request, bad of all, mean of values), with its variance by linearisation:
 * minutes, not events, are the units. Source: Cochran (1977), *Sampling Techniques*, section 2.11; Deng, Knoblich, Lu
 * (2018), *Applying the delta method in metric analytics*.
 * @param numerator one value a minute, gaps as zeros
 * @param denominator likewise
 * @param wanders the level may move slowly by itself, and no other part of the error (drift between windows, placebos) tells by how much
 */
export function ratioOfSums(
  numerator: Float64Array,
  denominator: Float64Array,
  wanders = false,
): RatioOfSums {
  let top = 0
  let bottom = 0
  let filled = 0
  for (let i = 0; i < numerator.length; i++) {
    top += numerator[i] as number
    bottom += denominator[i] as number
    if ((denominator[i] as number) > 0) filled += 1
  }
  const estimate = top / bottom
  const influence = new Float64Array(numerator.length)
  if (bottom > 0) {
    for (let i = 0; i < influence.length; i++) {
      influence[i] = ((numerator[i] as number) - estimate * (denominator[i] as number)) / bottom
    }
  }
  const plain = longRunVariance(influence)
  const latent = Math.max(latentLevelVariance(influence), wanders ? longestMemoryVariance(influence) : 0)
  // Better known to be large than well known: what a hidden level adds is estimated from the same few minutes.
  const whole =
    latent <= plain.variance
      ? plain
      : {
          ...plain,
          variance: latent,
          degreesOfFreedom: Math.max(2, (plain.degreesOfFreedom * plain.variance) / latent),
        }
  const longRun = forFilled(whole, filled)
  return {
    estimate,
    numerator: top,
    denominator: bottom,
    variance: longRun.variance,
    longRun,
    influence,
    filled,
  }
}

/** Empty minutes tell nothing about spread: few filled ones among many make a variance too small and too sure of itself. */
export function forFilled(longRun: LongRunVariance, filled: number): LongRunVariance {
  const correction = filled > 1 ? filled / (filled - 1) : 2
  return {
    ...longRun,
    variance: longRun.variance * correction,
    degreesOfFreedom: Math.max(1, Math.min(longRun.degreesOfFreedom, filled - 1)),
  }
}
