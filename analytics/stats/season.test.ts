import { expect, test } from 'vitest'
import { seededRandom } from './random.ts'
import { fitSeason } from './season.ts'

function occasions(count: number, season: number, noise: number, seed: number) {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const time = i * 11 * 3600
    const angle = (2 * Math.PI * time) / 86_400
    return { time, effect: season * Math.sin(angle) + noise * (random() + random() + random() - 1.5) * 2 }
  })
}

test('a season of the day is found, and what is left is the noise', () => {
  const season = fitSeason(occasions(80, 0.2, 0.02, 1))
  if (season === undefined) throw new Error('no season')
  for (const hour of [0, 6, 13, 18, 23]) {
    const { effect, variance } = season.expected(hour * 3600)
    const truth = 0.2 * Math.sin((2 * Math.PI * hour) / 24)
    expect(Math.abs(effect - truth)).toBeLessThan(4 * Math.sqrt(variance))
    expect(Math.abs(effect - truth)).toBeLessThan(0.02)
  }
  // Sum of three uniforms, doubled: variance 4 * 3 / 12.
  expect(Math.sqrt(season.variance)).toBeGreaterThan(0.016)
  expect(Math.sqrt(season.variance)).toBeLessThan(0.025)
  expect(season.degreesOfFreedom).toBe(76)
  expect(season.evident).toBe(true)
})

test('without a season none is made up, and few occasions are not fitted', () => {
  const quiet = fitSeason(occasions(14, 0, 0.05, 2))
  if (quiet === undefined) throw new Error('no season')
  expect(quiet.evident).toBe(false)
  for (const hour of [0, 6, 12, 18]) {
    const { effect, variance } = quiet.expected(hour * 3600)
    expect(Math.abs(effect)).toBeLessThan(3.5 * Math.sqrt(variance))
  }
  expect(fitSeason(occasions(11, 0.2, 0.02, 3))).toBeUndefined()
})
