/**
 * Logarithm of the gamma function. Lanczos approximation (g = 7, nine terms; Lanczos 1964, coefficients by Godfrey 2001)
 * below 20, Stirling's series above, where it is accurate to the last digits and loses nothing to cancellation.
 * @param x > 0
 */
export function logGamma(x: number): number {
  if (x >= 20) return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + stirlingTail(x)
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const z = x - 1
  let sum = LANCZOS[0] as number
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] as number) / (z + i)
  const t = z + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum)
}

/**
 * log(Gamma(a) Gamma(b) / Gamma(a + b)). For large arguments the leading terms are combined before they are
 * evaluated, so that the difference of huge logarithms keeps its digits.
 * @param a > 0
 * @param b > 0
 */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b)
  const large = Math.max(a, b)
  if (large < 20) return logGamma(a) + logGamma(b) - logGamma(a + b)
  const sum = a + b
  if (small < 20) {
    // log(Gamma(large) / Gamma(large + small)), from Stirling's formula for both
    const ratio =
      (large - 0.5) * -Math.log1p(small / large) -
      small * Math.log(sum) +
      small +
      stirlingTail(large) -
      stirlingTail(sum)
    return logGamma(small) + ratio
  }
  return (
    0.5 * Math.log(2 * Math.PI) -
    0.5 * Math.log(large) +
    (small - 0.5) * Math.log(small / sum) -
    large * Math.log1p(small / large) +
    stirlingTail(small) +
    stirlingTail(large) -
    stirlingTail(sum)
  )
}

/** The part of log Gamma(x) beyond Stirling's leading terms, x >= 20. */
function stirlingTail(x: number): number {
  const square = x * x
  return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / x
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]
