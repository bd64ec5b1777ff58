/** What is constant within a segment: the level, or level and slope. */
export type SegmentShape = 'level' | 'line'

/** Running sums, so that the best level or line of any stretch costs the same however long it is. */
export class SegmentSums {
  readonly length: number
  private readonly values: Float64Array
  private readonly squares: Float64Array
  private readonly moments: Float64Array

  /** @param series without gaps; best standardised, since running sums of large numbers lose digits */
  constructor(series: Float64Array) {
    const n = series.length
    this.length = n
    this.values = new Float64Array(n + 1)
    this.squares = new Float64Array(n + 1)
    this.moments = new Float64Array(n + 1)
    for (let i = 0; i < n; i++) {
      const value = series[i] as number
      this.values[i + 1] = (this.values[i] as number) + value
      this.squares[i + 1] = (this.squares[i] as number) + value * value
      this.moments[i + 1] = (this.moments[i] as number) + i * value
    }
  }

  /** The least squares fit from `from` on to before `to`: value at the middle, and slope a step (0 for a level). */
  fit(
    from: number,
    to: number,
    shape: SegmentShape,
  ): { readonly mean: number; readonly slope: number; readonly middle: number } {
    const m = to - from
    const sum = (this.values[to] as number) - (this.values[from] as number)
    const middle = (from + to - 1) / 2
    const spread = (m * (m * m - 1)) / 12
    const slope =
      shape === 'line' && spread > 0
        ? ((this.moments[to] as number) - (this.moments[from] as number) - middle * sum) / spread
        : 0
    return { mean: sum / m, slope, middle }
  }

  /** Sum of squares that the fit leaves. */
  rest(from: number, to: number, shape: SegmentShape): number {
    const m = to - from
    const sum = (this.values[to] as number) - (this.values[from] as number)
    let rest = (this.squares[to] as number) - (this.squares[from] as number) - (sum * sum) / m
    if (shape === 'line' && m > 1) {
      const spread = (m * (m * m - 1)) / 12
      const cross =
        (this.moments[to] as number) - (this.moments[from] as number) - ((from + to - 1) / 2) * sum
      rest -= (cross * cross) / spread
    }
    return Math.max(0, rest)
  }
}
