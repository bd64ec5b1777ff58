import { expect, test } from 'vitest'
import { longestMemoryVariance } from './longest-memory-variance.ts'
import { noisyLevel } from './noisy-level.ts'
import { seededRandom } from './random.ts'

const random = seededRandom(77)

/** Root mean of what is claimed by what the sum of such a series really varies by. */
function claimed(n: number, memory: number, noise: number): number {
  const truth = n * (noise + (1 + memory) / (1 - memory))
  const runs = Array.from(
    { length: 400 },
    () => longestMemoryVariance(noisyLevel(random, n, memory, noise)) / truth,
  )
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

test('one standard error more: an hour of independent minutes wanders by a sixteenth, so that their variance about doubles', () => {
  // phi = exp(-6 / 60), se = 1 / sqrt(60 (phi^2 + ... + phi^24)): 1 + 2 se phi / (1 - phi) = 2.2 before the mean is allowed for.
  const signs = Float64Array.from({ length: 60 }, (_, i) => (i % 4 < 2 ? 1 : -1))
  const plain = longestMemoryVariance(signs)
  expect(longestMemoryVariance(signs, 1) / plain).toBeGreaterThanOrEqual(1)
  const runs = Array.from({ length: 300 }, () => {
    const series = noisyLevel(random, 60, 0, 1)
    return longestMemoryVariance(series, 1) / longestMemoryVariance(series)
  })
  const mean = runs.reduce((sum, x) => sum + x, 0) / runs.length
  expect(mean).toBeGreaterThan(1.5)
  expect(mean).toBeLessThan(2.4)
})
