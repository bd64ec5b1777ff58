import { expect, test } from 'vitest'
import { crossCorrelationScore } from './cross-correlation.ts'
import { noisyLevel } from './noisy-level.ts'
import { normalDraw } from './normal-draw.ts'
import { seededRandom } from './random.ts'

test('series that wander for themselves are hardly ever taken for one another, such as share a part nearly always', () => {
  const random = seededRandom(4)
  for (const memory of [0, 0.6, 0.9]) {
    const runs = 400
    let alone = 0
    let together = 0
    for (let run = 0; run < runs; run++) {
      const [a, b, common] = [0, 1, 2].map(() => noisyLevel(random, 120, memory, 1)) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ]
      const joined = (own: Float64Array) => own.map((x, i) => x + 1.5 * (common[i] as number))
      if (crossCorrelationScore(a, b) > 2) alone += 1
      if (crossCorrelationScore(joined(a), joined(b)) > 2) together += 1
    }
    // 2.3 % of a normal score; 400 runs at 3.5 % are two standard errors above.
    expect(alone / runs, `memory ${memory}`).toBeLessThan(0.045)
    expect(together / runs, `memory ${memory}`).toBeGreaterThan(0.9)
  }
})

test('the score of a series with itself is the root of its length where nothing remembers, and of none with what stands still', () => {
  const random = seededRandom(9)
  const noise = Float64Array.from({ length: 400 }, () => normalDraw(random))
  const own = crossCorrelationScore(noise, noise)
  expect(own).toBeGreaterThan(17)
  expect(own).toBeLessThan(20.1)
  const turned = crossCorrelationScore(
    noise,
    noise.map((x) => -2 * x),
  )
  expect(turned).toBeLessThan(-17)
  expect(crossCorrelationScore(noise, new Float64Array(400).fill(3))).toBe(0)
})
