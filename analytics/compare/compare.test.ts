import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { cellOfValues } from '../../schemas/cell-of-values.ts'
import { normalDraw } from '../stats/normal-draw.ts'
import { UNCALIBRATED } from '../stats/placebo.ts'
import { seededRandom } from '../stats/random.ts'
import type { Comparison, Measured } from './comparison.ts'
import { compareDistribution } from './distribution.ts'
import { compareGauge } from './gauge.ts'
import { compareGrowth, type Start } from './growth.ts'
import { mixSplit, standardise, standardiseExposure } from './mix.ts'
import { kindFact } from './new-kind.ts'
import { compareRate } from './rate.ts'
import { compareRatio } from './ratio.ts'

const options = { smallestEffect: { ratio: 1.2, absolute: 0 }, bad: 'up' as const, alpha: 0.01 }

/** Seven or so values a minute around `level`, a share of them bad. */
function series(from: number, minutes: number, level: number, bad: number, seed: number, count = 7): Cell[] {
  const random = seededRandom(seed)
  return Array.from({ length: minutes }, (_, i) => {
    const n = Math.max(0, Math.round(count + 4 * (random() - 0.5)))
    const values = Array.from({ length: n }, () => level * Math.exp(random() + random() - 1))
    return cellOfValues((from + i) * 60, values, values.filter(() => random() < bad).length)
  })
}

function found(comparison: Comparison): Measured {
  if (comparison.kind !== 'measured') throw new Error(comparison.reason)
  return comparison
}

const before = series(0, 600, 0.1, 0.05, 1)
const same = series(600, 120, 0.1, 0.05, 2)
const worse = series(600, 120, 0.15, 0.15, 3)

const ways = {
  ratio: (a: readonly Cell[], b: readonly Cell[]) => compareRatio({ ...options, before: a, after: b }),
  distribution: (a: readonly Cell[], b: readonly Cell[]) =>
    compareDistribution({ ...options, before: a, after: b }),
  gauge: (a: readonly Cell[], b: readonly Cell[]) => compareGauge({ ...options, before: a, after: b }),
  rate: (a: readonly Cell[], b: readonly Cell[]) =>
    compareRate({
      ...options,
      before: a.map((c) => ({ ...c, count: c.bad })),
      after: b.map((c) => ({ ...c, count: c.bad })),
      exposure: { before: a, after: b },
    }),
}

for (const [name, compare] of Object.entries(ways)) {
  test(`${name}: a planted change is found, an unchanged series is not called changed`, () => {
    const changed = found(compare(before, worse))
    expect(changed.beyond).toBe('worse')
    expect(changed.pWorse).toBeLessThan(1e-5)
    expect(changed.interval[0]).toBeGreaterThan(1)
    const quiet = found(compare(before, same))
    expect(quiet.pValue).toBeGreaterThan(0.01)
    expect(quiet.interval[0]).toBeLessThan(1)
    expect(quiet.interval[1]).toBeGreaterThan(1)
  })

  test(`${name}: cells in any order, split or whole, give the same numbers`, () => {
    const whole = found(compare(before, worse))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1 << 30 }), (seed) => {
        const random = seededRandom(seed)
        const split = worse.flatMap((cell) => (random() < 0.5 ? [cell] : halves(cell)))
        const shuffled = split.map((cell) => ({ cell, key: random() })).sort((a, b) => a.key - b.key)
        const other = found(
          compare(
            [...before].reverse(),
            shuffled.map((entry) => entry.cell),
          ),
        )
        expect(other.effect.ratio).toBeCloseTo(whole.effect.ratio, 9)
        expect(Math.log(other.pWorse)).toBeCloseTo(Math.log(whole.pWorse), 5)
      }),
      { numRuns: 10 },
    )
  })

  test(`${name}: swapping equally long arms turns the sign round`, () => {
    const earlier = before.slice(-120)
    const there = found(compare(earlier, worse))
    const back = found(compare(worse, earlier))
    expect(back.effect.ratio).toBeLessThan(1)
    expect(there.effect.ratio).toBeGreaterThan(1)
    expect(back.studentised * there.studentised).toBeLessThan(0)
    expect(back.beyond).toBe('better')
    if (name !== 'distribution') expect(back.effect.ratio * there.effect.ratio).toBeCloseTo(1, 9)
  })

  test(`${name}: a series that never moves has no change`, () => {
    const constant = (from: number, minutes: number): Cell[] =>
      Array.from({ length: minutes }, (_, i) =>
        cellOfValues(
          (from + i) * 60,
          Array.from({ length: 40 }, (_, v) => 0.25 + v / 64),
          4,
        ),
      )
    const measured = found(compare(constant(0, 1440), constant(1440, 120)))
    expect(measured.pValue).toBeGreaterThan(0.01)
    expect(measured.interval[0]).toBeLessThanOrEqual(1)
    expect(measured.interval[1]).toBeGreaterThanOrEqual(1)
  })

  test(`${name}: an empty window is undecidable and never no change`, () => {
    expect(compare(before, [])).toMatchObject({ kind: 'undecidable', reason: 'no data after' })
    expect(compare([], same)).toMatchObject({ kind: 'undecidable', reason: 'no data before' })
    expect(compare([], [])).toMatchObject({ kind: 'undecidable', reason: 'no data' })
  })
}

