import { SegmentSums } from '../../../analytics/stats/segment-sums.ts'

/**
 * The default settings of R's `changepoint` (Killick and Eckley 2014), as van den Burg and Williams (2020) ran them on standardised series: change of
 * the mean of normal values with variance 1, penalty 3 log n and the log length of each segment (modified Bayesian information criterion).
 * @param columns without gaps; standardised here; costs of several are added
 */
function meanCost(columns: readonly Float64Array[]): (from: number, to: number) => number {
  const sums = columns.map((column) => {
    const n = column.length
    const mean = column.reduce((a, b) => a + b, 0) / n
    const deviation = Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, n - 1))
    return new SegmentSums(column.map((value) => (deviation > 0 ? (value - mean) / deviation : 0)))
  })
  return (from, to) => sums.reduce((total, s) => total + s.rest(from, to, 'level'), 0) + Math.log(to - from)
}

const penalty = (n: number): number => 3 * Math.log(n)

/** Binary segmentation with at most `most` changes; 5 is the default of `cpt.mean`, 1 is "at most one change". */
export function binarySegmentation(columns: readonly Float64Array[], most = 5): readonly number[] {
  const n = columns[0]?.length ?? 0
  const cost = meanCost(columns)
  const starts: number[] = []
  while (starts.length < most) {
    const edges = [0, ...starts.toSorted((a, b) => a - b), n]
    let best = { gain: Number.NEGATIVE_INFINITY, at: -1 }
    for (let s = 1; s < edges.length; s++) {
      const [from, to] = [edges[s - 1] as number, edges[s] as number]
      const whole = cost(from, to)
      for (let t = from + 1; t < to; t++) {
        const gain = whole - cost(from, t) - cost(t, to)
        if (gain > best.gain) best = { gain, at: t }
      }
    }
    if (!(best.gain > penalty(n))) break
    starts.push(best.at)
  }
  return starts.sort((a, b) => a - b)
}

/** The exact optimum that PELT (Killick et al. 2012) finds, without its pruning. */
export function optimalPartition(columns: readonly Float64Array[]): readonly number[] {
  const n = columns[0]?.length ?? 0
  const cost = meanCost(columns)
  const least = new Float64Array(n + 1)
  least[0] = -penalty(n)
  const previous = new Int32Array(n + 1)
  for (let t = 1; t <= n; t++) {
    least[t] = Number.POSITIVE_INFINITY
    for (let s = 0; s < t; s++) {
      const total = (least[s] as number) + cost(s, t) + penalty(n)
      if (total < (least[t] as number)) {
        least[t] = total
        previous[t] = s
      }
    }
  }
  const starts: number[] = []
  for (let t = previous[n] as number; t > 0; t = previous[t] as number) starts.push(t)
  return starts.reverse()
}
