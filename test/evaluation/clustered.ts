import { seededRandom } from '../../analytics/stats/random.ts'

/** Sum and number of one cluster (a series). */
export interface Cluster {
  readonly sum: number
  readonly count: number
}

const ROUNDS = 2000

/**
 * Upper limit (one-sided, 95 %) of a mean over moments of several series: percentile bootstrap that draws whole series, since moments of one series are
 * alike. Source: Davison and Hinkley (1997), section 3.8.
 */
export function upperLimit(clusters: readonly Cluster[], seed: number): number {
  const random = seededRandom(seed)
  const means = new Float64Array(ROUNDS)
  for (let round = 0; round < ROUNDS; round++) {
    let sum = 0
    let count = 0
    for (let i = 0; i < clusters.length; i++) {
      const { sum: s, count: n } = clusters[Math.floor(random() * clusters.length)] as Cluster
      sum += s
      count += n
    }
    means[round] = sum / count
  }
  return means.sort()[Math.floor(0.95 * ROUNDS)] as number
}

/**
 * z of a mean of differences being 0, whole series being the units (Liang and Zeger 1986). @returns 0 where there is no difference at all
 */
export function clusteredZ(sums: readonly number[]): number {
  let total = 0
  let squares = 0
  for (const sum of sums) {
    total += sum
    squares += sum * sum
  }
  return squares === 0 ? 0 : total / Math.sqrt(squares)
}
