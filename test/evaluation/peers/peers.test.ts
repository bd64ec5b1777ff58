import { expect, test } from 'vitest'
import { minuteHistograms } from '../../../analytics/compare/minute-histograms.ts'
import { normalDraw } from '../../../analytics/stats/normal-draw.ts'
import { seededRandom } from '../../../analytics/stats/random.ts'
import { cellOfValues } from '../../../schemas/cell-of-values.ts'
import type { Line } from '../placebo-moments.ts'
import { blockBootstrap } from './block-bootstrap.ts'
import { plainPlacebo } from './plain-placebo.ts'
import { repeatedLooking } from './repeated-looking.ts'
import { threshold } from './threshold.ts'
import { sampleOf, welch, welchTest } from './welch.ts'

const random = seededRandom(3)
const normal = (): number => normalDraw(random)

function noise(length: number): Line {
  return {
    path: 'noise',
    source: 'made',
    step: 300,
    start: 0,
    values: Float64Array.from({ length }, () => 100 + normal()),
    labelled: new Uint8Array(length),
  }
}

test("Welch's statistic on a textbook pair", () => {
  // Welch (1947) as worked in NIST's handbook style: means 3 and 6, variances 2.5 and 10, five values each.
  const { t, p } = welch(sampleOf(Float64Array.of(1, 2, 3, 4, 5)), sampleOf(Float64Array.of(2, 4, 6, 8, 10)))
  expect(t).toBeCloseTo(3 / Math.sqrt(2.5), 12)
  // 5.882 degrees of freedom; P(|T| > 1.897) = 0.1075.
  expect(p).toBeCloseTo(0.1075, 3)
})

test('looking again and again alarms far more often than the test once', () => {
  let once = 0
  let looked = 0
  for (let run = 0; run < 400; run++) {
    const line = noise(72)
    const after = line.values.subarray(36)
    once += Number(welchTest.prepare(line, 36, 36)(after).alarm)
    looked += Number(repeatedLooking.prepare(line, 36, 36)(after).alarm)
  }
  expect(once / 400).toBeLessThan(0.03)
  expect(looked).toBeGreaterThan(2 * once)
})

test('the threshold compares with one day before, and fires from a quarter on', () => {
  const line = noise(600)
  const judge = threshold.prepare(line, 500, 12)
  const day = line.values.slice(500 - 288, 500 - 276)
  expect(judge(day.map((value) => value * 1.24)).alarm).toBe(false)
  expect(judge(day.map((value) => value * 1.26)).alarm).toBe(true)
})

test('the rank among past moments is uniform in noise and small for a jump', () => {
  const line = noise(2000)
  const judge = plainPlacebo.prepare(line, 1900, 12)
  expect(judge(line.values.slice(1900, 1912)).alarm).toBe(false)
  expect(judge(line.values.slice(1900, 1912).map((value) => value + 3)).p).toBeLessThan(0.01)
})

test('the block bootstrap of a quantile is as wide as theory has it, and wider where minutes depend on each other', () => {
  const arm = (level: (minute: number) => number) => {
    const cells = Array.from({ length: 300 }, (_, minute) =>
      cellOfValues(
        minute * 60,
        Array.from({ length: 20 }, () => Math.exp(level(minute) + 0.5 * normal())),
        0,
      ),
    )
    return minuteHistograms(cells, 60) as NonNullable<ReturnType<typeof minuteHistograms>>
  }
  const width = (level: (minute: number) => number): number => {
    const [low, high] = blockBootstrap(arm(level), arm(level), 0.5, 400, random)(0.05)
    return Math.log(high / low)
  }
  // Of a median of n independent values of N(0, s): s sqrt(pi / 2n); of a difference of two, and 1.96 to either side.
  const theory = 2 * 1.96 * Math.SQRT2 * 0.5 * Math.sqrt(Math.PI / 2 / 6000)
  const independent = width(() => 0)
  expect(independent / theory).toBeGreaterThan(0.8)
  expect(independent / theory).toBeLessThan(1.25)
  // Ten minutes that are 20 % up, then ten that are 20 % down.
  expect(width((minute) => (Math.floor(minute / 10) % 2 === 0 ? 0.2 : -0.2))).toBeGreaterThan(
    1.5 * independent,
  )
})
