import { expect, test } from 'vitest'
import { longestMemoryVariance } from './longest-memory-variance.ts'
import { seededRandom } from './random.ts'

const random = seededRandom(77)
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** An AR(1) level of variance 1 under independent noise of variance `noise`; the mean taken off. */
function series(n: number, memory: number, noise: number): Float64Array {
  let level = normal()
  const values = Float64Array.from({ length: n }, () => {
    level = memory * level + Math.sqrt(1 - memory * memory) * normal()
    return level + Math.sqrt(noise) * normal()
  })
  const mean = values.reduce((sum, x) => sum + x, 0) / n
  return values.map((x) => x - mean)
}

/** Root mean of what is claimed by what the sum of such a series really varies by. */
function claimed(n: number, memory: number, noise: number): number {
  const truth = n * (noise + (1 + memory) / (1 - memory))
  const runs = Array.from({ length: 400 }, () => longestMemoryVariance(series(n, memory, noise)) / truth)
  return Math.sqrt(runs.reduce((sum, x) => sum + x, 0) / runs.length)
}

test('a level of ten minutes is in the error of two hours, also under noise', () => {
  for (const noise of [0, 1, 4]) {
    const error = claimed(120, 0.9, noise)
    expect(error, `noise ${noise}`).toBeGreaterThan(0.95)
    expect(error, `noise ${noise}`).toBeLessThan(1.5)
  }
})

test('independent minutes pay less than half of their error for what might have been', () => {
  for (const n of [30, 60, 120]) {
    const error = claimed(n, 0, 1)
    expect(error, `${n} minutes`).toBeGreaterThan(1)
    expect(error, `${n} minutes`).toBeLessThan(1.5)
  }
})

test('by hand: four minutes, one autocorrelation', () => {
  // zero = 4, r1 = (-1 + 1 - 1) / 4 = -0.75 for alternating signs: no share, so independent minutes over 1 - 1/4.
  expect(longestMemoryVariance(Float64Array.of(1, -1, 1, -1))).toBeCloseTo(4 / 0.75, 12)
  expect(longestMemoryVariance(new Float64Array(5))).toBe(0)
})
