/**
 * Standard deviation of values around zero, by quantiles of their size, so that a few wild ones do not make it; with a part of their root mean square,
 * so that values that are mostly nothing do not make it zero.
 * @param values any order
 */
export function robustScale(values: Float64Array): number {
  if (values.length === 0) return 0
  const sizes = values.map(Math.abs).sort()
  // 0.6745 and 1.2816: the same quantiles of |Z|.
  const median = (sizes[sizes.length >> 1] as number) / 0.6745
  const upper = (sizes[Math.floor(sizes.length * 0.8)] as number) / 1.2816
  const most = Math.max(median, upper)
  const cap = most > 0 ? 6 * most : Number.POSITIVE_INFINITY
  let squares = 0
  for (const size of sizes) squares += Math.min(size, cap) ** 2
  return Math.max(median, 0.7 * upper, 0.3 * Math.sqrt(squares / sizes.length))
}
