import { median } from './median.ts'
import { normalUpperQuantile } from './normal.ts'

export interface Slope {
  /** Change a unit of time. */
  readonly slope: number
  /** Of the line through the medians of times and values (Conover 1999). */
  readonly intercept: number
  readonly low: number
  readonly high: number
}

/**
 * Median of the slopes of all pairs (Theil 1950; Sen 1968) with Sen's interval: the slopes whose ranks are z standard deviations of Kendall's
 * score apart. Half the values may be outliers on one side before it breaks by more than they can carry (29 % of them in all).
 * @param times any order; pairs at one time are left out
 * @param values NaN is left out, with its time
 * @param alpha of the interval; 0.05 gives 95 %
 * @param varianceFactor of Kendall's score by dependence ({@link mannKendall}); 1 where values are independent
 * @returns undefined with fewer than three values at different times
 */
export function theilSen(
  times: ArrayLike<number>,
  values: ArrayLike<number>,
  alpha: number,
  varianceFactor = 1,
): Slope | undefined {
  const kept: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i]) && Number.isFinite(times[i])) kept.push(i)
  }
  const slopes = new Float64Array((kept.length * (kept.length - 1)) / 2)
  let count = 0
  for (let a = 0; a < kept.length; a++) {
    for (let b = a + 1; b < kept.length; b++) {
      const [i, j] = [kept[a] as number, kept[b] as number]
      const apart = (times[j] as number) - (times[i] as number)
      if (apart === 0) continue
      slopes[count++] = ((values[j] as number) - (values[i] as number)) / apart
    }
  }
  if (count < 3) return undefined
  const sorted = slopes.subarray(0, count).sort()
  const slope = median(sorted)
  const n = kept.length
  // Ties in values are left in: the variance is then a little large, and the interval a little wide.
  const spread =
    normalUpperQuantile(alpha / 2) * Math.sqrt(((n * (n - 1) * (2 * n + 5)) / 18) * varianceFactor)
  const at = (rank: number): number => sorted[Math.max(0, Math.min(count - 1, Math.round(rank)))] as number
  return {
    slope,
    intercept:
      median(kept.map((i) => values[i] as number)) - slope * median(kept.map((i) => times[i] as number)),
    low: at((count - spread) / 2 - 1),
    high: at((count + spread) / 2),
  }
}
