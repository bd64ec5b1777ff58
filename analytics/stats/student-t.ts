import { incompleteBeta } from './incomplete-beta.ts'
import { normalUpperQuantile, normalUpperTail } from './normal.ts'

/**
 * Upper tail of Student's t distribution, P(T > t). Accurate in relative terms in both tails.
 * Source: Abramowitz and Stegun 26.7.1 with 26.5.27.
 * @param degrees > 0, need not be whole; from 1e7 on the normal distribution is meant
 */
export function studentUpperTail(t: number, degrees: number): number {
  if (degrees >= 1e7) return normalUpperTail(t)
  const square = t * t
  const tail =
    0.5 * incompleteBeta(degrees / (degrees + square), degrees / 2, 0.5, square / (degrees + square))
  return t >= 0 ? tail : 1 - tail
}

/**
 * The t that is exceeded with probability p; the inverse of {@link studentUpperTail}, by bisection on a bracket that
 * grows until it holds the answer.
 * @param p 0 < p < 1
 */
export function studentUpperQuantile(p: number, degrees: number): number {
  if (p > 0.5) return -studentUpperQuantile(1 - p, degrees)
  if (p === 0.5) return 0
  let low = normalUpperQuantile(p)
  if (degrees >= 1e7) return low
  let high = Math.max(1, 2 * low)
  while (studentUpperTail(high, degrees) > p && high < 1e150) {
    low = high
    high *= 4
  }
  for (let i = 0; i < 80 && high - low > 1e-13 * high; i++) {
    const middle = (low + high) / 2
    if (studentUpperTail(middle, degrees) > p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