function halves(cell: Cell): Cell[] {
  const parts = [new Map<number, number>(), new Map<number, number>()] as const
  let first = 0
  for (const [bucket, count] of cell.histogram ?? []) {
    const part = Math.floor(count / 2)
    first += part
    if (part > 0) parts[0].set(bucket, part)
    parts[1].set(bucket, count - part)
  }
  const bad = Math.min(first, cell.bad)
  return [
    { ...cell, count: first, bad, sum: cell.sum / 3, histogram: parts[0] },
    { ...cell, count: cell.count - first, bad: cell.bad - bad, sum: (cell.sum * 2) / 3, histogram: parts[1] },
  ]
}

test('an event that was never there is measured against the requests served without it', () => {
  const events = worse.map((cell, i) => ({ ...cell, count: i % 4 === 0 ? 1 : 0 }))
  const measured = found(
    compareRate({ ...options, before: [], after: events, exposure: { before, after: worse } }),
  )
  expect(measured.pWorse).toBeLessThan(1e-8)
  expect(measured.effect.before).toBe(0)
  expect(measured.interval[1]).toBe(Number.POSITIVE_INFINITY)
  const kind = { before: [], after: events, exposure: { before, after: worse }, alpha: 0.001 }
  expect(kindFact({ ...kind, seenEarlier: false }).kind).toBe('new')
  expect(kindFact({ ...kind, seenEarlier: true }).kind).toBe('resurfaced')
  expect(
    kindFact({ ...kind, before: events.slice(0, 0), after: events.slice(0, 1), seenEarlier: false }).kind,
  ).toBe('uninformative')
  expect(kindFact({ ...kind, before: before, after: [], seenEarlier: true }).kind).toBe('gone')
})

test('what the season of the day does by itself is taken off, and gives power where drift would hide the change', () => {
  const day = (i: number): number => Math.exp(0.2 * Math.sin((2 * Math.PI * i) / 1440))
  const memoryOf = (from: number, minutes: number, factor: number, seed: number): Cell[] =>
    memory(from * 60, minutes, (i) => 100 * day(from + i) * factor, seed).cells as Cell[]
  const effectAt = (start: number): number => {
    const mean = Array.from({ length: 120 }, (_, i) => day(start + i)).reduce((a, b) => a + b, 0) / 120
    return Math.log(mean / (Array.from({ length: 1440 }, (_, i) => day(i)).reduce((a, b) => a + b, 0) / 1440))
  }
  const shift = {
    shift: effectAt(1740),
    variance: 0.02 ** 2,
    degreesOfFreedom: 80,
    count: 84,
  }
  const season = { shift, evident: true, calibration: { count: 84, scale: 1, tail: undefined } }
  const earlier = memoryOf(300, 1440, 1, 70)
  const plain = found(compareGauge({ ...options, before: earlier, after: memoryOf(1740, 120, 1.5, 71) }))
  const known = found(
    compareGauge({ ...options, before: earlier, after: memoryOf(1740, 120, 1.5, 71), season }),
  )
  expect(known.pWorse).toBeLessThan(5e-5)
  expect(known.pWorse).toBeLessThan(plain.pWorse)
  expect(known.effect.ratio).toBeCloseTo(1.5, 1)
  const quiet = found(
    compareGauge({ ...options, before: earlier, after: memoryOf(1740, 120, 1, 72), season }),
  )
  expect(quiet.pValue).toBeGreaterThan(0.01)
  expect(quiet.beyond).toBe('no')
})

