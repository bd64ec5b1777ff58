import { type SegmentShape, SegmentSums } from './segment-sums.ts'

export interface SegmentationOptions {
  /** Steps of the shortest segment. */
  readonly shortest: number
  /** Most changes that are looked for. Default 20. */
  readonly mostChanges?: number
  /**
   * Largest lag-one autocorrelation that counts as noise; what remembers longer is change. Default: such that 5 % of it is left after
   * the shortest segment.
   */
  readonly largestAutocorrelation?: number
  /** Variance, in the columns' own squared unit, below which nothing needs an explanation: keeps fits from chasing what nobody would call a change. */
  readonly floor: number
  /** Factor of the penalty; 1 is the Bayesian information criterion's. Default 1.25: see {@link segmentation}. */
  readonly caution?: number
}

export interface Segmentation {
  /** Indices at which a new segment starts, without 0, ascending. */
  readonly starts: readonly number[]
  readonly shape: SegmentShape
  /** Lag-one autocorrelation of what the segments leave, one a column, corrected for bias, 0 to 0.99. */
  readonly autocorrelations: readonly number[]
  /** Penalised criterion; smaller is better. */
  readonly criterion: number
}

/**
 * Best piecewise description of a series: levels, or lines, with autocorrelated noise around them.
 *
 * For both shapes and each number of changes the segmentation with the least sum of squares is found exactly by dynamic programming (Auger and
 * Lawrence 1989). Their number and the shape minimise
 * `sum over columns of n log(whitened sum of squares / n + floor) - (K + 1) log(1 - rho^2) + caution * (2 K log n + q sum of log segment lengths)`,
 * the Bayesian information criterion with segment lengths as in the modified one of Zhang and Siegmund (2007), on residuals whitened by an AR(1)
 * whose coefficient is estimated anew for each candidate (Shi, Gallagher, Lund and Killick 2022 compare such criteria), q parameters a segment.
 * Coefficient and changes compete for the same variance: a level that wanders is both. So the coefficient is bounded: what outlives
 * the shortest segment is called change. The usual factor of 1 alarms too often in short series, where the coefficient is poorly known; 1.25
 * was chosen on simulated series (test/evaluation/results.md, part D).
 * @param columns one array a dimension, equally long, without gaps; changes are common to all
 */
export function segmentation(columns: readonly Float64Array[], options: SegmentationOptions): Segmentation {
  const n = columns[0]?.length ?? 0
  const { shortest, floor } = options
  const bound = options.largestAutocorrelation ?? 0.05 ** (1 / shortest)
  const caution = options.caution ?? 1.25
  const most = Math.max(0, Math.min(options.mostChanges ?? 20, Math.floor(n / shortest) - 1))
  const sums = columns.map((column) => new SegmentSums(column))
  let best: Segmentation | undefined
  for (const shape of ['level', 'line'] as const) {
    const parameters = (shape === 'line' ? 2 : 1) * columns.length
    for (const starts of leastSquares(sums, shape, shortest, most)) {
      let criterion = 0
      const autocorrelations: number[] = []
      for (const [at, column] of columns.entries()) {
        const rest = residuals(column, sums[at] as SegmentSums, starts, shape)
        const memory = autocorrelation(rest, starts)
        autocorrelations.push(Math.max(0, Math.min(0.99, memory)))
        const rho = Math.max(0, Math.min(bound, memory))
        criterion +=
          n * Math.log(whitenedSquares(rest, starts, rho) / n + floor) -
          (starts.length + 1) * Math.log(1 - rho * rho)
      }
      const edges = [0, ...starts, n]
      let lengths = 0
      for (let i = 1; i < edges.length; i++) {
        lengths += Math.log((edges[i] as number) - (edges[i - 1] as number))
      }
      criterion += caution * (2 * starts.length * Math.log(n) + parameters * lengths)
      if (best === undefined || criterion < best.criterion) {
        best = { starts, shape, autocorrelations, criterion }
      }
    }
  }
  return best ?? { starts: [], shape: 'level', autocorrelations: columns.map(() => 0), criterion: 0 }
}

/** What the segments leave of a column. */
export function residuals(
  column: Float64Array,
  sums: SegmentSums,
  starts: readonly number[],
  shape: SegmentShape,
): Float64Array {
  const n = column.length
  const rest = new Float64Array(n)
  const edges = [0, ...starts, n]
  for (let s = 1; s < edges.length; s++) {
    const from = edges[s - 1] as number
    const to = edges[s] as number
    const { mean, slope, middle } = sums.fit(from, to, shape)
    for (let i = from; i < to; i++) rest[i] = (column[i] as number) - mean - slope * (i - middle)
  }
  return rest
}

/** Lag-one autocorrelation within segments, with the bias of each segment's fit taken off (Kendall 1954). */
function autocorrelation(rest: Float64Array, starts: readonly number[]): number {
  const first = new Set(starts)
  let cross = 0
  let squares = 0
  for (let i = 1; i < rest.length; i++) {
    if (first.has(i)) continue
    cross += (rest[i] as number) * (rest[i - 1] as number)
    squares += (rest[i - 1] as number) ** 2
  }
  const raw = squares > 0 ? cross / squares : 0
  return raw + ((1 + 3 * raw) * (starts.length + 1)) / rest.length
}

function whitenedSquares(rest: Float64Array, starts: readonly number[], rho: number): number {
  const first = new Set([0, ...starts])
  let squares = 0
  for (let i = 0; i < rest.length; i++) {
    squares += first.has(i)
      ? (1 - rho * rho) * (rest[i] as number) ** 2
      : ((rest[i] as number) - rho * (rest[i - 1] as number)) ** 2
  }
  return squares
}

/** For 0, 1, ... changes the starts with the least sum of squares, by dynamic programming. */
export function leastSquares(
  sums: readonly SegmentSums[],
  shape: SegmentShape,
  shortest: number,
  most: number,
): readonly (readonly number[])[] {
  const n = sums[0]?.length ?? 0
  const cost = (from: number, to: number): number => {
    let total = 0
    for (const column of sums) total += column.rest(from, to, shape)
    return total
  }
  if (most === 0) return [[]]
  // least[k * (n + 1) + t]: of the first t values with k changes.
  const width = n + 1
  const least = new Float64Array((most + 1) * width).fill(Number.POSITIVE_INFINITY)
  const previous = new Int32Array((most + 1) * width)
  for (let t = shortest; t <= n; t++) {
    least[t] = cost(0, t)
    for (let s = shortest; s <= t - shortest; s++) {
      const last = cost(s, t)
      for (let k = 1; k <= most; k++) {
        const total = (least[(k - 1) * width + s] as number) + last
        if (total === Number.POSITIVE_INFINITY) break
        if (total < (least[k * width + t] as number)) {
          least[k * width + t] = total
          previous[k * width + t] = s
        }
      }
    }
  }
  const result: number[][] = []
  for (let k = 0; k <= most && (least[k * width + n] as number) < Number.POSITIVE_INFINITY; k++) {
    const starts: number[] = []
    let t = n
    for (let left = k; left > 0; left--) {
      t = previous[left * width + t] as number
      starts.push(t)
    }
    result.push(starts.reverse())
  }
  return result
}
