export interface LoessSpan {
  /** Points each local line is fitted to; odd, at least 3. Above the number of points the weights widen as Cleveland's do. */
  readonly span: number
  /** Local constants or local lines. */
  readonly degree: 0 | 1
}

/**
 * Locally weighted regression at one place: tricube weights over the nearest `span` points of an evenly spaced series
 * (Cleveland 1979; the routine `est` of Cleveland et al. 1990).
 * @param y values at 1, 2, ..., y.length
 * @param x where to estimate; may lie one step outside
 * @param weights robustness weight of each value, or undefined for ones
 * @returns undefined where all weights are zero
 */
export function loessAt(
  y: Float64Array,
  { span, degree }: LoessSpan,
  x: number,
  left: number,
  right: number,
  weights: Float64Array | undefined,
  scratch: Float64Array,
): number | undefined {
  const n = y.length
  let width = Math.max(x - left, right - x)
  if (span > n) width += Math.floor((span - n) / 2)
  let total = 0
  for (let j = left; j <= right; j++) {
    const distance = Math.abs(j - x)
    let weight = 0
    if (distance <= 0.999 * width) {
      weight = distance <= 0.001 * width ? 1 : (1 - (distance / width) ** 3) ** 3
      if (weights !== undefined) weight *= weights[j - 1] as number
    }
    scratch[j - 1] = weight
    total += weight
  }
  if (!(total > 0)) return undefined
  for (let j = left; j <= right; j++) scratch[j - 1] = (scratch[j - 1] as number) / total
  if (width > 0 && degree > 0) {
    let centre = 0
    for (let j = left; j <= right; j++) centre += (scratch[j - 1] as number) * j
    let spread = 0
    for (let j = left; j <= right; j++) spread += (scratch[j - 1] as number) * (j - centre) ** 2
    if (Math.sqrt(spread) > 0.001 * (n - 1)) {
      const slope = (x - centre) / spread
      for (let j = left; j <= right; j++)
        scratch[j - 1] = (scratch[j - 1] as number) * (slope * (j - centre) + 1)
    }
  }
  let estimate = 0
  for (let j = left; j <= right; j++) estimate += (scratch[j - 1] as number) * (y[j - 1] as number)
  return estimate
}

/**
 * A series smoothed by {@link loessAt} at every point.
 * @returns as many values; where a neighbourhood has no weight, the value itself
 */
export function loess(y: Float64Array, span: LoessSpan, weights?: Float64Array): Float64Array {
  const n = y.length
  const result = new Float64Array(n)
  const scratch = new Float64Array(n)
  if (n < 2) {
    result.set(y)
    return result
  }
  const half = Math.floor((span.span + 1) / 2)
  for (let i = 1; i <= n; i++) {
    const left = span.span >= n ? 1 : Math.min(Math.max(1, i - half + 1), n - span.span + 1)
    const right = span.span >= n ? n : left + span.span - 1
    result[i - 1] = loessAt(y, span, i, left, right, weights, scratch) ?? (y[i - 1] as number)
  }
  return result
}
