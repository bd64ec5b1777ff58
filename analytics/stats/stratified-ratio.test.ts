import { expect, test } from 'vitest'
import { stratifiedRatio } from './stratified-ratio.ts'

const of = (...values: number[]): Float64Array => Float64Array.from(values)

test('deaths of British doctors, smokers against others by age: the published rate ratio and its error', () => {
  // Doll and Hill (1966), person-years as in Breslow and Day (1987); Stata's manual of `poisson` has 1.425519 with a standard error of 0.1530638.
  const { estimate, expected, after, before } = stratifiedRatio({
    after: of(32, 104, 206, 186, 102),
    before: of(2, 12, 28, 28, 31),
    exposureAfter: of(52_407, 43_248, 28_612, 12_663, 5_317),
    exposureBefore: of(18_790, 10_673, 5_710, 2_585, 1_462),
  })
  expect(Math.exp(estimate)).toBeCloseTo(1.425519, 5)
  expect(Math.exp(estimate) / Math.sqrt(expected(estimate).information)).toBeCloseTo(0.1530638, 5)
  expect(expected(estimate).after).toBeCloseTo(after / (after + before), 12)
  // The sums alone say 1.72, since smokers were younger.
  expect(630 / 142_247 / (101 / 39_220)).toBeCloseTo(1.72, 2)
})

test('where the arms share all strata alike it is the ratio of the sums, and arms that change places turn it round', () => {
  const strata = {
    after: of(3, 40, 5, 0),
    before: of(5, 81, 14, 1),
    exposureAfter: of(20, 40, 10, 2),
    exposureBefore: of(60, 120, 30, 6),
  }
  const { estimate, expected } = stratifiedRatio(strata)
  expect(Math.exp(estimate)).toBeCloseTo((3 * 48) / 101, 10)
  expect(1 / expected(estimate).information).toBeCloseTo(1 / 48 + 1 / 101, 10)
  const { after, before, exposureAfter, exposureBefore } = strata
  const turned = {
    after: before,
    before: after,
    exposureAfter: exposureBefore,
    exposureBefore: exposureAfter,
  }
  expect(stratifiedRatio(turned).estimate).toBeCloseTo(-estimate, 10)
})

test('what moves both arms of a stratum alike moves no estimate, also where their shares differ', () => {
  const level = [1, 1, 20, 1]
  const exposureAfter = of(10, 50, 100, 190)
  const exposureBefore = of(190, 150, 100, 10)
  const at = (exposure: Float64Array, rate: number): Float64Array =>
    exposure.map((value, i) => value * rate * (level[i] as number))
  const strata = {
    after: at(exposureAfter, 0.3),
    before: at(exposureBefore, 0.2),
    exposureAfter,
    exposureBefore,
  }
  expect(Math.exp(stratifiedRatio(strata).estimate)).toBeCloseTo(1.5, 10)
})

test('residuals are those of an estimate without the stratum, and those of equal rates are none', () => {
  const minutes = Array.from({ length: 20 }, (_, i) => i)
  const strata = {
    // The fourth minute has a fifth of all that is told.
    after: Float64Array.from(minutes, (i) => (i === 3 ? 30 : 4 + (i % 3))),
    before: Float64Array.from(minutes, (i) => (i === 3 ? 20 : 6 + (i % 2))),
    exposureAfter: Float64Array.from(minutes, () => 10),
    exposureBefore: Float64Array.from(minutes, () => 12),
  }
  const { residuals } = stratifiedRatio(strata)
  const without = (values: Float64Array): Float64Array => values.filter((_, i) => i !== 3)
  const others = stratifiedRatio({
    after: without(strata.after),
    before: without(strata.before),
    exposureAfter: without(strata.exposureAfter),
    exposureBefore: without(strata.exposureBefore),
  })
  const left = 30 - 50 * others.expected(others.estimate).after
  expect((residuals[3] as number) / left).toBeCloseTo(1, 1)
  const even = { ...strata, after: strata.exposureAfter, before: strata.exposureBefore }
  for (const residual of stratifiedRatio(even).residuals) expect(residual).toBeCloseTo(0, 9)
})
