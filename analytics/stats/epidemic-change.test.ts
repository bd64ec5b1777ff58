import { expect, test } from 'vitest'
import { bridgeRangeTail, epidemicChange } from './epidemic-change.ts'
import { noisyLevel } from './noisy-level.ts'
import { normalDraw } from './normal-draw.ts'
import { seededRandom } from './random.ts'

test('the tail of a Brownian bridge’s range is that of Lo’s table II, its mean the root of half pi', () => {
  for (const [x, tail] of [
    [1.62, 0.1],
    [1.747, 0.05],
    [1.862, 0.025],
    [2.001, 0.01],
    [2.098, 0.005],
  ] as const)
    expect(bridgeRangeTail(x)).toBeCloseTo(tail, 3)
  expect(bridgeRangeTail(0)).toBe(1)
  expect(bridgeRangeTail(0.4)).toBeCloseTo(1, 9)
  let mean = 0.4
  for (let x = 0.4005; x < 8; x += 0.001) mean += 0.001 * bridgeRangeTail(x)
  expect(mean).toBeCloseTo(Math.sqrt(Math.PI / 2), 5)
})

/** Deviations from their own mean. */
function influence(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.map((value) => value - mean)
}

test('a stretch is found where it is, whichever way it differs', () => {
  const values = (size: number) =>
    Float64Array.from({ length: 90 }, (_, i) => (i % 2) * 0.1 + (i >= 30 && i < 60 ? size : 0))
  const deviation = Math.sqrt(90) * 0.05
  expect(epidemicChange(influence(values(1)), deviation)).toMatchObject({ from: 30, to: 60, raised: true })
  expect(epidemicChange(influence(values(-1)), deviation)).toMatchObject({ from: 30, to: 60, raised: false })
  expect(epidemicChange(influence(values(1)), deviation)?.pValue).toBeLessThan(1e-6)
  expect(epidemicChange(new Float64Array(90), deviation)).toBeUndefined()
})

test('without one it is claimed as often as its p says, independent or not', () => {
  const random = seededRandom(11)
  // Sums over minutes reach less far than a bridge, which is looked at between them, too; the more so the fewer say something of their own.
  for (const [memory, least] of [
    [0, 0.02],
    [0.8, 0.002],
  ] as const) {
    // A stationary first-order autoregression of variance 1: its long-run variance is (1 + memory) / (1 - memory).
    const deviation = Math.sqrt((120 * (1 + memory)) / (1 - memory))
    const runs = 4000
    let claimed = 0
    for (let run = 0; run < runs; run++) {
      const found = epidemicChange(influence(noisyLevel(random, 120, memory, 0)), deviation)
      if (found !== undefined && found.pValue <= 0.05) claimed += 1
    }
    expect(claimed / runs).toBeLessThan(0.055)
    expect(claimed / runs).toBeGreaterThan(least)
  }
})

test('half an hour of two standard deviations in two hours is always seen, of one mostly', () => {
  const random = seededRandom(12)
  const seen = (size: number) => {
    let found = 0
    for (let run = 0; run < 500; run++) {
      const values = Float64Array.from(
        { length: 120 },
        (_, i) => normalDraw(random) + (i >= 40 && i < 70 ? size : 0),
      )
      if ((epidemicChange(influence(values), Math.sqrt(120))?.pValue ?? 1) <= 0.01) found += 1
    }
    return found / 500
  }
  expect(seen(2)).toBeGreaterThan(0.99)
  expect(seen(1)).toBeGreaterThan(0.5)
})
