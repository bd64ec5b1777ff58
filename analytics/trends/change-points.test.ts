import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalDraw } from '../stats/normal-draw.ts'
import { seededRandom } from '../stats/random.ts'
import { changePoints } from './change-points.ts'

const normal = (random: () => number): number => normalDraw(random)

function noise(n: number, rho: number, random: () => number): Float64Array {
  const values = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    values[i] =
      i === 0 ? normal(random) : rho * (values[i - 1] as number) + Math.sqrt(1 - rho * rho) * normal(random)
  }
  return values
}

test('a quarter of quiet days has hardly ever a change, with and without a week', () => {
  const random = seededRandom(1)
  let alarms = 0
  for (let run = 0; run < 150; run++) {
    const series = noise(91, run % 2 === 0 ? 0 : 0.3, random)
    const weekly = series.map((value, i) => value + (run % 3 === 0 ? 3 * Math.sin((2 * Math.PI * i) / 7) : 0))
    if (changePoints([weekly], { random }).changes.length > 0) alarms++
  }
  expect(alarms).toBeLessThanOrEqual(5)
})

test('a shift of two standard deviations is found where it is, and its window covers it', () => {
  const random = seededRandom(2)
  let found = 0
  let covered = 0
  for (let run = 0; run < 100; run++) {
    const series = noise(91, 0.3, random).map((value, i) => 100 + value + (i >= 55 ? 3 : 0))
    const change = changePoints([series], { random }).changes.find(({ index }) => Math.abs(index - 55) <= 5)
    if (change === undefined) continue
    found++
    if (change.earliest <= 55 && change.latest >= 55) covered++
    expect((change.after[0] as number) - (change.before[0] as number)).toBeGreaterThan(1)
  }
  expect(found).toBeGreaterThanOrEqual(85)
  expect(covered / found).toBeGreaterThan(0.9)
})

test('a bend of the slope is found as a change between lines, a straight trend is none', () => {
  const random = seededRandom(3)
  const bent = noise(100, 0, random).map((value, i) => value + 0.4 * Math.abs(i - 60))
  const found = changePoints([bent], { random })
  expect(found.shape).toBe('line')
  expect(found.changes).toHaveLength(1)
  expect(Math.abs((found.changes[0]?.index ?? 0) - 60)).toBeLessThanOrEqual(5)
  const straight = noise(100, 0, random).map((value, i) => value + 0.2 * i)
  expect(changePoints([straight], { random }).changes).toEqual([])
})

test('spikes and gaps are no changes; a jump just before the end is provisional', () => {
  const random = seededRandom(4)
  const series = noise(80, 0, random)
  series[20] = 60
  series[50] = -60
  series.fill(Number.NaN, 30, 36)
  expect(changePoints([series], { random })).toMatchObject({ changes: [], possible: undefined })
  const late = series.map((value, i) => value + (i >= 77 ? 9 : 0))
  const found = changePoints([late], { random })
  expect(found.changes.every(({ provisional }) => provisional)).toBe(true)
  expect(found.changes.length + (found.possible === undefined ? 0 : 1)).toBe(1)
  const later = series.map((value, i) => value + (i >= 78 ? 9 : 0))
  expect(changePoints([later], { random })).toMatchObject({ changes: [], possible: { index: 78 } })
})

test('several columns change together: none need show it alone', () => {
  const random = seededRandom(5)
  let alone = 0
  let together = 0
  for (let run = 0; run < 40; run++) {
    const columns = Array.from({ length: 4 }, () =>
      noise(60, 0, random).map((value, i) => value + (i >= 30 ? 1.2 : 0)),
    )
    if (changePoints(columns.slice(0, 1), { random }).changes.length > 0) alone++
    if (changePoints(columns, { random }).changes.length > 0) together++
  }
  expect(together).toBeGreaterThan(alone + 5)
})

test('a long series is searched by averages and placed exactly', () => {
  const random = seededRandom(6)
  const series = noise(6000, 0.3, random).map((value, i) => value + (i >= 4321 ? 2 : 0))
  const { changes } = changePoints([series], { random, period: 0 })
  expect(changes).toHaveLength(1)
  expect(Math.abs((changes[0]?.index ?? 0) - 4321)).toBeLessThanOrEqual(5)
})

test('whatever comes in, indices are in order and within, and scale and sign of the unit change nothing', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.double({ min: -1e6, max: 1e6, noNaN: true }),
          fc.constantFrom(Number.NaN, 0, Number.POSITIVE_INFINITY),
        ),
        { maxLength: 60 },
      ),
      (values) => {
        const series = Float64Array.from(values)
        const { changes } = changePoints([series], { random: seededRandom(1) })
        for (const [at, { index, earliest, latest, p }] of changes.entries()) {
          expect(index).toBeGreaterThan(changes[at - 1]?.index ?? 0)
          expect(index).toBeLessThan(values.length)
          expect(earliest).toBeLessThanOrEqual(index)
          expect(latest).toBeGreaterThanOrEqual(index)
          expect(p).toBeGreaterThan(0)
        }
        const mirrored = changePoints([series.map((value) => -1024 * value)], { random: seededRandom(1) })
        expect(mirrored.changes.map(({ index }) => index)).toEqual(changes.map(({ index }) => index))
      },
    ),
    { numRuns: 100 },
  )
  expect(() => changePoints([new Float64Array(3), new Float64Array(4)], { random: Math.random })).toThrow(
    RangeError,
  )
})