test('placebos widen, never narrow', () => {
  const plain = found(compareGauge({ ...options, before, after: worse }))
  const random = seededRandom(5)
  const wide = Array.from({ length: 300 }, () => 6 * (random() + random() + random() - 1.5))
  const calibrated = found(compareGauge({ ...options, before, after: worse, null: wide }))
  expect(calibrated.standardError).toBeGreaterThan(1.5 * plain.standardError)
  expect(calibrated.pWorse).toBeGreaterThan(plain.pWorse)
  const narrow = found(compareGauge({ ...options, before, after: worse, null: wide.map((z) => z / 100) }))
  expect(narrow.standardError).toBe(plain.standardError)
})

test('a window after that happens to have no slow requests is not surer of its tail than the time before would be', () => {
  // A tenth takes up to ten times as long, or none does.
  const tailed = (from: number, minutes: number, seed: number, slow: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: minutes }, (_, i) => {
      const values = Array.from({ length: 20 }, () => {
        const value = 0.1 * Math.exp(0.4 * (random() + random() - 1))
        return random() < slow ? value * 10 ** random() : value
      })
      return cellOfValues((from + i) * 60, values, 0)
    })
  }
  const width = (slow: number): number => {
    const after = tailed(720, 120, 5, slow)
    const { details } = found(compareDistribution({ ...options, before: tailed(0, 720, 4, 0.1), after }))
    const all = details?.['quantiles'] as { statistic: string; interval: [number, number] }[]
    const [low, high] = all.find(({ statistic }) => statistic === 'p95')?.interval ?? [1, 1]
    return Math.log(high / low)
  }
  expect(width(0)).toBeGreaterThan(0.8 * width(0.1))
})

test('six windows that happen to be alike are no proof that latency never drifts', () => {
  const one = series(0, 120, 0.1, 0, 8, 40)
  const alike = Array.from({ length: 6 }, (_, w) => one.map((c) => ({ ...c, time: c.time + w * 7200 })))
  const input = { ...options, before: alike.flat(), after: series(720, 120, 0.115, 0, 9, 40) }
  const measured = found(compareDistribution(input))
  // More than ten standard errors, which independent windows would not have in any lifetime.
  expect(measured.studentised).toBeGreaterThan(10)
  expect(measured.pValue).toBeLessThan(1e-3)
  expect(measured.pValue).toBeGreaterThan(1e-9)
  // Side by side there is no drift between windows.
  expect(found(compareDistribution({ ...input, design: 'side-by-side' })).pValue).toBeLessThan(1e-15)
})

test('a season that is taken off the mean makes quantiles no surer', () => {
  const one = series(0, 120, 0.1, 0, 8, 40)
  const alike = Array.from({ length: 6 }, (_, w) => one.map((c) => ({ ...c, time: c.time + w * 7200 })))
  const input = { ...options, before: alike.flat(), after: series(720, 120, 0.115, 0, 9, 40) }
  const shift = { shift: 0, variance: 1e-4, degreesOfFreedom: 80, count: 90 }
  const season = { shift, evident: false, calibration: UNCALIBRATED }
  const quantiles = (more: object): object[] => {
    const { details } = found(compareDistribution({ ...input, ...more }))
    return ((details?.['quantiles'] ?? []) as object[]).slice(1)
  }
  expect(quantiles({})).toHaveLength(3)
  expect(quantiles({ season })).toEqual(quantiles({}))
})

test('a leak is told from a restart by the age of the process', () => {
  const saw = (growth: number, seed: number) => {
    const random = seededRandom(seed)
    const level = 100 * Math.exp(0.1 * (random() - 0.5))
    return {
      start: seed * 86_400,
      cells: Array.from({ length: 120 }, (_, i) =>
        cellOfValues(
          seed * 86_400 + i * 60,
          [level * growth ** (i / 120) * Math.exp(0.05 * (random() - 0.5))],
          0,
        ),
      ),
    }
  }
  const earlier = [1, 2, 3, 4, 5].map((seed) => saw(1.1, seed))
  const leak = found(compareGrowth({ ...options, after: saw(1.8, 9), earlier }))
  expect(leak.beyond).toBe('worse')
  expect(leak.pWorse).toBeLessThan(5e-5)
  const quiet = found(compareGrowth({ ...options, after: saw(1.1, 9), earlier }))
  expect(quiet.beyond).toBe('no')
  expect(compareGrowth({ ...options, after: saw(1.8, 9), earlier: [] })).toMatchObject({
    reason: 'no earlier starts',
  })
})

