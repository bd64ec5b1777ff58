import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kthSmallest } from './kth-smallest.ts'
import { windowLocations } from './window-locations.ts'

const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ noNaN: true })), {
  minLength: 1,
  maxLength: 60,
})

test('the k-th smallest is what sorting puts there', () => {
  fc.assert(
    fc.property(values, fc.nat(), (list, at) => {
      const k = at % list.length
      const sorted = Float64Array.from(list).sort()
      // Zeros of both signs are one value.
      expect(kthSmallest(Float64Array.from(list), k) + 0).toBe((sorted[k] as number) + 0)
    }),
  )
})

test('a window that slides has the trimmed mean that it has when it is sorted anew, gaps included', () => {
  const gappy = fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(Number.NaN)), {
    minLength: 1,
    maxLength: 50,
  })
  fc.assert(
    fc.property(gappy, fc.integer({ min: 1, max: 12 }), (list, window) => {
      const found = windowLocations(Float64Array.from(list), window)
      for (let at = 0; at + window <= list.length; at++) {
        const present = list
          .slice(at, at + window)
          .filter((value) => !Number.isNaN(value))
          .sort((a, b) => a - b)
        if (present.length < Math.max(1, window / 2)) {
          expect(found[at]).toBeNaN()
          continue
        }
        const cut = Math.floor(present.length * 0.4)
        const kept = present.slice(cut, present.length - cut)
        expect(found[at]).toBeCloseTo(kept.reduce((sum, value) => sum + value, 0) / kept.length, 9)
      }
    }),
  )
})
