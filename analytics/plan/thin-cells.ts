import type { Cell } from '../../schemas/cell.ts'
import { type CellSet, type MutableSeriesSet, putSeries } from '../queries/series-set.ts'
import { binomialDraw } from '../stats/binomial-draw.ts'

/**
 * Splits real traffic at random into two arms, as a canary would: each event goes to the new arm with probability `share`. What minutes have in common stays
 * in common, and counts keep their bursts.
 * @param share 0 to 1
 * @param random uniform, seeded by the caller
 */
export function thinCells(
  set: CellSet,
  share: number,
  random: () => number,
): { readonly old: CellSet; readonly fresh: CellSet } {
  const fresh: MutableSeriesSet<readonly Cell[]> = new Map()
  const old: MutableSeriesSet<readonly Cell[]> = new Map()
  for (const [measure, dimensions] of set) {
    for (const [dimension, versions] of dimensions) {
      for (const [version, cells] of versions) {
        const at = { measure, dimension, version }
        const parts = cells.map((cell) => split(cell, share, random))
        putSeries(
          fresh,
          at,
          parts.map(([part]) => part),
        )
        putSeries(
          old,
          at,
          parts.map(([, part]) => part),
        )
      }
    }
  }
  return { old, fresh }
}

function split(cell: Cell, share: number, random: () => number): [Cell, Cell] {
  const { histogram, ...rest } = cell
  if (histogram === undefined) {
    const bad = binomialDraw(cell.bad, share, random)
    const count = bad + binomialDraw(Math.max(0, cell.count - cell.bad), share, random)
    return [portion(rest, count, bad), portion(rest, cell.count - count, cell.bad - bad)]
  }
  const taken = new Map<number, number>()
  const left = new Map<number, number>()
  let count = 0
  for (const [bucket, n] of histogram) {
    const mine = binomialDraw(n, share, random)
    count += mine
    if (mine > 0) taken.set(bucket, mine)
    if (n > mine) left.set(bucket, n - mine)
  }
  // The histogram may have been read over a shorter window than the counts.
  const bad = Math.min(count, binomialDraw(cell.bad, share, random))
  return [
    { ...portion(rest, count, bad), histogram: taken },
    { ...portion(rest, Math.max(0, cell.count - count), cell.bad - bad), histogram: left },
  ]
}

/** Sums go with the counts: the mean of a minute is what both parts share. */
function portion(cell: Omit<Cell, 'histogram'>, count: number, bad: number): Cell {
  const part = cell.count === 0 ? 0 : count / cell.count
  return { ...cell, count, bad, sum: cell.sum * part, sumSquares: cell.sumSquares * part }
}
