import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { bucketOf } from '../../schemas/histogram.ts'
import type { SignalKind } from '../../schemas/signals/signal.ts'
import { seededRandom } from '../stats/random.ts'
import { logDeploymentEvidence } from './combine.ts'
import { logNewKindEvidence } from './new-kind.ts'
import { type Plan, planTest } from './plan.ts'
import { type Arms, describe, look, update } from './sequential-test.ts'
import { type State, startState } from './state.ts'

const START = 1_800_000_000
const BEFORE = 720

interface World {
  readonly before: readonly Cell[]
  readonly exposure: readonly Cell[]
  readonly arms: Arms
}

const KINDS = ['rate', 'ratio', 'distribution', 'gauge'] as const
const DESIGNS = ['before-after', 'side-by-side'] as const

/** Cells of one kind, an effect planted after, an old version beside. */
function world(kind: SignalKind, effect: number, minutes: number, seed: number): World {
  const random = seededRandom(seed)
  const line = (from: number, count: number, factor: number): Cell[] =>
    Array.from({ length: count }, (_, i) => cellOf(kind, from + 60 * i, factor, random))
  const requests = (from: number, count: number): Cell[] =>
    Array.from({ length: count }, (_, i) => ({ ...EMPTY, time: from + 60 * i, count: 200 }))
  return {
    before: line(START - 60 * BEFORE, BEFORE, 1),
    exposure: requests(START - 60 * BEFORE, BEFORE),
    arms: {
      after: { cells: line(START, minutes, effect), exposure: requests(START, minutes) },
      beside: { cells: line(START, minutes, 1), exposure: requests(START, minutes) },
    },
  }
}

const EMPTY: Cell = { time: 0, count: 0, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0 }

function cellOf(kind: SignalKind, time: number, factor: number, random: () => number): Cell {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const hits = (n: number, p: number) => {
    let count = 0
    for (let i = 0; i < n; i++) if (random() < p) count += 1
    return count
  }
  if (kind === 'gauge') return { ...EMPTY, time, count: 2, sum: 200 * factor * Math.exp(0.05 * normal()) }
  if (kind === 'ratio') return { ...EMPTY, time, count: 200, bad: hits(200, 0.03 * factor) }
  if (kind === 'rate') return { ...EMPTY, time, count: hits(200, 0.03 * factor) }
  const histogram = new Map<number, number>()
  for (let i = 0; i < 30; i++) {
    const bucket = bucketOf(0.05 * factor * Math.exp(0.5 * normal()))
    histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1)
  }
  return { ...EMPTY, time, count: 30, histogram }
}

function planOf(kind: SignalKind, design: Plan['design'], from: World, smallest = 1.15): Plan {
  const plan = planTest({
    kind,
    design,
    bad: 'up',
    smallestEffect: { ratio: smallest, absolute: 0 },
    alpha: 0.01,
    start: START,
    warmUp: 0,
    before: from.before,
    exposure: from.exposure,
  })
  if (plan.kind !== 'planned') throw new Error(plan.reason)
  return plan
}

for (const kind of KINDS) {
  for (const design of DESIGNS) {
    test(`${kind}, ${design}: a change is seen within the hour, and nothing is seen where there is nothing`, () => {
      const changed = world(kind, 1.8, 60, 1)
      const plan = planOf(kind, design, changed)
      const end = START + 3600
      const worse = describe(plan, update(plan, startState(plan), changed.arms, end))
      expect(worse.matters).toBeGreaterThan(Math.log(100))
      expect(worse.worse).toBeGreaterThan(Math.log(100))
      expect(worse.time.worse).toBe(0)
      const quiet = world(kind, 1, 240, 2)
      const calm = describe(plan, update(plan, startState(plan), quiet.arms, START + 240 * 60))
      expect(calm.largest.worse).toBeLessThan(Math.log(100))
      expect(calm.largest.matters).toBeLessThan(Math.log(10))
      for (const effect of calm.effects) {
        expect(effect.interval[0]).toBeLessThan(1)
        expect(effect.interval[1]).toBeGreaterThan(1)
      }
    })
  }
}

test('the same cells give the same state in whatever calls and order they come, also through JSON', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...KINDS),
      fc.constantFrom(...DESIGNS),
      fc.array(fc.integer({ min: 1, max: 50 * 60 }), { maxLength: 6 }),
      (kind, design, cuts) => {
        const from = world(kind, 1.3, 50, 3)
        const plan = JSON.parse(JSON.stringify(planOf(kind, design, from))) as Plan
        const end = START + 3000
        const whole = update(plan, startState(plan), from.arms, end)
        let state = startState(plan)
        const reversed: Arms = {
          after: {
            cells: [...from.arms.after.cells].reverse(),
            exposure: [...(from.arms.after.exposure ?? [])].reverse(),
          },
          ...(from.arms.beside === undefined ? {} : { beside: from.arms.beside }),
        }
        for (const cut of [...cuts.sort((a, b) => a - b), 3000]) {
          look(plan, state, reversed)
          state = JSON.parse(JSON.stringify(update(plan, state, reversed, START + cut))) as State
        }
        expect(state).toEqual(whole)
      },
    ),
    { numRuns: 20, seed: 5 },
  )
})

