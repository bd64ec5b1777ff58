import { kthSmallest } from './kth-smallest.ts'

/**
 * Standard deviation of values around zero, by quantiles of their size, so that a few wild ones do not make it; with a part of their root mean square,
 * so that values that are mostly nothing do not make it zero.
 * @param values any order, without NaN
 */
export function robustScale(values: Float64Array): number {
  if (values.length === 0) return 0
  const sizes = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) sizes[i] = Math.abs(values[i] as number)
  // 0.6745 and 1.2816: the same quantiles of |Z|.
  const median = kthSmallest(sizes, sizes.length >> 1) / 0.6745
  const upper = kthSmallest(sizes, Math.floor(sizes.length * 0.8)) / 1.2816
  const most = Math.max(median, upper)
  const cap = most > 0 ? 6 * most : Number.POSITIVE_INFINITY
  let squares = 0
  for (const size of sizes) squares += Math.min(size, cap) ** 2
  return Math.max(median, 0.7 * upper, 0.3 * Math.sqrt(squares / sizes.length))
}
