import { expect, test } from 'vitest'
import { latentLevelVariance } from './latent-level-variance.ts'
import { longRunVariance } from './long-run-variance.ts'
import { seededRandom } from './random.ts'

const random = seededRandom(31)
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** An AR(1) level of the given memory and variance 1, under independent noise of variance `noise`; the mean taken off. */
function series(n: number, memory: number, noise: number): Float64Array {
  let level = normal()
  const values = Float64Array.from({ length: n }, () => {
    level = memory * level + Math.sqrt(1 - memory * memory) * normal()
    return level + Math.sqrt(noise) * normal()
  })
  const mean = values.reduce((sum, x) => sum + x, 0) / n
  return values.map((x) => x - mean)
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

test('a level hidden by noise is found where the first autocorrelation alone does not show it', () => {
  const n = 240
  // Variance of the sum: n (noise + (1 + memory) / (1 - memory)).
  const truth = n * (2 + 1.9 / 0.1)
  const runs = Array.from({ length: 200 }, () => series(n, 0.9, 2))
  const latent = median(runs.map((run) => latentLevelVariance(run) / truth))
  const plain = median(runs.map((run) => longRunVariance(run).variance / truth))
  expect(plain).toBeLessThan(0.6)
  expect(latent).toBeGreaterThan(0.7)
  expect(latent).toBeLessThan(1.3)
})

test('independent minutes are seldom taken for a level', () => {
  const found = Array.from({ length: 400 }, () => latentLevelVariance(series(120, 0, 1))).filter((v) => v > 0)
  // The bound is 1.3 standard errors of a sum of four autocorrelations: about a tenth.
  expect(found.length / 400).toBeLessThan(0.15)
})