/** Memory of one process, a sample a minute from `from` on: a share of `ramp` more after two hours. */
function memory(from: number, minutes: number, level: (minute: number) => number, seed: number): Start {
  const random = seededRandom(seed)
  let noise = 0
  return {
    start: from,
    cells: Array.from({ length: minutes }, (_, i) => {
      noise = 0.95 * noise + 0.025 * (random() + random() - 1)
      return cellOfValues(from + i * 60, [level(i) * Math.exp(noise)], 0)
    }),
  }
}

const warming = (minute: number): number => 100 * (1 - 0.35 * Math.exp(-minute / 2))
const windows = Array.from({ length: 12 }, (_, i) => memory(i * 7200, 120, () => 100, 60 + i))
const release = 12 * 7200

test('a leak is found where one or no earlier start is known, by the windows of the time before', () => {
  const leaking = (minute: number): number => warming(minute) + (100 * minute) / 100
  // Full after 110 minutes: the process is restarted inside the window.
  const after = memory(release, 120, (i) => (i < 110 ? leaking(i) : leaking(i - 110)), 80)
  for (const earlier of [
    [],
    [memory(-9e5, 120, warming, 81)],
    [82, 83].map((s) => memory(-s * 1e4, 120, warming, s)),
  ]) {
    const leak = found(compareGrowth({ ...options, after, earlier, steady: windows }))
    expect(leak.beyond).toBe('worse')
    expect(leak.pWorse).toBeLessThan(5e-5)
  }
})

test('a restart that lets go of memory, or grows back to the usual level, is neither worse nor better', () => {
  for (const shape of [warming, () => 60, (minute: number) => 60 + minute / 3]) {
    const reset = found(
      compareGrowth({ ...options, after: memory(release, 120, shape, 90), earlier: [], steady: windows }),
    )
    expect(reset.beyond).toBe('no')
    expect(reset.pBetter).toBe(1)
  }
})

test('the release that ends a leak is told against the one that had it', () => {
  const earlier = [84, 85, 86, 87].map((seed) => memory(-seed * 1e4, 120, warming, seed))
  const previous = memory(-7200, 120, (i) => warming(i) + i, 88)
  const fixed = found(
    compareGrowth({ ...options, after: memory(release, 120, warming, 89), earlier, previous }),
  )
  expect(fixed.beyond).toBe('better')
  expect(fixed.pBetter).toBeLessThan(5e-5)
})

test('traffic that moves to a slower route is mix, not a regression', () => {
  const strata = [
    {
      dimension: 'fast',
      before: series(0, 600, 0.05, 0.02, 40, 12),
      after: series(600, 120, 0.05, 0.02, 41, 4),
    },
    { dimension: 'slow', before: series(0, 600, 0.5, 0.2, 42, 4), after: series(600, 120, 0.5, 0.2, 43, 12) },
  ]
  const whole = { before: strata.flatMap((s) => s.before), after: strata.flatMap((s) => s.after) }
  expect(found(compareDistribution({ ...options, ...whole })).beyond).toBe('worse')
  expect(found(compareRatio({ ...options, ...whole })).beyond).toBe('worse')
  const fair = standardise(strata)
  for (const compare of [compareDistribution, compareRatio]) {
    const measured = found(compare({ ...options, before: fair.before, after: fair.after }))
    expect(measured.beyond).toBe('no')
    expect(measured.pValue).toBeGreaterThan(0.001)
  }
  const split = mixSplit(strata, 'bad')
  expect(split.rate + split.mix).toBeCloseTo(split.total, 12)
  expect(Math.abs(split.rate)).toBeLessThan(0.25 * split.mix)
  // Events of the slow route only, three a request, not broken down by route.
  const events = (cells: readonly Cell[]) => cells.map((cell) => ({ ...cell, count: 3 * cell.count }))
  const slow = strata[1] as (typeof strata)[number]
  const arms = { before: events(slow.before), after: events(slow.after) }
  const naive = found(compareRate({ ...options, ...arms, exposure: whole }))
  expect(naive.beyond).toBe('worse')
  const exposure = standardiseExposure(arms.before, strata)
  const adjusted = found(compareRate({ ...options, ...arms, exposure }))
  expect(adjusted.beyond).toBe('no')
})

