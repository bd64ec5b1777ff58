import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { normalDraw } from '../stats/normal-draw.ts'
import { poissonDraw } from '../stats/poisson-draw.ts'
import { seededRandom } from '../stats/random.ts'
import type { Comparison, Measured } from './comparison.ts'
import { compareRate } from './rate.ts'
import { compareRatio } from './ratio.ts'

const options = {
  smallestEffect: { ratio: 1.15, absolute: 0 },
  bad: 'up' as const,
  design: 'side-by-side' as const,
}

interface World {
  readonly minutes?: number
  /** Requests a minute of both versions, and the share of the new one, by the part of the window that is over. */
  readonly requests?: number
  readonly share: (over: number) => number
  /** Share of requests that fail. */
  readonly failing?: number
  /** By what both fail more in a minute. */
  readonly incident?: (minute: number) => number
  /** Memory and standard deviation of each version's own log level. */
  readonly own?: readonly [memory: number, deviation: number]
  /** By what the new version fails more. */
  readonly factor?: number
}

function made(random: () => number, world: World): { before: Cell[]; after: Cell[] } {
  const { minutes = 60, requests = 120, failing = 0.02, factor = 1, incident = () => 1 } = world
  const [memory, deviation] = world.own ?? [0, 0]
  const arm = (shareOf: (over: number) => number, rate: number): Cell[] => {
    let level = normalDraw(random)
    return Array.from({ length: minutes }, (_, minute) => {
      level = memory * level + Math.sqrt(1 - memory ** 2) * normalDraw(random)
      const count = poissonDraw(requests * shareOf(minute / minutes), random)
      const mean = count * rate * incident(minute) * Math.exp(deviation * level - deviation ** 2 / 2)
      const bad = Math.min(count, poissonDraw(mean, random))
      return { time: minute * 60, count, bad, sum: 0, sumSquares: 0, min: 0, max: 0 }
    })
  }
  return { before: arm((over) => 1 - world.share(over), failing), after: arm(world.share, failing * factor) }
}

const ways = {
  ratio: (arms: { before: Cell[]; after: Cell[] }, alpha = 0.01) =>
    compareRatio({ ...options, alpha, ...arms }),
  rate: ({ before, after }: { before: Cell[]; after: Cell[] }, alpha = 0.01) => {
    const events = (cells: Cell[]) => cells.map((cell) => ({ ...cell, count: cell.bad }))
    const sides = { before: events(before), after: events(after), exposure: { before, after } }
    return compareRate({ ...options, alpha, ...sides })
  },
}

function found(comparison: Comparison): Measured {
  if (comparison.kind !== 'measured') throw new Error(comparison.reason)
  return comparison
}

const width = ({ interval: [low, high] }: Measured): number => Math.log(high / low)
const tenTimes = (from: number) => (minute: number) => (minute >= from && minute < from + 10 ? 10 : 1)

