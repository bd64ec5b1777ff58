import { expect, test } from 'vitest'
import { Autoregression, Draws } from '../../deploy/demo/history/draws.ts'
import { mixtureUpperQuantile } from './student-mixture.ts'
import { restrictedLikelihood, sumPosterior } from './sum-posterior.ts'

/** Restricted log likelihood by the whole covariance matrix (Harville 1974, eq. 5), as far as it depends on the parameters, with its scale taken at its best. */
function byMatrix(series: readonly number[], memory: number, share: number) {
  const n = series.length
  const covariance = series.map((_, i) =>
    series.map((__, j) => share * memory ** Math.abs(i - j) + (i === j ? 1 - share : 0)),
  )
  const { logDeterminant, solve } = cholesky(covariance)
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)
  const ones = series.map(() => 1)
  const information = dot(ones, solve(ones))
  const mean = dot(ones, solve(series)) / information
  const residual = series.map((x) => x - mean)
  const squares = dot(residual, solve(residual))
  return {
    log: -0.5 * (logDeterminant + Math.log(information) + (n - 1) * Math.log(squares)),
    variance: (squares / (n - 1)) * covariance.flat().reduce((a, b) => a + b, 0),
  }
}

function cholesky(matrix: readonly (readonly number[])[]) {
  const n = matrix.length
  const l = matrix.map(() => new Float64Array(n))
  const at = (i: number, j: number): number => l[i]?.[j] as number
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i]?.[j] as number
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k)
      ;(l[i] as Float64Array)[j] = i === j ? Math.sqrt(sum) : sum / at(j, j)
    }
  }
  return {
    logDeterminant: 2 * l.reduce((sum, _, i) => sum + Math.log(at(i, i)), 0),
    solve: (right: readonly number[]): number[] => {
      const y: number[] = []
      for (let i = 0; i < n; i++) {
        let sum = right[i] as number
        for (let k = 0; k < i; k++) sum -= at(i, k) * (y[k] as number)
        y.push(sum / at(i, i))
      }
      const x = [...y]
      for (let i = n - 1; i >= 0; i--) {
        let sum = y[i] as number
        for (let k = i + 1; k < n; k++) sum -= at(k, i) * (x[k] as number)
        x[i] = sum / at(i, i)
      }
      return x
    },
  }
}

test('the filter gives the restricted likelihood of the whole covariance matrix', () => {
  const draws = new Draws(2, 'likelihood')
  const series = Array.from({ length: 25 }, () => draws.normal())
  for (const [memory, share] of [
    [0, 0],
    [0.3, 0.4],
    [0.9, 0.7],
    [0.95, 1],
  ] as const) {
    const fast = restrictedLikelihood(Float64Array.from(series), memory, share)
    const slow = byMatrix(series, memory, share)
    expect(fast.log).toBeCloseTo(slow.log, 9)
    expect(fast.variance / slow.variance).toBeCloseTo(1, 9)
  }
})

test('intervals of the sum hold it as often as they say, whatever the memory', () => {
  const draws = new Draws(1, 'coverage')
  for (const [memory, share] of [
    [0, 0],
    [0.6, 0.5],
    [0.9, 0.3],
    [0.9, 0.8],
    [0.9, 1],
  ] as const) {
    let held = 0
    for (let run = 0; run < 300; run++) {
      const level = new Autoregression(draws, memory, Math.sqrt(share))
      let sum = 0
      const series = Float64Array.from({ length: 120 }, () => {
        level.step()
        const value = level.value + Math.sqrt(1 - share) * draws.normal()
        sum += value
        return value
      })
      const { variance, distribution } = sumPosterior(series)
      if (Math.abs(sum) < Math.sqrt(variance) * mixtureUpperQuantile(0.025, distribution)) held += 1
    }
    // 95 % of 300 are 285; below 273 in one of 1,000 sets.
    expect(held, `${memory} ${share}`).toBeGreaterThanOrEqual(273)
  }
})

test('of independent steps it knows nearly as much as a t test does', () => {
  const draws = new Draws(5, 'independent')
  let width = 0
  for (let run = 0; run < 200; run++) {
    const series = Float64Array.from({ length: 240 }, () => draws.normal())
    const { variance, distribution } = sumPosterior(series)
    width += (Math.sqrt(variance) * mixtureUpperQuantile(0.025, distribution)) / (1.97 * Math.sqrt(240)) / 200
  }
  expect(width).toBeLessThan(1.35)
})

test('a constant series has no variance', () => {
  expect(sumPosterior(new Float64Array(30)).variance).toBe(0)
  expect(sumPosterior(Float64Array.of(1)).variance).toBe(0)
})
