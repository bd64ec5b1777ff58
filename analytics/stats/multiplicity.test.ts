import fc from 'fast-check'
import { expect, test } from 'vitest'
import { benjaminiHochberg } from './benjamini-hochberg.ts'
import { eBenjaminiHochberg } from './e-benjamini-hochberg.ts'
import { hierarchicalFdr } from './hierarchical-fdr.ts'
import { holm } from './holm.ts'

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

test('weighted Holm with weights alike is Holm, and series that cannot be rejected cost the others nothing', () => {
  fc.assert(
    fc.property(pValues, (list) => {
      const plain = holm(
        list.map((p) => ({ p })),
        0.01,
      )
      const order = [...list].sort((a, b) => a - b)
      const first = Math.min(1, (order[0] as number) * list.length)
      expect(Math.min(...plain)).toBeCloseTo(first, 9)
      const among = holm([...list.map((p) => ({ p })), { p: 0.4, attainable: 0.3 }], 0.01)
      expect(among.slice(0, list.length)).toEqual(plain)
      expect(among.at(-1)).toBe(1)
      const heavy = holm(
        list.map((p) => ({ p, weight: 3 })),
        0.01,
      )
      heavy.forEach((p, i) => {
        expect(p).toBeCloseTo(plain[i] as number, 9)
      })
    }),
  )
})

test('weights share the error: the sum of what each may err by is alpha', () => {
  expect(
    holm(
      [
        { p: 0.006, weight: 2 },
        { p: 0.9, weight: 1 },
        { p: 0.9, weight: 0.5 },
      ],
      0.01,
    )[0],
  ).toBeCloseTo((0.006 / 2) * 3.5, 12)
})
