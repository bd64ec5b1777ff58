/**
 * The log-spaced histogram of the rollups: histogram.md has the bounds and the proof of the error.
 * Source: Masson, Rim, Lee (2019), DDSketch, section 2.1 (without collapsing).
 */

/** Largest relative error of a value read back from its bucket. */
export const RELATIVE_ERROR = 0.02

/** Ratio of a bucket's upper to its lower bound. */
export const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)

export const LN_GAMMA = Math.log(GAMMA)

/** Where zero and negative values go; its value reads as 0. */
export const ZERO_BUCKET = -32768

/** Index of the bucket that holds `value`: (GAMMA^(i-1), GAMMA^i]. @param value any finite number */
export function bucketOf(value: number): number {
  if (value <= 0) return ZERO_BUCKET
  const index = Math.ceil(Math.log(value) / LN_GAMMA)
  return Math.max(-32767, Math.min(32767, index))
}

/** The value that stands for a bucket: at most RELATIVE_ERROR away from everything in it. */
export function bucketValue(index: number): number {
  return index === ZERO_BUCKET ? 0 : (2 * GAMMA ** index) / (1 + GAMMA)
}

/** Upper bound of a bucket. */
export function bucketUpperBound(index: number): number {
  return index === ZERO_BUCKET ? 0 : GAMMA ** index
}

/** Adds `other` into `into`, bucket by bucket. */
export function mergeHistogram(into: Map<number, number>, other: ReadonlyMap<number, number>): void {
  for (const [index, count] of other) into.set(index, (into.get(index) ?? 0) + count)
}

/**
 * Quantile by nearest rank over buckets.
 * @param q 0 to 1
 * @returns undefined for an empty histogram
 */
export function histogramQuantile(histogram: ReadonlyMap<number, number>, q: number): number | undefined {
  return quantileFunction(histogram)?.(q)
}

/** {@link histogramQuantile} of a histogram that is asked again and again: its buckets are sorted once. @returns undefined for an empty histogram */
export function quantileFunction(
  histogram: ReadonlyMap<number, number>,
): ((q: number) => number) | undefined {
  const indexes = [...histogram.keys()].sort((a, b) => a - b)
  let total = 0
  const seen = indexes.map((index) => {
    total += histogram.get(index) ?? 0
    return total
  })
  if (total === 0) return undefined
  return (q) => {
    const rank = Math.max(1, Math.ceil(q * total))
    const at = seen.findIndex((count) => count >= rank)
    return bucketValue(indexes.at(at) as number)
  }
}

/** The SQL expression of {@link bucketOf}, for the materialized views. @param value a SQL expression, trusted */
export function bucketSql(value: string): string {
  return `toInt16(if(${value} > 0, greatest(-32767, least(32767, ceil(log(${value}) / ${LN_GAMMA}))), ${ZERO_BUCKET}))`
}
