import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { countsOf, mergeCells, mergeCounts, totalCell } from './merge-cells.ts'

const cells: fc.Arbitrary<Cell[]> = fc.array(
  fc
    .record({
      minute: fc.integer({ min: 0, max: 5 }),
      values: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
    })
    .map(({ minute, values }) => ({
      time: minute * 60,
      count: values.length,
      bad: values.filter((value) => value > 5).length,
      sum: values.reduce((a, b) => a + b, 0),
      sumSquares: values.reduce((a, b) => a + b * b, 0),
      min: Math.min(...values),
      max: Math.max(...values),
      histogram: new Map(values.map((value) => [value, values.filter((other) => other === value).length])),
    })),
)

/** Maps compare by order of insertion otherwise. */
const plain = (cell: Cell | undefined) =>
  cell === undefined
    ? undefined
    : { ...cell, histogram: [...(cell.histogram ?? [])].sort(([a], [b]) => a - b) }

describe('merged cells', () => {
  it('are the same in whatever order and grouping they come, and leave their parts as they were', () => {
    fc.assert(
      fc.property(cells, cells, (a, b) => {
        const parts = JSON.stringify([a, b].map((list) => list.map(plain)))
        const whole = mergeCells([a, b])
        expect(mergeCells([mergeCells([b]), [...a].reverse()]).map(plain)).toEqual(whole.map(plain))
        expect(whole.map((cell) => cell.time)).toEqual(
          [...new Set([...a, ...b].map((cell) => cell.time))].sort((x, y) => x - y),
        )
        expect({ ...plain(totalCell(whole)), time: 0 }).toEqual({
          ...plain(totalCell([...a, ...b])),
          time: 0,
        })
        expect(JSON.stringify([a, b].map((list) => list.map(plain)))).toBe(parts)
      }),
    )
  })

  it('are the same without histograms, whether those are left out before or after', () => {
    fc.assert(
      fc.property(cells, cells, (a, b) => {
        expect(mergeCounts([a, b])).toEqual(mergeCells([a, b]).map(countsOf))
      }),
    )
  })
})
