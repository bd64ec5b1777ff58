import { expect, test } from 'vitest'
import type { Aligned } from './align.ts'
import { sharedStrata } from './shared-strata.ts'

function arm(minutes: number, exposure: (minute: number) => number, from = 0): Aligned {
  const denominator = Float64Array.from({ length: minutes }, (_, i) => exposure(from + i))
  return { numerator: denominator.map((value) => value / 2), denominator, start: from * 60, step: 60 }
}

test('minute by minute where both always have traffic, and what one has alone is left out', () => {
  const shared = sharedStrata(
    arm(60, () => 30),
    arm(50, () => 10, 10),
  )
  expect(shared?.exposureAfter).toHaveLength(60)
  expect(shared?.filled).toBe(50)
  expect(shared?.exposureBefore.subarray(0, 10).every((value) => value === 0)).toBe(true)
  expect(shared?.before.reduce((sum, value) => sum + value, 0)).toBe(50 * 15)
  expect(shared?.after.reduce((sum, value) => sum + value, 0)).toBe(50 * 5)
})

test('minutes are put together where hardly one has requests of both', () => {
  // Every third minute and every fourth.
  const shared = sharedStrata(
    arm(120, (minute) => Number(minute % 3 === 0)),
    arm(120, (minute) => Number(minute % 4 === 1)),
  )
  expect(shared?.exposureAfter.length).toBeGreaterThanOrEqual(12)
  expect(shared?.exposureAfter.length).toBeLessThanOrEqual(40)
  expect(shared?.exposureAfter.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(27)
})

test('there is nothing to pair where one version replaces the other at once, or in a window of minutes', () => {
  expect(
    sharedStrata(
      arm(33, () => 20),
      arm(30, () => 20, 30),
    ),
  ).toBeUndefined()
  expect(
    sharedStrata(
      arm(7, () => 20),
      arm(7, () => 20),
    ),
  ).toBeUndefined()
})
