import { logBeta } from './gamma.ts'

/**
 * Regularised incomplete beta function I_x(a, b), the distribution function of Beta(a, b). Relative accuracy in the lower
 * tail is about 1e-11 for arguments up to a million; for the upper tail call it with swapped arguments.
 * Source: continued fraction of DiDonato and Morris (1992), section 3 (its even part), by Lentz's method.
 * @param x 0 to 1
 * @param a > 0, need not be whole
 * @param b > 0, need not be whole
 * @param complement 1 - x where the caller knows it better than the subtraction does
 */
export function incompleteBeta(x: number, a: number, b: number, complement: number = 1 - x): number {
  if (x <= 0) return 0
  if (complement <= 0) return 1
  // The fraction converges quickly on the near side of the mean only.
  if (x > a / (a + b)) return 1 - lowerTail(complement, b, a, x)
  return lowerTail(x, a, b, complement)
}

function lowerTail(x: number, a: number, b: number, y: number): number {
  const front = Math.exp(a * Math.log(x) + b * (x < 0.1 ? Math.log1p(-x) : Math.log(y)) - logBeta(a, b))
  if (front === 0) return 0
  const lambda = a - (a + b) * x
  // DiDonato and Morris: I = front / (beta_1 + alpha_2 / (beta_2 + ...))
  let result = 1 + lambda * (1 / a) === 0 ? 1e-300 : (a / (a + 1)) * (lambda + 1)
  let c = result
  let d = 0
  for (let n = 1; n < 200_000; n++) {
    const m = n
    const alpha = (((a + m - 1) * (a + b + m - 1)) / (a + 2 * m - 1) ** 2) * m * (b - m) * x * x
    const beta =
      m + (m * (b - m) * x) / (a + 2 * m - 1) + ((a + m) / (a + 2 * m + 1)) * (lambda + 1 + m * (1 + y))
    d = 1 / nonZero(beta + alpha * d)
    c = nonZero(beta + alpha / c)
    const delta = c * d
    result *= delta
    // Of NaN, too, there is no more to be had.
    if (!(Math.abs(delta - 1) >= 1e-15)) break
  }
  return Math.min(1, front / result)
}

function nonZero(x: number): number {
  return Math.abs(x) < 1e-300 ? 1e-300 : x
}
