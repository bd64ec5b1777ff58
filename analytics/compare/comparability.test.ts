import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { chiSquareUpperTail, homogeneity } from '../stats/chi-square.ts'
import { poissonDraw } from '../stats/poisson-draw.ts'
import { seededRandom } from '../stats/random.ts'
import { differentMix, MISMATCH, movingShare, sampleRatio } from './comparability.ts'

const cell = (time: number, count: number): Cell => ({
  time,
  count,
  bad: 0,
  sum: 0,
  sumSquares: 0,
  min: 0,
  max: 0,
})

/** So many in one minute, so that there is nothing but the counts. */
const once = (count: number): Cell[] => [cell(0, count)]

test('the ratio of the textbook is a mismatch, and the same shares of a hundredth of the users are none', () => {
  // Kohavi, Tang, Xu (2020), chapter 3: 821,588 users in control, 815,482 in treatment, designed 50/50: p = 1.8e-6.
  const book = sampleRatio(once(821_588), once(815_482), 0.5, 60)
  expect(book?.p).toBeGreaterThan(1.75e-6)
  expect(book?.p).toBeLessThan(1.85e-6)
  expect(book?.share).toBeCloseTo(0.49814, 5)
  expect(sampleRatio(once(8216), once(8155), 0.5, 60)?.p).toBeGreaterThan(0.5)
})

test('chi-squared tails and homogeneity are those of the tables', () => {
  // Critical values of any table: 3.841 (1 degree, 5 %), 10.828 (1, 0.1 %), 11.070 (5, 5 %).
  expect(chiSquareUpperTail(3.841, 1)).toBeCloseTo(0.05, 4)
  expect(chiSquareUpperTail(10.828, 1)).toBeCloseTo(0.001, 5)
  expect(chiSquareUpperTail(11.07, 5)).toBeCloseTo(0.05, 4)
  // Agresti (2007), table 2.5: gender by party, 762 327 468 and 484 239 477: 30.07 with 2 degrees.
  const { statistic, degrees } = homogeneity([
    [762, 484],
    [327, 239],
    [468, 477],
  ])
  expect(statistic).toBeCloseTo(30.07, 2)
  expect(degrees).toBe(2)
})

/** Requests of two versions a minute: `lost` of the new one's after `from`; `batch`: requests that go together. */
function traffic(random: () => number, minutes: number, share: number, batch: number, lost: number) {
  const old: Cell[] = []
  const fresh: Cell[] = []
  for (let i = 0; i < minutes; i++) {
    old.push(cell(60 * i, batch * poissonDraw((200 / batch) * (1 - share), random)))
    fresh.push(
      cell(60 * i, batch * poissonDraw((200 / batch) * share * (i >= minutes / 2 ? 1 - lost : 1), random)),
    )
  }
  return { old, fresh }
}

test('a simulated canary is a mismatch where requests are lost, and hardly ever by chance, also where requests come in batches', () => {
  const random = seededRandom(3)
  const called = (batch: number, lost: number): number => {
    let count = 0
    for (let i = 0; i < 300; i++) {
      const { old, fresh } = traffic(random, 120, 0.1, batch, lost)
      const ratio = sampleRatio(old, fresh, 0.1, 60)
      if (ratio !== undefined && (ratio.p < MISMATCH || ratio.spans.length > 0)) count += 1
    }
    return count
  }
  // At 0.1 % (twice, with the spans) four of 300 are seen in less than one of 500 such sets.
  expect(called(1, 0)).toBeLessThanOrEqual(3)
  expect(called(5, 0)).toBeLessThanOrEqual(4)
  // A fifth of 10 % of 24,000 requests, lost in the second hour.
  expect(called(1, 0.2)).toBeGreaterThan(270)
})

test('a share that is turned up is told from one that holds', () => {
  const random = seededRandom(4)
  const steady = traffic(random, 120, 0.2, 1, 0)
  expect(movingShare(steady.old, steady.fresh, 60)).toBeUndefined()
  const early = traffic(random, 60, 0.1, 1, 0)
  const late = traffic(random, 60, 0.5, 1, 0)
  const shifted = (cells: readonly Cell[]) => cells.map((one) => ({ ...one, time: one.time + 3600 }))
  const moved = movingShare(
    [...early.old, ...shifted(late.old)],
    [...early.fresh, ...shifted(late.fresh)],
    60,
  )
  expect(moved?.lowest).toBeCloseTo(0.1, 1)
  expect(moved?.highest).toBeCloseTo(0.5, 1)
})

test('another mix of routes is named, chance is not, nor what matters to nobody', () => {
  const mix = differentMix(
    new Map([
      ['GET /a', [800, 300]],
      ['POST /b', [200, 200]],
    ]),
  )
  expect(mix).toMatchObject({ name: 'GET /a', old: 0.8, fresh: 0.6 })
  expect(mix?.distance).toBeCloseTo(0.2, 10)
  expect(
    differentMix(
      new Map([
        ['GET /a', [80, 70]],
        ['POST /b', [20, 30]],
      ]),
    ),
  ).toBeUndefined()
  expect(
    differentMix(
      new Map([
        ['GET /a', [80_000, 77_000]],
        ['POST /b', [20_000, 23_000]],
      ]),
    ),
  ).toBeUndefined()
})
