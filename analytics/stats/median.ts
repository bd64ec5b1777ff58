/** Median of numbers without gaps; NaN of none. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[half] as number
  return ((sorted[half - 1] as number) + (sorted[half] as number)) / 2
}

/** Median absolute deviation from the median, times 1.4826: the standard deviation of normal noise. */
export function medianDeviation(values: ArrayLike<number>): number {
  const middle = median(values)
  return 1.4826 * median(Float64Array.from(values, (value) => Math.abs(value - middle)))
}
