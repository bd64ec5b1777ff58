/**
 * A log-spaced histogram laid out densely: `counts[i]` values lie in bucket `lowest + i`.
 */
export interface HistogramLine {
  readonly lowest: number
  readonly counts: Float64Array
  readonly total: number
}

/**
 * Position of a quantile on the bucket scale, interpolated within its bucket, so that it moves smoothly with q.
 * @param q 0 to 1
 * @returns upper bound of bucket i is position i, its lower bound i - 1; NaN for an empty histogram
 */
export function quantilePosition(line: HistogramLine, q: number): number {
  if (line.total <= 0) return Number.NaN
  const rank = Math.max(0, Math.min(1, q)) * line.total
  let seen = 0
  for (let i = 0; i < line.counts.length; i++) {
    const count = line.counts[i] as number
    if (count > 0 && seen + count >= rank) return line.lowest + i - 1 + (rank - seen) / count
    seen += count
  }
  return line.lowest + line.counts.length - 1
}

/**
 * Wasserstein distance (earth mover's, order one) of two distributions on the bucket scale: how many buckets a value moves
 * on average, direction disregarded. Source: Vallender (1974), as the area between the distribution functions.
 */
export function wasserstein(a: HistogramLine, b: HistogramLine): number {
  if (a.total <= 0 || b.total <= 0) return Number.NaN
  const from = Math.min(a.lowest, b.lowest)
  const to = Math.max(a.lowest + a.counts.length, b.lowest + b.counts.length)
  let area = 0
  let gap = 0
  for (let i = from; i < to; i++) {
    gap += (a.counts[i - a.lowest] ?? 0) / a.total - (b.counts[i - b.lowest] ?? 0) / b.total
    area += Math.abs(gap)
  }
  return area
}

/**
 * Probability that a value of `a` is larger than one of `b`, ties half: the Mann-Whitney statistic on shared buckets.
 * @returns 0 to 1; 0.5 for equal distributions
 */
export function probabilityLarger(a: HistogramLine, b: HistogramLine): number {
  if (a.total <= 0 || b.total <= 0) return Number.NaN
  const from = Math.min(a.lowest, b.lowest)
  const to = Math.max(a.lowest + a.counts.length, b.lowest + b.counts.length)
  let below = 0
  let sum = 0
  for (let i = from; i < to; i++) {
    const own = a.counts[i - a.lowest] ?? 0
    const other = b.counts[i - b.lowest] ?? 0
    sum += own * (below + other / 2)
    below += other
  }
  return sum / (a.total * b.total)
}
