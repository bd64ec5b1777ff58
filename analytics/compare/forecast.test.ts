import { describe, expect, it } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { cellOfValues } from '../../schemas/cell-of-values.ts'
import { LN_GAMMA, ZERO_BUCKET } from '../../schemas/histogram.ts'
import { pastOf, slotLength } from '../baselines/past.ts'
import { normalUpperTail } from '../stats/normal.ts'
import { normalDraw } from '../stats/normal-draw.ts'
import { seededRandom } from '../stats/random.ts'
import type { CompareOptions, Measured, Past } from './comparison.ts'
import { compareDistribution, type DistributionInput } from './distribution.ts'
import { compareGauge } from './gauge.ts'
import { compareRate } from './rate.ts'

const DAY = 1440
const WATCH = 120
const options: CompareOptions = { smallestEffect: { ratio: 1.2, absolute: 0 }, bad: 'up', alpha: 0.01 }
const random = seededRandom(11)
const normal = (): number => normalDraw(random)

function cells(from: number, to: number, value: (minute: number) => Partial<Cell>): Cell[] {
  return Array.from({ length: to - from }, (_, i) => ({
    time: (from + i) * 60,
    count: 1,
    bad: 0,
    sum: 0,
    sumSquares: 0,
    min: 0,
    max: 0,
    ...value(from + i),
  }))
}

const sample = (value: number): Partial<Cell> => ({
  sum: value,
  sumSquares: value * value,
  min: value,
  max: value,
})
const season = (minute: number): number => Math.exp(0.5 * Math.sin((2 * Math.PI * minute) / DAY))

/** Ten days, then a window after that starts seven minutes past the release. */
function gauge(factor: number): Measured {
  const release = 10 * DAY + 3
  const level = (minute: number): number => 40 * season(minute) * Math.exp(0.05 * normal())
  const earlier = cells(0, release, (minute) => sample(level(minute)))
  const after = cells(release + 7, release + WATCH, (minute) => sample(factor * level(minute)))
  const slot = slotLength(WATCH * 60, 60)
  const signal = { kind: 'gauge' } as never
  const past = pastOf(signal, earlier, [], 60, slot, Math.floor((release * 60) / slot) * slot, [])
  const compared = compareGauge({
    ...options,
    before: earlier.slice(-DAY),
    after,
    ...(past === undefined ? {} : { past }),
  })
  if (compared.kind !== 'measured') throw new Error(compared.reason)
  return compared
}

describe('a gauge whose past is known', () => {
  it('is compared with what its past says of that hour, and a change is seen at its size', () => {
    const quiet = gauge(1)
    expect(quiet.method).toBe('level-forecast-placebo@1')
    expect(quiet.pValue).toBeGreaterThan(0.01)
    expect(quiet.interval[0]).toBeLessThan(1)
    expect(quiet.interval[1]).toBeGreaterThan(1)
    expect(quiet.pEquivalence).toBeLessThan(0.05)
    const changed = gauge(1.3)
    expect(changed.pWorse).toBeLessThan(0.001)
    expect(changed.beyond).toBe('worse')
    expect(changed.effect.ratio).toBeGreaterThan(1.2)
    expect(changed.effect.ratio).toBeLessThan(1.4)
    expect(changed.interval[0]).toBeGreaterThan(1)
  })

  it('has an interval that ends where the test does', () => {
    const changed = gauge(1.3)
    const low = Math.log(changed.effect.ratio) - Math.log(changed.interval[0])
    const score = changed.studentised
    expect(low).toBeGreaterThan(0)
    expect(score).toBeGreaterThan(2.5758)
  })
})

it('a rate of many events is compared with its own past, a rare one by its counts', () => {
  const release = 10 * DAY
  const rate = (mean: number): string => {
    const made = (from: number, to: number) =>
      cells(from, to, (minute) => ({
        count: Math.round(Math.max(0, mean * season(minute) + Math.sqrt(mean) * normal())),
      }))
    const exposure = (from: number, to: number) => cells(from, to, () => ({ count: 1 }))
    const events = { past: made(0, release), after: made(release, release + WATCH) }
    const past = pastOf(
      { kind: 'rate' } as never,
      events.past,
      exposure(0, release),
      60,
      600,
      release * 60,
      [],
    )
    const compared = compareRate({
      ...options,
      before: events.past.slice(-DAY),
      after: events.after,
      exposure: { before: exposure(release - DAY, release), after: exposure(release, release + WATCH) },
      ...(past === undefined ? {} : { past }),
    })
    return compared.kind === 'measured' ? compared.method : compared.reason
  }
  expect(rate(50)).toBe('level-forecast-placebo@1')
  expect(rate(0.1)).toBe('rate-conditional-mid-p-quasi-poisson@2')
})

