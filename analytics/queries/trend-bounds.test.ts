import { expect, it } from 'vitest'
import { trendBounds } from './trend-bounds.ts'

const none = { before: 100, interval: [null, null] as const, isRatio: true, quantiles: [] }

it('lies around the p95 of a distribution, though its verdict rests on a median that doubled', () => {
  const p95 = { quantile: 0.95, before: 0.155, after: 0.152, ratio: 0.98 }
  const p50 = { quantile: 0.5, before: 0.0098, after: 0.0213, ratio: 2.18 }
  const [low, high] = trendBounds({
    kind: 'distribution',
    before: 0.156,
    interval: [1.95, 2.43],
    isRatio: true,
    quantiles: [
      { ...p50, interval: [1.95, 2.43] },
      { ...p95, interval: [0.9, 1.1] },
    ],
  })
  expect(low).toBeCloseTo(0.1395)
  expect(high).toBeCloseTo(0.1705)
})

it('is not known where the p95 was not compared', () => {
  expect(trendBounds({ ...none, kind: 'distribution', interval: [1, 2] })).toEqual([null, null])
})

it('lies around the value before, as a factor or a difference, and is open where the interval is', () => {
  expect(trendBounds({ ...none, kind: 'gauge', interval: [0.5, 2] })).toEqual([50, 200])
  expect(trendBounds({ ...none, kind: 'rate', interval: [-1, null], isRatio: false })).toEqual([99, null])
  expect(trendBounds({ ...none, kind: 'rate', before: null, interval: [1, 2] })).toEqual([null, null])
})
