import { incompleteGamma } from './incomplete-gamma.ts'

/**
 * Upper tail of the standard normal distribution, P(Z > z), with relative accuracy about 1e-12 down to 1e-300.
 * Source: Abramowitz and Stegun 26.2.30: P(Z > z) = Q(1/2, z^2 / 2) / 2 for z > 0.
 */
export function normalUpperTail(z: number): number {
  if (Number.isNaN(z)) return Number.NaN
  const tail = incompleteGamma(0.5, (z * z) / 2).upper / 2
  return z >= 0 ? tail : 1 - tail
}

/**
 * Inverse of {@link normalUpperTail}: the z that is exceeded with probability p. Acklam's rational start (relative error
 * 1.2e-9), then Newton steps on the logarithm of the tail, which converge from it in any tail.
 * @param p 0 to 1; 0 gives Infinity
 */
export function normalUpperQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN
  if (p === 0) return Number.POSITIVE_INFINITY
  if (p === 1) return Number.NEGATIVE_INFINITY
  if (p > 0.5) return -normalUpperQuantile(1 - p)
  let z = -acklam(p)
  for (let i = 0; i < 3; i++) {
    const tail = normalUpperTail(z)
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
    if (tail === 0 || density === 0) break
    const step = (Math.log(tail / p) * tail) / density
    z += step
    if (Math.abs(step) < 1e-14 * Math.max(1, z)) break
  }
  return z
}

/** Acklam (2003), lower half only, p <= 0.5. */
function acklam(p: number): number {
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    return (
      (((((-7.784894002430293e-3 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) *
        q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((7.784695709041462e-3 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) *
        q +
        1)
    )
  }
  const q = p - 0.5
  const r = q * q
  return (
    ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
      q) /
    (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
      1)
  )
}
