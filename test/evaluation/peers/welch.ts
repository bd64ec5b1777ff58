import { satterthwaite } from '../../../analytics/stats/satterthwaite.ts'
import { studentUpperTail } from '../../../analytics/stats/student-t.ts'
import { before, type Method, present } from '../method.ts'

/** Size, mean and variance of the mean. */
export interface Sample {
  readonly n: number
  readonly mean: number
  readonly variance: number
}

export function sampleOf(values: Float64Array): Sample {
  const n = values.length
  let mean = 0
  for (const value of values) mean += value / n
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return { n, mean, variance: squares / (n - 1) / n }
}

/** Two-sided p and statistic of Welch (1947): points taken for independent, variances for unequal. Constant samples that differ: p = 0. */
export function welch(a: Sample, b: Sample): { readonly t: number; readonly p: number } {
  if (a.n < 2 || b.n < 2) return { t: 0, p: 1 }
  const error = Math.sqrt(a.variance + b.variance)
  if (error === 0) return a.mean === b.mean ? { t: 0, p: 1 } : { t: 1e9, p: 0 }
  const t = (b.mean - a.mean) / error
  const degrees = satterthwaite([
    { variance: a.variance, degreesOfFreedom: a.n - 1 },
    { variance: b.variance, degreesOfFreedom: b.n - 1 },
  ])
  return { t, p: Math.min(1, 2 * studentUpperTail(Math.abs(t), degrees)) }
}

/** Welch's t test of the window after against as long a window before, at 1 %. */
export const welchTest: Method = {
  name: 'welch',
  prepare: (line, at, window) => {
    const earlier = sampleOf(before(line, at, window))
    return (after) => {
      const { t, p } = welch(earlier, sampleOf(present(after)))
      return { alarm: p <= 0.01, score: Math.max(-Math.log10(Math.max(p, 1e-300)), Math.abs(t) * 1e-9), p }
    }
  },
}
