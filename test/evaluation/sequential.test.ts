import { expect, test } from 'vitest'
import { crossing, detection, peerCrossing, race, upperLimit } from './parts/sequential.ts'
import { watchEnds } from './parts/watch-end.ts'

for (const design of ['side-by-side', 'before-after'] as const) {
  test(`${design}: a day of looking at nothing crosses 1 / alpha as rarely as promised, on every shape of traffic`, () => {
    const shapes = ['poisson', 'bursty', 'drifting', 'troubled', 'seasonal'] as const
    const rows = shapes.flatMap((shape, s) => [
      crossing({ kind: 'rate', design, shape, rate: 10, days: 1 }, 10, 100 + s),
      crossing({ kind: 'ratio', design, shape, rate: 10, days: 1 }, 10, 200 + s),
    ])
    const worse = rows.reduce((sum, row) => sum + row.worse, 0)
    const matters = rows.reduce((sum, row) => sum + row.matters, 0)
    // 100 days at 1 %: more than 5 has a probability of 1 in 1,000.
    expect(worse).toBeLessThanOrEqual(5)
    expect(matters).toBeLessThanOrEqual(1)
  })

  test(`${design}: gauges and distributions too`, () => {
    const rows = (['poisson', 'drifting'] as const).flatMap((shape, s) => [
      crossing({ kind: 'gauge', design, shape, rate: 1, days: 1 }, 10, 300 + s),
      crossing({ kind: 'distribution', design, shape, rate: 20, days: 1 }, 3, 400 + s),
    ])
    expect(rows.reduce((sum, row) => sum + row.worse, 0)).toBeLessThanOrEqual(3)
  })

  test(`${design}: a doubling is seen soon, and the sooner the more events there are`, () => {
    expect(detection(design, 1, 2, 31, 1).median).toBeLessThan(45)
    expect(detection(design, 10, 2, 31, 2).median).toBeLessThan(5)
    expect(detection(design, 100, 2, 31, 3).median).toBeLessThan(1)
  })
}

test('a rise by a quarter at ten events a minute is seen within the hour, beside the old version and without one', () => {
  expect(detection('side-by-side', 10, 1.25, 31, 4).median).toBeLessThan(60)
  expect(detection('before-after', 10, 1.25, 31, 5).median).toBeLessThan(120)
  // More events have to help.
  expect(detection('before-after', 1000, 1.25, 31, 6).median).toBeLessThan(5)
})

test('at the end of a watch a rate that is twice as bad is hardly ever sound, and one that is unchanged mostly is', () => {
  const ends = watchEnds(12, 8)
  const mean = (of: 'unchanged' | 'doubled') =>
    ends.reduce((sum, end) => sum + end[of].sound, 0) / ends.length
  // 144 ends at 5 %: more than 15 have a probability of 1 in 1,000.
  expect(mean('doubled')).toBeLessThanOrEqual(15 / 144)
  expect(mean('unchanged')).toBeGreaterThan(0.6)
})

test('at equal crossing a large change is seen sooner than by the published methods', () => {
  const [row] = race(10, [5], { nothing: 40, changed: 21 }, 5)
  if (row === undefined) throw new Error('no race')
  expect(row.median.postflight).toBeLessThanOrEqual(row.median['mixture SPRT'])
  expect(row.median.postflight).toBeLessThanOrEqual(row.median['GrowthBook sequential'])
})

test('methods that know nothing of bursts break their promise where events come in bursts', () => {
  const { crossed } = peerCrossing('bursty', 10, 30, 6)
  expect(crossed.postflight).toBeLessThan(0.11)
  expect(crossed['mixture SPRT']).toBeGreaterThan(0.09)
})

test('upper limits are those of Clopper and Pearson', () => {
  // None of 300: 1 - 0.025^(1/300). 10 of 1000: R's binom.test(10, 1000)$conf.int[2].
  expect(upperLimit(0, 300)).toBeCloseTo(1 - 0.025 ** (1 / 300), 10)
  expect(upperLimit(10, 1000)).toBeCloseTo(0.01831349, 6)
})
