/**
 * The mixture sequential probability ratio test of two arms of Johari, Koomen, Pekelis, Walsh (2022), *Always valid inference: continuous
 * monitoring of A/B tests*, equation 10: normal mixture over the difference of means, variances plugged in. Two-sided, as
 * published.
 * @param difference of the arms' means
 * @param variance of that difference, estimated
 * @param mixture variance of the effects that are mixed over, on the scale of the difference
 * @returns logarithm of the likelihood ratio; rejects at alpha where it is at least log(1/alpha)
 */
export function logMixtureSprt(difference: number, variance: number, mixture: number): number {
  if (!(variance > 0)) return 0
  return (
    0.5 * Math.log(variance / (variance + mixture)) +
    (mixture * difference * difference) / (2 * variance * (variance + mixture))
  )
}
