import { expect, test } from 'vitest'
import { latentLevelVariance } from './latent-level-variance.ts'
import { longRunVariance } from './long-run-variance.ts'
import { noisyLevel } from './noisy-level.ts'
import { seededRandom } from './random.ts'

const random = seededRandom(31)

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

test('a level hidden by noise is found where the first autocorrelation alone does not show it', () => {
  const n = 240
  // Variance of the sum: n (noise + (1 + memory) / (1 - memory)).
  const truth = n * (2 + 1.9 / 0.1)
  const runs = Array.from({ length: 200 }, () => noisyLevel(random, n, 0.9, 2))
  const latent = median(runs.map((run) => latentLevelVariance(run) / truth))
  const plain = median(runs.map((run) => longRunVariance(run).variance / truth))
  expect(plain).toBeLessThan(0.6)
  expect(latent).toBeGreaterThan(0.7)
  expect(latent).toBeLessThan(1.3)
})

test('independent minutes are seldom taken for a level', () => {
  const found = Array.from({ length: 400 }, () => latentLevelVariance(noisyLevel(random, 120, 0, 1))).filter(
    (v) => v > 0,
  )
  // The bound is 1.3 standard errors of a sum of four autocorrelations: about a tenth.
  expect(found.length / 400).toBeLessThan(0.15)
})
