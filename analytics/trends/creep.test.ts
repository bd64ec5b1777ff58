import { expect, test } from 'vitest'
import { normalDraw } from '../stats/normal-draw.ts'
import { seededRandom } from '../stats/random.ts'
import { creep, type ReleaseEffect } from './creep.ts'

const DAY = 86_400

/**
 * Twelve releases, one a week: hourly values with noise of 2 % a value around a level that each release moves; a release is compared with `before` hours before
 * it, by the mean of `after` hours.
 */
function quarter(
  random: () => number,
  { each, before, after, drift = 0 }: { each: number; before: number; after: number; drift?: number },
): ReleaseEffect[] {
  const normal = () => normalDraw(random)
  const noise = 0.02
  const hours = Float64Array.from(
    { length: 13 * 7 * 24 },
    (_, hour) => Math.floor(hour / 168) * each + drift * (hour % 168) + noise * normal(),
  )
  const mean = (from: number, to: number) => hours.subarray(from, to).reduce((a, b) => a + b, 0) / (to - from)
  return Array.from({ length: 12 }, (_, i) => {
    const at = (i + 1) * 168
    return {
      name: `1.${i + 1}.0`,
      effect: mean(at, at + after) - mean(at - before, at),
      standardError: noise * Math.sqrt(1 / before + 1 / after),
      before: { from: (at - before) * 3600, to: at * 3600 },
      after: { from: at * 3600, to: (at + after) * 3600 },
    }
  })
}

function simulate(options: Parameters<typeof quarter>[1], runs = 800) {
  const random = seededRandom(12)
  let covered = 0
  let alarms = 0
  let single = 0
  for (let run = 0; run < runs; run++) {
    const effects = quarter(random, options)
    const found = creep(effects, 0.05)
    if (found === undefined) throw new Error('no sum')
    if (found.low <= 12 * options.each && 12 * options.each <= found.high) covered++
    if (found.p <= 0.01) alarms++
    single +=
      effects.filter(({ effect, standardError }) => Math.abs(effect) > 2.576 * standardError).length / 12
  }
  return { covered: covered / runs, alarms: alarms / runs, single: single / runs }
}

test('twelve times nothing is nothing, with 95 % and 1 % as promised, whether windows touch, overlap or stand apart', () => {
  for (const [before, after] of [
    [24, 6],
    [100, 68],
    // The week after a release is the week before the next one: the noise of all but the ends cancels.
    [168, 168],
    [120, 120],
  ] as const) {
    const { covered, alarms } = simulate({ each: 0, before, after })
    // 99.9 % binomial limits of 800 runs.
    expect(covered).toBeGreaterThan(0.924)
    expect(covered).toBeLessThan(0.976)
    expect(alarms).toBeLessThan(0.02)
  }
})

test('twelve releases of +0.8 %, hardly one of them significant, add up to a sum that is', () => {
  const { covered, alarms, single } = simulate({ each: 0.008, before: 24, after: 12 }, 500)
  expect(single).toBeLessThan(0.12)
  expect(alarms).toBeGreaterThan(0.85)
  expect(covered).toBeGreaterThan(0.91)
})

test('what rises between releases and falls back with them is not counted as creep upwards', () => {
  const [effects] = [quarter(seededRandom(1), { each: 0.01, before: 24, after: 24, drift: 0.01 / 168 })]
  const found = creep(effects as ReleaseEffect[], 0.05)
  // Level at release +1 % and the drift's fall of 1 %: with releases nothing has changed.
  expect(Math.abs(found?.sum ?? 1)).toBeLessThan(0.06)
})

test('a release compared with a time that holds the one before it is left out, and so is one without an error', () => {
  const span = (from: number, to: number) => ({ from: from * DAY, to: to * DAY })
  const effects = [
    { name: 'a', effect: 0.1, standardError: 0.02, before: span(0, 1), after: span(1, 2) },
    { name: 'b', effect: 0.12, standardError: 0.02, before: span(0.5, 1.5), after: span(1.5, 2) },
    { name: 'c', effect: 0.1, standardError: Number.NaN, before: span(4, 5), after: span(5, 6) },
    { name: 'canary', effect: 0.05, standardError: 0.02, before: span(8, 9), after: span(8, 9) },
  ]
  const found = creep(effects, 0.05)
  expect(found?.overlapping).toEqual(['b'])
  expect(found?.contributions.map(({ name }) => name)).toEqual(['a', 'canary'])
  expect(found?.sum).toBeCloseTo(0.15)
  expect(creep([], 0.05)).toBeUndefined()
})
