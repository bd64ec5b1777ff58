import fc from 'fast-check'
import { expect, test } from 'vitest'
import { benjaminiHochberg } from './benjamini-hochberg.ts'
import { eBenjaminiHochberg } from './e-benjamini-hochberg.ts'
import { hierarchicalFdr } from './hierarchical-fdr.ts'

const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 })

test('e-BH on 1 / p rejects what Benjamini-Hochberg rejects', () => {
  fc.assert(
    fc.property(pValues, (list) => {
      const positive = list.map((p) => Math.max(p, 1e-12))
      const byE = eBenjaminiHochberg(positive.map((p) => 1 / p))
      benjaminiHochberg(positive).forEach((p, i) => {
        expect(byE[i]).toBeCloseTo(Math.min(1, p), 9)
      })
    }),
  )
})

test('one group is plain Benjamini-Hochberg; further quiet groups never add discoveries', () => {
  fc.assert(
    fc.property(pValues, (list) => {
      const alone = hierarchicalFdr([list], 0.05)[0] ?? []
      benjaminiHochberg(list).forEach((p, i) => {
        expect(alone[i]?.discovery).toBe(p <= 0.05)
      })
      const among = hierarchicalFdr([list, [1], [0.9, 1]], 0.05)[0] ?? []
      among.forEach((result, i) => {
        if (result.discovery) expect(alone[i]?.discovery).toBe(true)
      })
    }),
  )
})