test('three hundred distributions of a day against two hours take less than a second of CPU', () => {
  const long = series(0, 1440, 0.1, 0, 50)
  const short = series(1440, 120, 0.1, 0, 51)
  const started = process.cpuUsage()
  for (let i = 0; i < 300; i++) compareDistribution({ ...options, before: long, after: short })
  const { user } = process.cpuUsage(started)
  // Three times the promise: the machine is shared while tests run, and caches with it.
  expect(user).toBeLessThan(3e6)
})

test('an exception that was never there before and then is thrown by 2 to 4 % of requests is worse by more than any family asks', () => {
  for (const share of [0.02, 0.03, 0.04]) {
    const random = seededRandom(Math.round(share * 1000))
    const requests = series(0, 1560, 0.1, 0, 5)
    const thrown = requests.slice(1440).map((cell) => {
      let count = 0
      for (let i = 0; i < cell.count; i++) if (random() < share) count += 1
      return { ...cell, count }
    })
    const measured = found(
      compareRate({
        ...options,
        smallestEffect: { ratio: 1.25, absolute: 0.001 },
        before: [],
        after: thrown,
        exposure: { before: requests.slice(0, 1440), after: requests.slice(1440) },
      }),
    )
    expect(measured.beyond).toBe('worse')
    expect(measured.pWorse).toBeLessThan(5e-5)
  }
})

test.each([0.1, 1 / 3, 123456.789, -0.7])(
  'a gauge that is always %d has not moved, whatever its sums are rounded to',
  (value) => {
    const constant = (from: number, minutes: number, samples: number): Cell[] =>
      Array.from({ length: minutes }, (_, i) =>
        cellOfValues(
          (from + i) * 60,
          Array.from({ length: 1 + (i % samples) }, () => value),
          0,
        ),
      )
    const [earlier, later] = [constant(0, 600, 7), constant(600, 120, 5)]
    for (const design of ['before-after', 'side-by-side'] as const) {
      const { pValue, pWorse, pNotWorse, effect } = found(
        compareGauge({ ...options, design, before: earlier, after: later }),
      )
      expect({ pValue, pWorse, ratio: effect.ratio }).toEqual({ pValue: 1, pWorse: 0.5, ratio: 1 })
      expect(pNotWorse).toBeLessThan(1e-6)
    }
    if (value < 0) return
    const starts = [0, 200, 400].map((start) => ({
      start: start * 60,
      cells: constant(start, 120, 3 + (start % 7)),
    }))
    const after = { start: 600 * 60, cells: later }
    expect(found(compareGrowth({ ...options, after, earlier: starts }))).toMatchObject({ pValue: 1 })
  },
)

test('side by side: an incident that both versions go through hides no route that takes three times as long', () => {
  const random = seededRandom(31)
  const version = (factor: number, count: number): Cell[] =>
    Array.from({ length: 60 }, (_, minute) => {
      const level = 0.1 * factor * (minute >= 20 && minute < 35 ? 2 : 1)
      const values = Array.from({ length: count }, () => level * Math.exp(0.6 * normalDraw(random)))
      return cellOfValues(minute * 60, values, 0)
    })
  const beside = { ...options, design: 'side-by-side' as const }
  const slower = found(compareDistribution({ ...beside, before: version(1, 4), after: version(3, 2) }))
  expect(slower).toMatchObject({ beyond: 'worse', method: 'geometric-mean-paired-minutes@1' })
  expect(slower.pWorse).toBeLessThan(5e-5)
  const quiet = found(compareDistribution({ ...beside, before: version(1, 4), after: version(1, 2) }))
  expect(quiet.pValue).toBeGreaterThan(0.01)
  expect(quiet.interval[0]).toBeLessThan(1)
  expect(quiet.interval[1]).toBeGreaterThan(1)
})

test('a release without an event is shown to be no worse by many requests, not by three', () => {
  const of = { smallestEffect: { ratio: 1.25, absolute: 0.001 }, bad: 'up' as const, alpha: 0.01 }
  for (const share of [0, 0.002]) {
    const before = series(0, 600, 0.1, share, 4, 20)
    const none = (minutes: number, each: number) =>
      Array.from({ length: minutes }, (_, i) =>
        cellOfValues(
          (600 + i) * 60,
          Array.from({ length: each }, () => 0.1),
          0,
        ),
      )
    const notWorse = (after: readonly Cell[]) => found(compareRatio({ ...of, before, after })).pNotWorse
    expect(notWorse(none(3, 1))).toBeGreaterThan(0.4)
    expect(notWorse(none(120, 100))).toBeLessThan(0.001)
  }
})
