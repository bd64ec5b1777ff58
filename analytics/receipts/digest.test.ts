import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestRows } from './digest.ts'

const row = fc.record({
  measure: fc.constantFrom('a', 'b', 'c'),
  dimension: fc.uuid(),
  counts: fc.array(fc.nat()),
  sums: fc.array(fc.double({ noNaN: true, min: 0.1, max: 1e6 })),
})

describe('the digest of rows', () => {
  it('knows no order of rows', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 8 }), (rows) => {
        expect(digestRows(rows.toReversed())).toBe(digestRows(rows))
      }),
    )
  })

  it('sees one event more, one row less, and values that changed places', () => {
    const rows = [
      { measure: 'a', counts: [1, 2, 3], sums: [0.5] },
      { measure: 'b', counts: [4], sums: [] },
    ]
    const same = digestRows(rows)
    expect(digestRows([{ ...rows[0], counts: [1, 2, 4] }, rows[1] as object])).not.toBe(same)
    expect(digestRows(rows.slice(1))).not.toBe(same)
    expect(digestRows([{ ...rows[0], counts: [2, 1, 3] }, rows[1] as object])).not.toBe(same)
    // Lists are told apart from what follows them.
    expect(digestRows([{ counts: [1, 2], sums: [] }])).not.toBe(digestRows([{ counts: [1], sums: [2] }]))
  })

  it('does not see in which order a sum was added up', () => {
    const forth = 0.1 + 0.2 + 0.3
    const back = 0.3 + 0.2 + 0.1
    expect(forth).not.toBe(back)
    expect(digestRows([{ sums: [forth] }])).toBe(digestRows([{ sums: [back] }]))
    expect(digestRows([{ sums: [0.1 + 0.2 + 2.7] }])).toBe(digestRows([{ sums: [3] }]))
  })

  it('reads typed lists as lists', () => {
    const line = (numerator: readonly number[]) => [{ signal: 'a', numerator: Float64Array.from(numerator) }]
    expect(digestRows(line([1, 0.5]))).toBe(digestRows([{ signal: 'a', numerator: [1, 0.5] }]))
    expect(digestRows(line([1, 0.6]))).not.toBe(digestRows(line([1, 0.5])))
    expect(digestRows(line([0.5, 1]))).not.toBe(digestRows(line([1, 0.5])))
  })

  it('gathers more numbers than fit at once', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => i / 7)
    expect(digestRows([{ sums: many }])).not.toBe(digestRows([{ sums: [...many.slice(0, -1), 1] }]))
  })
})
