import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { benjaminiHochberg, benjaminiYekutieli } from './benjamini-hochberg.ts'
import { conditionalInterval, conditionalMidP } from './conditional-binomial.ts'
import { logGamma } from './gamma.ts'
import { probabilityLarger, wasserstein } from './histogram-line.ts'
import { holm } from './holm.ts'
import { incompleteBeta } from './incomplete-beta.ts'
import { incompleteGamma } from './incomplete-gamma.ts'
import { bartlett } from './long-run-variance.ts'
import { differenceInterval, differenceScore, ratioScore } from './miettinen-nurminen.ts'
import { normalUpperQuantile, normalUpperTail } from './normal.ts'
import { studentUpperQuantile, studentUpperTail } from './student-t.ts'

type Numbers = readonly (readonly number[])[]
type Reference = Readonly<
  Record<
    | 'beta'
    | 'gamma'
    | 'logGamma'
    | 'normalTail'
    | 'normalQuantile'
    | 'student'
    | 'studentQuantile'
    | 'midP'
    | 'miettinenNurminen'
    | 'miettinenNurminenDifference',
    Numbers
  > &
    Record<'pValues' | 'benjaminiHochberg' | 'benjaminiYekutieli' | 'holm' | 'series', readonly number[]> &
    Record<'wasserstein' | 'mannWhitney' | 'neweyWest', number>
>

const reference = JSON.parse(
  readFileSync(new URL('../../test/evaluation/reference/distributions.json', import.meta.url), 'utf8'),
) as Reference

function close(actual: number, expected: number, relative: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.abs(expected))
}

const at = (row: readonly number[], i: number): number => row[i] as number

test('the incomplete beta and gamma functions keep their digits in far tails', () => {
  for (const row of reference.beta)
    close(incompleteBeta(at(row, 0), at(row, 1), at(row, 2)), at(row, 3), 1e-11)
  for (const row of reference.gamma) close(incompleteGamma(at(row, 0), at(row, 1)).upper, at(row, 2), 1e-12)
  for (const row of reference.logGamma) close(logGamma(at(row, 0)), at(row, 1), 1e-13)
})

test('normal and Student tails agree with SciPy down to 1e-300, and their quantiles invert them', () => {
  for (const row of reference.normalTail) close(normalUpperTail(at(row, 0)), at(row, 1), 1e-12)
  for (const row of reference.normalQuantile) close(normalUpperQuantile(at(row, 0)), at(row, 1), 1e-12)
  for (const row of reference.student) close(studentUpperTail(at(row, 0), at(row, 1)), at(row, 2), 1e-12)
  for (const row of reference.studentQuantile)
    close(studentUpperQuantile(at(row, 0), at(row, 1)), at(row, 2), 1e-11)
})

test('the conditional test of two rates is the binomial mid-p, and its interval inverts it', () => {
  for (const row of reference.midP) {
    const arms = {
      after: at(row, 0),
      before: at(row, 1),
      exposureAfter: at(row, 2),
      exposureBefore: at(row, 3),
    }
    close(conditionalMidP(arms).upper, at(row, 4), 1e-10)
    const [low, high] = conditionalInterval(arms, 0.025)
    close(conditionalMidP(arms, low).upper, 0.025, 1e-6)
    if (arms.before > 0) close(conditionalMidP(arms, high).lower, 0.025, 1e-6)
    else expect(high).toBe(Number.POSITIVE_INFINITY)
  }
})

test('the score of Miettinen and Nurminen agrees with statsmodels', () => {
  for (const row of reference.miettinenNurminen) {
    const arms = { badAfter: at(row, 0), allAfter: at(row, 1), badBefore: at(row, 2), allBefore: at(row, 3) }
    close(ratioScore(arms, at(row, 5)), at(row, 4), 1e-9)
  }
  for (const row of reference.miettinenNurminenDifference) {
    const arms = { badAfter: at(row, 0), allAfter: at(row, 1), badBefore: at(row, 2), allBefore: at(row, 3) }
    close(differenceScore(arms, at(row, 5)), at(row, 4), 1e-6)
    const [low, high] = differenceInterval(arms, normalUpperQuantile(0.025))
    close(differenceScore(arms, low), normalUpperQuantile(0.025), 1e-6)
    close(differenceScore(arms, high), -normalUpperQuantile(0.025), 1e-6)
  }
})

test('adjusted p-values agree with statsmodels', () => {
  const pairs = [
    [benjaminiHochberg, reference.benjaminiHochberg],
    [benjaminiYekutieli, reference.benjaminiYekutieli],
    [
      (list: readonly number[]) =>
        holm(
          list.map((p) => ({ p })),
          0.05,
        ),
      reference.holm,
    ],
  ] as const
  for (const [adjust, expected] of pairs) {
    for (const [i, p] of adjust(reference.pValues).entries()) close(p, at(expected, i), 1e-12)
  }
})

test('distances of histograms agree with SciPy', () => {
  const a = { lowest: 1, counts: Float64Array.of(3, 1, 0, 2), total: 6 }
  const b = { lowest: 1, counts: Float64Array.of(1, 1, 4, 2), total: 8 }
  close(wasserstein(a, b), reference.wasserstein, 1e-12)
  close(probabilityLarger(a, b), reference.mannWhitney, 1e-12)
})

test('the Bartlett sum is that of Newey and West', () => {
  const mean = reference.series.reduce((x, y) => x + y, 0) / reference.series.length
  close(
    bartlett(
      Float64Array.from(reference.series, (x) => x - mean),
      2,
    ),
    reference.neweyWest,
    1e-9,
  )
})
