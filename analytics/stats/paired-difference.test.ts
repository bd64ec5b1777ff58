import { expect, test } from 'vitest'
import { noisyLevel } from './noisy-level.ts'
import { normalDraw } from './normal-draw.ts'
import { pairedDifference } from './paired-difference.ts'
import { seededRandom } from './random.ts'
import { ratioOfSums } from './ratio-of-sums.ts'

const ones = (n: number): Float64Array => new Float64Array(n).fill(1)
const arm = (values: Float64Array, start = 0) => ({
  arm: ratioOfSums(values, ones(values.length)),
  factor: 1,
  start,
})

test('what both go through is not in the error, what one goes through alone is', () => {
  const random = seededRandom(5)
  const a = Float64Array.from({ length: 60 }, () => normalDraw(random))
  const b = Float64Array.from({ length: 60 }, () => normalDraw(random))
  const incident = (values: Float64Array) =>
    values.map((value, minute) => value + (minute >= 20 && minute < 35 ? 10 : 0))
  const quiet = pairedDifference(arm(a), arm(b), 60)
  const shared = pairedDifference(arm(incident(a)), arm(incident(b)), 60)
  expect(shared.variance / quiet.variance).toBeCloseTo(1, 9)
  expect(shared.degreesOfFreedom).toBeCloseTo(quiet.degreesOfFreedom, 9)
  expect(pairedDifference(arm(incident(a)), arm(b), 60).variance).toBeGreaterThan(20 * quiet.variance)
})

test('an arm that begins later is laid beside the minutes that it shares', () => {
  const random = seededRandom(6)
  let placed = 0
  let misplaced = 0
  for (let run = 0; run < 40; run++) {
    const shock = Float64Array.from({ length: 60 }, () => normalDraw(random))
    const late = shock.subarray(20)
    placed += pairedDifference(arm(shock), arm(late, 20 * 60), 60).variance
    misplaced += pairedDifference(arm(shock), arm(late), 60).variance
  }
  // Of independent minutes 40 (1/40 - 1/60)^2 + 20 / 60^2 = 1/120 against 1/60 + 1/40 = 5/120.
  expect(placed).toBeLessThan(misplaced / 2)
})

test('a factor is that of the unit: of an arm that stands still the error is the other one’s', () => {
  const random = seededRandom(7)
  const still = { arm: ratioOfSums(ones(40), ones(40)), factor: 1, start: 0 }
  const moving = arm(Float64Array.from({ length: 40 }, () => normalDraw(random)))
  const once = pairedDifference(moving, still, 60)
  expect(pairedDifference(still, { ...moving, factor: 3 }, 60).variance / once.variance).toBeCloseTo(9, 9)
})

test('levels that wander for themselves are in the error, of an hour and of two', () => {
  const random = seededRandom(8)
  for (const minutes of [60, 120]) {
    for (const [memory, noise] of [
      [0.6, 1],
      [0.85, 4],
      [0.85, 0],
    ] as const) {
      const truth = (2 * (noise + (1 + memory) / (1 - memory))) / minutes
      const runs = Array.from({ length: 300 }, () => {
        const [a, b] = [0, 1].map(() => arm(noisyLevel(random, minutes, memory, noise)))
        return a === undefined || b === undefined ? 0 : pairedDifference(a, b, 60).variance / truth
      })
      const error = Math.sqrt(runs.reduce((sum, x) => sum + x, 0) / runs.length)
      expect(error, `${minutes} minutes, ${memory}, ${noise}`).toBeGreaterThan(1)
      expect(error, `${minutes} minutes, ${memory}, ${noise}`).toBeLessThan(2)
    }
  }
})