test('the newest minute counts while it is partial, and is not committed', () => {
  for (const design of DESIGNS) {
    const from = world('rate', 3, 10, 4)
    const plan = planOf('rate', design, from)
    const state = update(plan, startState(plan), from.arms, START + 9 * 60)
    const before = look(plan, state)
    const partial = look(plan, state, from.arms)
    expect(partial.worse).not.toBe(before.worse)
    const committed = look(plan, update(plan, state, from.arms, START + 10 * 60))
    expect(committed.worse).toBe(partial.worse)
    expect(look(plan, state).worse).toBe(before.worse)
  }
})

test('slowness and gauges wait for the warm-up, events do not', () => {
  for (const kind of KINDS) {
    const from = world(kind, 1, 10, 6)
    const plan = planTest({
      kind,
      design: 'before-after',
      bad: 'up',
      smallestEffect: { ratio: 1.25, absolute: 0 },
      alpha: 0.01,
      start: START + 30,
      warmUp: 300,
      before: from.before,
      exposure: from.exposure,
    })
    if (plan.kind !== 'planned') throw new Error(plan.reason)
    expect(plan.start).toBe(kind === 'rate' || kind === 'ratio' ? START : START + 360)
  }
})

test('a series without a past cannot be planned, and says what it needs', () => {
  const empty = planTest({
    kind: 'ratio',
    design: 'before-after',
    bad: 'up',
    smallestEffect: { ratio: 1.25, absolute: 0 },
    alpha: 0.01,
    start: START,
    warmUp: 0,
    before: [],
  })
  expect(empty).toEqual({
    kind: 'undecidable',
    reason: 'no data before',
    needs: 'traffic on this series before the release',
  })
})

test('a fall is a change for the worse where down is bad, and a rise is not', () => {
  for (const design of DESIGNS) {
    const from = world('rate', 0.4, 60, 7)
    const options = { smallestEffect: { ratio: 1.25, absolute: 0 }, alpha: 0.01, start: START, warmUp: 0 }
    const plan = (bad: 'up' | 'down' | 'both') => {
      const made = planTest({
        kind: 'rate',
        design,
        bad,
        ...options,
        before: from.before,
        exposure: from.exposure,
      })
      if (made.kind !== 'planned') throw new Error(made.reason)
      return made
    }
    const evidence = (bad: 'up' | 'down' | 'both') => {
      const own = plan(bad)
      return look(own, update(own, startState(own), from.arms, START + 3600)).matters
    }
    expect(evidence('down')).toBeGreaterThan(Math.log(100))
    expect(evidence('both')).toBeGreaterThan(Math.log(100))
    expect(evidence('up')).toBeLessThan(0)
  }
})

test('the time to a decision shrinks as data come, and is known before the first', () => {
  const from = world('ratio', 1, 600, 8)
  for (const design of DESIGNS) {
    const plan = planOf('ratio', design, from, 1.5)
    const first = describe(plan, startState(plan)).time
    expect(first.worse).toBeGreaterThan(60)
    expect(first.harmless).toBeGreaterThan(60)
    const later = describe(plan, update(plan, startState(plan), from.arms, START + 600 * 60))
    expect(later.time.harmless).toBeLessThan(first.harmless)
  }
})

test('the evidence of a deployment is the mean of its series, with a reserve for those that appear later', () => {
  expect(
    Math.exp(
      logDeploymentEvidence([
        { log: Math.log(300), weight: 1 },
        { log: 0, weight: 2 },
      ]),
    ),
  ).toBeCloseTo(302 / 3, 9)
  expect(Math.exp(logDeploymentEvidence([{ log: Math.log(300), weight: 1 }], 1))).toBeCloseTo(150.5, 9)
  expect(logDeploymentEvidence([])).toBe(0)
})

test('a new exception is seen after few events, a single one of a burst is not enough where many kinds are rare', () => {
  const kind = { dispersion: 1, after: 500, before: 200_000, kinds: 40 }
  expect(logNewKindEvidence({ ...kind, events: 3 })).toBeGreaterThan(Math.log(100))
  expect(logNewKindEvidence({ ...kind, events: 1 })).toBeLessThan(Math.log(10))
  expect(logNewKindEvidence({ ...kind, events: 3, dispersion: 3 })).toBeLessThan(Math.log(10))
})