for (const [name, compare] of Object.entries(ways)) {
  test(`${name}: an incident that both versions go through is not in the error, and hides no doubling`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1 << 30 }),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 5 }),
        (seed, from, size) => {
          // Of seven and three tenths of the requests, each minute, as many more fail.
          const arms = made(seededRandom(seed), { share: () => 0.3 })
          const level = (list: readonly Cell[], part: number, more: number): Cell[] =>
            list.map((cell, minute) => ({
              ...cell,
              count: 120 * part,
              bad: cell.bad + (minute >= from && minute < from + 10 ? more * part * 10 : 0),
            }))
          const withMore = (more: number) =>
            found(compare({ before: level(arms.before, 0.7, more), after: level(arms.after, 0.3, more) }))
          // Not as it was to the digit: what wanders is doubted where the arms have something in common. By their sums it was seven times as wide and more.
          expect(width(withMore(size))).toBeLessThan(2 * width(withMore(0)))
        },
      ),
      { numRuns: 40 },
    )
    const worse = made(seededRandom(5), {
      share: () => 0.3,
      incident: tenTimes(20),
      factor: 2,
      requests: 400,
    })
    const { pWorse, beyond, method } = found(compare(worse))
    expect(method).toMatch(/^(rate|ratio)-conditional-mid-p-quasi-poisson-paired-minutes@1$/)
    expect(beyond).toBe('worse')
    expect(pWorse).toBeLessThan(5e-5)
  })

  test(`${name}: an incident while the new version had a small share is no improvement, one later no regression`, () => {
    const share = (over: number): number => (over < 1 / 3 ? 0.05 : over < 2 / 3 ? 0.25 : 0.5)
    for (const from of [5, 45]) {
      const arms = made(seededRandom(from), { share, incident: tenTimes(from), requests: 400 })
      const { effect, interval, pValue } = found(compare(arms))
      const sums = (cells: Cell[]) =>
        cells.reduce((sum, { bad }) => sum + bad, 0) / cells.reduce((sum, { count }) => sum + count, 0)
      // What the sums say: 0.5 and 2 times as many.
      const naive = Math.log(sums(arms.after) / sums(arms.before))
      expect(Math.abs(naive)).toBeGreaterThan(0.4)
      expect(Math.abs(Math.log(effect.ratio))).toBeLessThan(0.2)
      expect(pValue).toBeGreaterThan(0.05)
      expect(width({ interval } as Measured)).toBeLessThan(2)
      // The levels that the effect is between.
      expect(effect.after / effect.before).toBeCloseTo(effect.ratio, 9)
    }
  })

  test(`${name}: versions that wander each for itself keep their error, with an incident in common and without`, () => {
    const random = seededRandom(3)
    for (const incident of [() => 1, tenTimes(25)]) {
      let covered = 0
      let alarms = 0
      const runs = 150
      for (let run = 0; run < runs; run++) {
        const world = { share: () => 0.3, own: [0.6, 0.4], requests: 60, incident } as const
        const { interval, pValue } = found(compare(made(random, world)))
        if (interval[0] <= 1 && interval[1] >= 1) covered += 1
        if (pValue < 0.01) alarms += 1
      }
      // Of 150 at 99 %, 146 are two standard errors below.
      expect(covered).toBeGreaterThanOrEqual(146)
      expect(alarms).toBeLessThanOrEqual(4)
    }
  })
}

const cells = (count: number, bad: readonly number[], from = 0): Cell[] =>
  bad.map((value, i) => ({
    time: (from + i) * 60,
    count,
    bad: value,
    sum: 0,
    sumSquares: 0,
    min: 0,
    max: 0,
  }))

test('small counts without any dispersion keep the exact test', () => {
  const each = (value: number) => Array.from({ length: 12 }, () => value)
  const { studentised, dispersion } = found(
    ways.rate({ before: cells(100, each(1)), after: cells(100, each(2)) }),
  )
  // Binomial, 36 of one half: P(X > 24) + P(X = 24) / 2 = 0.0235155, the tail of a normal score of 1.986021 (Python's statistics).
  expect(dispersion).toBe(1)
  expect(studentised).toBeCloseTo(1.986021, 4)
})

test('versions that hardly ever serve at once are compared as before', () => {
  const half = (events: number) => Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? events : 0))
  const { method, effect } = found(ways.rate({ before: cells(100, half(2)), after: cells(100, half(3), 29) }))
  expect(method).toBe('rate-conditional-mid-p-quasi-poisson@2')
  expect(effect.ratio).toBeCloseTo(1.5, 9)
})

test('shares above a tenth keep the score of Miettinen and Nurminen, with the minutes held equal', () => {
  const random = seededRandom(9)
  const incident = (minute: number): number => (minute >= 20 && minute < 30 ? 3 : 1)
  const share = (over: number): number => 0.1 + 0.5 * over
  let alarms = 0
  let seen = 0
  for (let run = 0; run < 60; run++) {
    const quiet = found(ways.ratio(made(random, { share, incident, failing: 0.15 })))
    expect(quiet.method).toBe('ratio-miettinen-nurminen-design-effect-paired-minutes@1')
    if (quiet.pValue < 0.01) alarms += 1
    if (found(ways.ratio(made(random, { share, incident, failing: 0.15, factor: 1.5 }))).pWorse < 0.005)
      seen += 1
  }
  expect(alarms).toBeLessThanOrEqual(2)
  expect(seen).toBeGreaterThanOrEqual(50)
})
