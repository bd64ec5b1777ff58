import { expect, test } from 'vitest'
import { seededRandom } from './random.ts'
import { fitStudentMixture, mixtureUpperQuantile, mixtureUpperTail } from './student-mixture.ts'
import { studentUpperQuantile } from './student-t.ts'

/** Absolute values of Student's t by inversion. */
function sample(count: number, degrees: number, scale: number): Float64Array {
  const random = seededRandom(count + degrees)
  return Float64Array.from({ length: count }, () => scale * studentUpperQuantile((1 - random()) / 2, degrees))
}

test.each([
  [3.5, 1],
  [12, 0.7],
  [2, 1.4],
])('many placebos show the tail of their distribution (%d degrees, scale %d)', (degrees, scale) => {
  const mixture = fitStudentMixture(sample(4000, degrees, scale), 1, 1)
  for (const p of [0.1, 0.01, 0.001]) {
    const t = scale * studentUpperQuantile(p, degrees)
    expect(mixtureUpperTail(t, mixture) / p).toBeGreaterThan(0.5)
    expect(mixtureUpperTail(t, mixture) / p).toBeLessThan(2.5)
  }
})

test('few placebos claim less than many, and overlapping ones count for fewer', () => {
  const sizes = sample(2000, 5, 1)
  const few = fitStudentMixture(sizes.subarray(0, 10), 1, 1)
  const many = fitStudentMixture(sizes, 1, 1)
  const overlapping = fitStudentMixture(sizes, 200, 1)
  expect(mixtureUpperTail(6, few)).toBeGreaterThan(mixtureUpperTail(6, many))
  expect(mixtureUpperTail(6, overlapping)).toBeGreaterThan(mixtureUpperTail(6, many))
})

test('the quantile is the inverse of the tail', () => {
  const mixture = fitStudentMixture(sample(100, 5, 1), 1, 1)
  for (const p of [0.4, 0.05, 0.005, 1e-5]) {
    expect(mixtureUpperTail(mixtureUpperQuantile(p, mixture), mixture)).toBeCloseTo(p, 8)
  }
})
