import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestSplit, eDivisive } from './e-divisive.ts'
import { withoutSpikes } from './hampel.ts'
import { mannKendall, seasonalMannKendall } from './mann-kendall.ts'
import { normalDraw } from './normal-draw.ts'
import { permutationP } from './permutation-p.ts'
import { seededRandom } from './random.ts'
import { seasonPeriod } from './season-period.ts'
import { SegmentSums } from './segment-sums.ts'
import { leastSquares, segmentation } from './segmentation.ts'
import { stl } from './stl.ts'
import { theilSen } from './theil-sen.ts'

type Numbers = readonly number[]
type Reference = Readonly<
  Record<'weekly' | 'ar' | 'tied' | 'seasonal' | 'theilSen' | 'steps' | 'lines', Numbers> &
    Record<'mannKendall' | 'hamedRao' | 'levels' | 'slopes', readonly Numbers[]> &
    Record<'stlRobust' | 'stlPlain', { season: Numbers; trend: Numbers; weights?: Numbers }>
>
const reference = JSON.parse(
  readFileSync(new URL('../../test/evaluation/reference/trends.json', import.meta.url), 'utf8'),
) as Reference

function near(actual: ArrayLike<number>, expected: Numbers, within = 1e-9): void {
  expect(actual.length).toBe(expected.length)
  for (const [i, value] of expected.entries())
    expect(Math.abs((actual[i] as number) - value)).toBeLessThan(within)
}

const normal = (random: () => number): number => normalDraw(random)

function noise(n: number, rho: number, random: () => number): Float64Array {
  const values = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    values[i] =
      i === 0 ? normal(random) : rho * (values[i - 1] as number) + Math.sqrt(1 - rho * rho) * normal(random)
  }
  return values
}

test('STL agrees with statsmodels, robust and plain', () => {
  const weekly = Float64Array.from(reference.weekly)
  const robust = stl(weekly, { period: 7 })
  near(robust.season, reference.stlRobust.season)
  near(robust.trend, reference.stlRobust.trend)
  near(robust.weights, reference.stlRobust.weights as Numbers)
  const plain = stl(weekly, { period: 7, robustRounds: 0 })
  near(plain.season, reference.stlPlain.season)
  near(plain.trend, reference.stlPlain.trend)
  expect(() => stl(weekly.subarray(0, 13), { period: 7 })).toThrow(RangeError)
})

test('Mann-Kendall, with the correction of Hamed and Rao and by season, agrees with pymannkendall', () => {
  for (const [i, series] of [reference.ar, reference.tied].entries()) {
    const values = Float64Array.from(series)
    const plain = mannKendall(values, 'none')
    near([plain.score, plain.variance, plain.p], reference.mannKendall[i] as Numbers, 1e-6)
    const corrected = mannKendall(values, 'hamed-rao')
    const [score, variance, p] = reference.hamedRao[i] as [number, number, number]
    expect(corrected.score).toBe(score)
    // Dependence that would make the variance smaller is not credited here.
    if (variance > plain.variance) near([corrected.variance, corrected.p], [variance, p], 1e-6)
    else expect(corrected.variance).toBe(plain.variance)
  }
  const seasonal = seasonalMannKendall(Float64Array.from(reference.weekly), 7)
  // Its z has no continuity correction, so its p is a little smaller.
  near([seasonal.score, seasonal.variance], reference.seasonal.slice(0, 2), 1e-6)
  expect(seasonal.p / (reference.seasonal[2] as number)).toBeGreaterThan(1)
  expect(seasonal.p / (reference.seasonal[2] as number)).toBeLessThan(1.1)
})

test('the slope of Theil and Sen and its interval agree with SciPy', () => {
  const { slope, intercept, low, high } = theilSen([...reference.ar.keys()], reference.ar, 0.05) ?? {}
  near([slope, intercept, low, high] as number[], reference.theilSen)
  expect(theilSen([1, 2, Number.NaN], [1, 2, 3], 0.05)).toBeUndefined()
  // A quarter of the values may be anything.
  const broken = Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? 1e6 : 2 * i))
  expect(theilSen([...broken.keys()], broken, 0.05)?.slope).toBeCloseTo(2)
})

test('the best segmentations for each number of changes are those of ruptures', () => {
  const steps = [new SegmentSums(Float64Array.from(reference.steps))]
  expect(leastSquares(steps, 'level', 5, 4).slice(1)).toEqual(reference.levels)
  const lines = [new SegmentSums(Float64Array.from(reference.lines))]
  expect(leastSquares(lines, 'line', 5, 3).slice(1)).toEqual(reference.slopes)
  const found = segmentation([Float64Array.from(reference.steps, (value) => value / 2)], {
    shortest: 5,
    floor: 0.04,
  })
  expect(found.shape).toBe('level')
  expect(found.starts).toEqual([41, 70])
})

