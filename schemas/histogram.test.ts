import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bucketOf,
  bucketUpperBound,
  bucketValue,
  histogramQuantile,
  mergeHistogram,
  RELATIVE_ERROR,
  ZERO_BUCKET,
} from './histogram.ts'

const positive = fc.double({ min: 1e-9, max: 1e12, noNaN: true })

function histogramOf(values: readonly number[]): Map<number, number> {
  const histogram = new Map<number, number>()
  for (const value of values) mergeHistogram(histogram, new Map([[bucketOf(value), 1]]))
  return histogram
}

describe('the log-spaced histogram', () => {
  it('reads every value back within the stated relative error', () => {
    fc.assert(
      fc.property(positive, (value) => {
        const read = bucketValue(bucketOf(value))
        expect(Math.abs(read - value) / value).toBeLessThanOrEqual(RELATIVE_ERROR + 1e-9)
      }),
    )
  })

  it('holds a value between the bounds of its bucket', () => {
    fc.assert(
      fc.property(positive, (value) => {
        const index = bucketOf(value)
        expect(value).toBeLessThanOrEqual(bucketUpperBound(index) * (1 + 1e-9))
        expect(value).toBeGreaterThan(bucketUpperBound(index - 1) * (1 - 1e-9))
      }),
    )
  })

  it('puts zero and negative values in one bucket that reads as 0', () => {
    expect(bucketOf(0)).toBe(ZERO_BUCKET)
    expect(bucketOf(-3)).toBe(ZERO_BUCKET)
    expect(bucketValue(ZERO_BUCKET)).toBe(0)
  })

  it('merges in any order to the same histogram', () => {
    fc.assert(
      fc.property(fc.array(positive), fc.array(positive), (left, right) => {
        const one = histogramOf(left)
        mergeHistogram(one, histogramOf(right))
        const other = histogramOf(right)
        mergeHistogram(other, histogramOf(left))
        expect([...one].sort()).toEqual([...other].sort())
      }),
    )
  })

  it('gives quantiles within the relative error of the nearest-rank sample quantile', () => {
    fc.assert(
      fc.property(
        fc.array(positive, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const sorted = [...values].sort((a, b) => a - b)
          const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN
          const read = histogramQuantile(histogramOf(values), q) ?? Number.NaN
          expect(Math.abs(read - exact) / exact).toBeLessThanOrEqual(RELATIVE_ERROR + 1e-9)
        },
      ),
    )
  })

  it('has no quantile where there are no values', () => {
    expect(histogramQuantile(new Map(), 0.5)).toBeUndefined()
  })
})
