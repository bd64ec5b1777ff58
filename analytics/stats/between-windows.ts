import { longRunVariance } from './long-run-variance.ts'

export interface BetweenWindows {
  /** Variance of a window's true level around the common one, in squared units of the ratio; 0 if none is seen. */
  readonly variance: number
  /** Variance of a window's ratio around the common one, what dependence within windows explains included. */
  readonly whole: number
  readonly windows: number
  readonly degreesOfFreedom: number
}

/**
 * How much a ratio of sums moves between windows of one length by itself: seasons, slow drift and shifts that the minutes
 * within a window cannot show. This is the component that a before/after comparison must add to its error, since the window after
 * is one more such window. Method of moments as in random-effects meta-analysis (DerSimonian and Laird 1986): spread of the
 * window totals minus what dependence within windows explains.
 * @param numerator one value a minute, gaps as zeros, oldest first
 * @param denominator likewise
 * @param length minutes in a window, >= 1
 * @returns undefined with fewer than four windows that have data
 */
export function betweenWindows(
  numerator: Float64Array,
  denominator: Float64Array,
  length: number,
): BetweenWindows | undefined {
  const count = Math.floor(numerator.length / length)
  if (count < 4) return undefined
  // The newest windows are kept when the length does not divide the series.
  const offset = numerator.length - count * length
  const tops = new Float64Array(count)
  const bottoms = new Float64Array(count)
  let top = 0
  let bottom = 0
  for (let w = 0; w < count; w++) {
    for (let i = offset + w * length; i < offset + (w + 1) * length; i++) {
      tops[w] = (tops[w] as number) + (numerator[i] as number)
      bottoms[w] = (bottoms[w] as number) + (denominator[i] as number)
    }
    top += tops[w] as number
    bottom += bottoms[w] as number
  }
  if (bottom <= 0) return undefined
  const estimate = top / bottom
  const within = new Float64Array(count * length)
  let used = 0
  let spread = 0
  let squares = 0
  let shares = 0
  for (let w = 0; w < count; w++) {
    const weight = bottoms[w] as number
    if (weight <= 0) continue
    used += 1
    const own = (tops[w] as number) / weight
    for (let i = 0; i < length; i++) {
      const at = offset + w * length + i
      within[w * length + i] = (numerator[at] as number) - own * (denominator[at] as number)
    }
    spread += ((tops[w] as number) - estimate * weight) ** 2
    squares += weight * weight
    shares += (weight / bottom) ** 2
  }
  if (used < 4) return undefined
  // Demeaning each window took `used` degrees of freedom.
  const noise = longRunVariance(within).variance * (within.length / Math.max(1, within.length - used))
  const excess = spread - noise * (1 - shares)
  const scale = Math.max(squares - 2 * squares * shares + squares * shares, squares / 2)
  return {
    variance: Math.max(0, excess / scale),
    whole: Math.max(spread, noise * (1 - shares)) / scale,
    windows: used,
    degreesOfFreedom: used - 1,
  }
}