test('the fast energy distance is the one of the definition', () => {
  const definition = (values: readonly number[], shortest: number) => {
    let best: { index: number; statistic: number } | undefined
    const mean = (pairs: readonly number[]) => pairs.reduce((a, b) => a + b, 0) / pairs.length
    for (let m = shortest; m <= values.length - shortest; m++) {
      const [x, y] = [values.slice(0, m), values.slice(m)]
      const within = (list: readonly number[]) =>
        mean(list.flatMap((a, i) => list.slice(i + 1).map((b) => Math.abs(a - b))))
      const between = mean(x.flatMap((a) => y.map((b) => Math.abs(a - b))))
      const statistic = ((x.length * y.length) / values.length) * (2 * between - within(x) - within(y))
      if (best === undefined || statistic > best.statistic) best = { index: m, statistic }
    }
    return best
  }
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 4, maxLength: 30 }),
      fc.integer({ min: 2, max: 5 }),
      (values, shortest) => {
        const slow = definition(values, shortest)
        const fast = bestSplit(Float64Array.from(values), shortest)
        expect(fast === undefined).toBe(slow === undefined)
        expect(Math.abs((fast?.statistic ?? 0) - (slow?.statistic ?? 0))).toBeLessThan(1e-6)
      },
    ),
    { numRuns: 200 },
  )
})

test('E-divisive alarms as rarely as it promises on independent values, and finds a shift and a change of spread', () => {
  const random = seededRandom(5)
  let alarms = 0
  for (let run = 0; run < 200; run++) {
    const found = eDivisive(noise(40, 0, random), { shortest: 5, alpha: 0.05, rounds: 99, random })
    if (found.length > 0) alarms++
  }
  // 5 %; 10 % is beyond its 99.9 % binomial limit.
  expect(alarms).toBeLessThanOrEqual(20)
  const shift = noise(80, 0, random).map((value, i) => value + (i >= 50 ? 3 : 0))
  expect(eDivisive(shift, { shortest: 5, random })[0]?.index).toSatisfy((i) => Math.abs(i - 50) <= 3)
  const spread = noise(200, 0, random).map((value, i) => value * (i >= 100 ? 6 : 1))
  const [change] = eDivisive(spread, { shortest: 20, random })
  expect(Math.abs((change?.index ?? 0) - 100)).toBeLessThan(20)
  expect(change?.p).toBeGreaterThan(0)
})

test('a permutation p is never zero, and counts the observed arrangement', () => {
  expect(permutationP(10, () => 1, 99)).toBe(0.01)
  expect(permutationP(1, () => 1, 99)).toBe(1)
})

test('trends are not found in dependent noise more often than promised, and are where they are', () => {
  const random = seededRandom(11)
  let plain = 0
  let corrected = 0
  let seasonal = 0
  let found = 0
  const runs = 250
  for (let run = 0; run < runs; run++) {
    const series = noise(91, 0.5, random)
    if (mannKendall(series, 'none').p < 0.05) plain++
    if (mannKendall(series).p < 0.05) corrected++
    const weekly = series.map((value, i) => value + 2 * Math.sin((2 * Math.PI * i) / 7))
    if (seasonalMannKendall(weekly, 7).p < 0.05) seasonal++
    if (seasonalMannKendall(weekly.map((value, i) => value + 0.025 * i) as Float64Array, 7).p < 0.05) found++
  }
  // Uncorrected, three times too often and more. Corrected: the correlation is estimated, so 7 to 10 %.
  expect(plain / runs).toBeGreaterThan(0.15)
  expect(corrected / runs).toBeLessThan(0.14)
  expect(seasonal / runs).toBeLessThan(0.13)
  expect(found / runs).toBeGreaterThan(0.8)
})

test('a season is found by what comes again, and not in noise, trends and shifts', () => {
  const random = seededRandom(3)
  const weekly = noise(90, 0.3, random).map(
    (value, i) => value + 2 * Math.sin((2 * Math.PI * i) / 7) + (i > 50 ? 5 : 0),
  )
  expect(seasonPeriod(weekly)).toBe(7)
  let found = 0
  for (let run = 0; run < 300; run++) {
    if (seasonPeriod(noise(150, run % 2 === 0 ? 0 : 0.6, random)) > 0) found++
  }
  expect(found / 300).toBeLessThan(0.02)
})

test('a lone spike is taken off, a shift is kept', () => {
  const series = Float64Array.from(
    { length: 40 },
    (_, i) => Math.sin(i) + (i === 10 ? 50 : 0) + (i >= 30 ? 50 : 0),
  )
  const clean = withoutSpikes(series)
  expect(Math.abs(clean[10] as number)).toBeLessThan(2)
  expect(clean.subarray(30)).toEqual(series.subarray(30))
})