/** Ten days of eight values a minute, and what comes after. */
function latency(level: (minute: number) => number) {
  const release = 10 * DAY
  /** @param tail factor of one value in 24 */
  const minutes = (from: number, to: number, factor: number, tail: number): Cell[] =>
    Array.from({ length: to - from }, (_, i) =>
      cellOfValues(
        (from + i) * 60,
        Array.from(
          { length: 8 },
          (_, v) =>
            0.1 * level(from + i) * factor * (v === 0 && i % 3 === 0 ? tail : 1) * Math.exp(0.4 * normal()),
        ),
        0,
      ),
    )
  const earlier = minutes(0, release, 1, 1)
  const day = earlier.slice(-DAY)
  const logs = earlier.map((one) => ({
    ...one,
    sumLogs: [...(one.histogram ?? [])].reduce((sum, [bucket, n]) => sum + n * (bucket - 0.5) * LN_GAMMA, 0),
  }))
  const pastFrom = (minute: number): Past =>
    pastOf({ kind: 'distribution' } as never, logs.slice(minute), [], 60, 600, release * 60, []) as Past
  const past = pastFrom(0)
  const compare = (after: readonly Cell[], more: Partial<DistributionInput> = { past }): Measured => {
    const compared = compareDistribution({ ...options, before: day, after, ...more })
    if (compared.kind !== 'measured') throw new Error(compared.reason)
    return compared
  }
  const later = (factor: number, tail = 1): Cell[] => minutes(release, release + WATCH, factor, tail)
  return { day, past, pastFrom: (days: number) => pastFrom(release - days * DAY), compare, later }
}

describe('a latency whose past is known', () => {
  const seasonal = latency(season)

  it('is compared with what its past says of that hour, which one day before does not', () => {
    const quiet = seasonal.compare(seasonal.later(1))
    expect(quiet).toMatchObject({ method: 'level-forecast-placebo@1', statistic: 'geometric mean' })
    expect(quiet.forecast?.score).toBe(quiet.studentised)
    expect(quiet.pValue).toBeGreaterThan(0.01)
    const slower = seasonal.later(1.3)
    const changed = seasonal.compare(slower)
    expect(changed).toMatchObject({ beyond: 'worse', statistic: 'geometric mean' })
    expect(changed.pWorse).toBeLessThan(0.005)
    expect(changed.effect.ratio).toBeGreaterThan(1.2)
    expect(changed.effect.ratio).toBeLessThan(1.4)
    expect(changed.interval[0]).toBeGreaterThan(1)
    expect(seasonal.compare(slower, {}).pWorse).toBeGreaterThan(0.01)
    // Four statistics are looked at, and one of them speaks.
    expect(changed.pValue).toBeCloseTo(8 * normalUpperTail(changed.forecast?.score ?? 0), 9)
  })

  it('is found slower in its tail alone', () => {
    const flat = latency(() => 1)
    const tail = flat.compare(flat.later(1, 10))
    expect(tail).toMatchObject({ beyond: 'worse', method: 'p99-woodruff@2' })
    expect(tail.pWorse).toBeLessThan(1e-3)
    expect(flat.compare(flat.later(1)).pWorse).toBeGreaterThan(0.01)
  })

  it('has the model side by side, with few values, with zeros, and with a short past', () => {
    const { day, past, pastFrom, compare, later } = seasonal
    const quiet = later(1)
    expect(compare(quiet).forecast).toBeDefined()
    expect(compare(quiet, { past: pastFrom(0.5) }).forecast).toBe(undefined)
    expect(compare(quiet, { past, design: 'side-by-side' }).forecast).toBe(undefined)
    const zeros = quiet.map((cell) => ({
      ...cell,
      histogram: new Map([...(cell.histogram ?? []), [ZERO_BUCKET, 1]]),
    }))
    expect(compare(zeros).forecast).toBe(undefined)
    const sparse = (cells: readonly Cell[]) => cells.filter((_, i) => i % 40 === 0)
    const few = { past, before: sparse(day) }
    expect(compare(sparse(quiet), few).forecast).toBe(undefined)
  })
})

it('slots make up a day where they can', () => {
  expect(slotLength(7200, 60)).toBe(600)
  expect(slotLength(5040, 60)).toBe(360)
  expect(slotLength(1800, 3600)).toBe(3600)
})
