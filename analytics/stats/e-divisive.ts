import { permutationP, shuffle } from './permutation-p.ts'

export interface EDivisiveOptions {
  /** Fewest values of a segment, at least 2. */
  readonly shortest: number
  /** Largest p of a change; default 0.01. */
  readonly alpha?: number
  /** Permutations; default 199. */
  readonly rounds?: number
  readonly random: () => number
}

export interface EDivisiveChange {
  /** Of the first value after the change. */
  readonly index: number
  /** Above 0. */
  readonly p: number
}

/**
 * Hierarchical divisive estimation of any change of distribution by energy distances: Matteson and James (2014), *A nonparametric approach
 * for multiple change point analysis of multivariate data*, JASA 109, with exponent 1 and one split a segment as MongoDB's and Hunter's do
 * (Daly et al. 2020): the second part of the two samples ends where the segment ends. Assumes that values are independent: with
 * autocorrelated ones it finds far too many. Values within a segment are permuted; splitting stops at the first split that is not significant.
 * @param series without gaps, oldest first
 * @returns ascending; O(n^2) time a split and permutation, O(n) memory
 */
export function eDivisive(series: Float64Array, options: EDivisiveOptions): readonly EDivisiveChange[] {
  const { shortest, random } = options
  const alpha = options.alpha ?? 0.01
  const rounds = options.rounds ?? 199
  const found: EDivisiveChange[] = []
  for (;;) {
    const edges = [0, ...found.map(({ index }) => index), series.length].sort((a, b) => a - b)
    const segments = edges.slice(1).map((to, at) => series.slice(edges[at] as number, to))
    const splits = segments.map((segment) => bestSplit(segment, shortest))
    let at = -1
    for (const [i, split] of splits.entries()) {
      if (split !== undefined && (at < 0 || split.statistic > (splits[at]?.statistic ?? 0))) at = i
    }
    const best = splits[at]
    if (best === undefined) break
    const p = permutationP(
      best.statistic,
      () => {
        let largest = 0
        for (const segment of segments) {
          shuffle(segment, random)
          largest = Math.max(largest, bestSplit(segment, shortest)?.statistic ?? 0)
        }
        return largest
      },
      rounds,
    )
    if (p > alpha) break
    found.push({ index: (edges[at] as number) + best.index, p })
  }
  return found.sort((a, b) => a.index - b.index)
}

/**
 * The split with the largest scaled energy distance `mn/(m+n) (2 E|X-Y| - E|X-X'| - E|Y-Y'|)`, eq. 5 to 8, the within means over distinct
 * pairs. One more value moves from right to left at each step, so the three sums are kept up with one row of distances.
 */
export function bestSplit(
  segment: Float64Array,
  shortest: number,
): { readonly index: number; readonly statistic: number } | undefined {
  const n = segment.length
  const least = Math.max(2, shortest)
  if (n < 2 * least) return undefined
  let left = 0
  let between = 0
  let right = 0
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) right += Math.abs((segment[i] as number) - (segment[j] as number))
  }
  let best: { index: number; statistic: number } | undefined
  for (let m = 1; m <= n - least; m++) {
    const moved = segment[m - 1] as number
    let toLeft = 0
    for (let i = 0; i < m - 1; i++) toLeft += Math.abs(moved - (segment[i] as number))
    let toRight = 0
    for (let j = m; j < n; j++) toRight += Math.abs(moved - (segment[j] as number))
    left += toLeft
    between += toRight - toLeft
    right -= toRight
    if (m < least) continue
    const rest = n - m
    const distance =
      (2 * between) / (m * rest) - (2 * left) / (m * (m - 1)) - (2 * right) / (rest * (rest - 1))
    const statistic = ((m * rest) / n) * distance
    if (best === undefined || statistic > best.statistic) best = { index: m, statistic }
  }
  return best
}
