import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { seededRandom } from '../stats/random.ts'
import { thinCells } from './thin-cells.ts'

const cell = (count: number, more: Partial<Cell> = {}): Cell => ({
  time: 0,
  count,
  bad: 0,
  sum: count,
  sumSquares: count,
  min: 1,
  max: 1,
  ...more,
})
const of = (cells: Cell[]) => new Map([['m', new Map([['d', new Map([['1', cells]])]])]])
const line = (set: ReturnType<typeof thinCells>['old']) => set.get('m')?.get('d')?.get('1') ?? []

test('nothing is lost or made, and the shares are what was asked', () => {
  const cells = Array.from({ length: 400 }, (_, i) =>
    i % 2 === 0
      ? cell(50, { bad: 5 })
      : cell(3000, {
          bad: 30,
          histogram: new Map([
            [1, 2000],
            [2, 1000],
          ]),
        }),
  )
  const { old, fresh } = thinCells(of(cells), 0.1, seededRandom(3))
  const total = (list: readonly Cell[], of: (cell: Cell) => number) =>
    list.reduce((sum, one) => sum + of(one), 0)
  for (const part of [(c: Cell) => c.count, (c: Cell) => c.bad, (c: Cell) => c.histogram?.get(2) ?? 0]) {
    expect(total(line(old), part) + total(line(fresh), part)).toBe(total(cells, part))
    expect(total(line(fresh), part) / total(cells, part)).toBeCloseTo(0.1, 1)
  }
  expect(line(fresh).every((one) => one.bad <= one.count)).toBe(true)
})
