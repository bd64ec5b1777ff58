/**
 * Half-width of a confidence sequence, which holds at all times at once: normal mixture boundary in terms of the variance
 * that the estimate has now. Asymptotic: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), theorem 2.2, equation 4, with
 * the variance of the mixture as the tuning parameter.
 * @param variance of the estimate, > 0; Infinity is allowed
 * @param effect where the sequence is tightest: where the standard error is about a third of it; > 0
 * @param alpha 0 to 1, both sides together
 */
export function sequenceHalfWidth(variance: number, effect: number, alpha: number): number {
  if (variance === Number.POSITIVE_INFINITY) return variance
  const mixture = effect * effect
  return Math.sqrt(variance * (1 + variance / mixture) * Math.log((1 + mixture / variance) / (alpha * alpha)))
}
