import { logGamma } from './gamma.ts'

/**
 * Regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P(a, x), each computed where it is small, so that both
 * tails keep their relative accuracy (about 1e-13 for moderate a).
 * Source: series and continued fraction of Abramowitz and Stegun 6.5.29 and 6.5.31, evaluated by Lentz's method.
 * @param a > 0
 * @param x >= 0
 */
export function incompleteGamma(a: number, x: number): { lower: number; upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 }
  if (x === Number.POSITIVE_INFINITY) return { lower: 1, upper: 0 }
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; n < 100_000; n++) {
      term *= x / (a + n)
      sum += term
      if (term < sum * 1e-17) break
    }
    const lower = Math.min(1, front * sum)
    return { lower, upper: 1 - lower }
  }
  let b = x + 1 - a
  let c = 1e300
  let d = 1 / b
  let h = d
  for (let i = 1; i < 100_000; i++) {
    const an = -i * (i - a)
    b += 2
    d = 1 / nonZero(an * d + b)
    c = nonZero(b + an / c)
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 1e-16) break
  }
  const upper = Math.min(1, front * h)
  return { lower: 1 - upper, upper }
}

function nonZero(x: number): number {
  return Math.abs(x) < 1e-300 ? 1e-300 : x
}
