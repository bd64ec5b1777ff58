import type { Cell } from '../../schemas/cell.ts'

/** Adds up cells of the same time, of one series or several. @returns oldest first */
export function mergeCells(series: readonly (readonly Cell[])[]): readonly Cell[] {
  const byTime = new Map<number, Cell>()
  for (const cells of series) {
    for (const cell of cells) {
      const known = byTime.get(cell.time)
      byTime.set(cell.time, known === undefined ? cell : addCells(known, cell))
    }
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time)
}

/** The cell of both together, at the time of the first. */
export function addCells(a: Cell, b: Cell): Cell {
  const sum = {
    time: a.time,
    count: a.count + b.count,
    bad: a.bad + b.bad,
    sum: a.sum + b.sum,
    sumSquares: a.sumSquares + b.sumSquares,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  }
  if (a.histogram === undefined && b.histogram === undefined) return sum
  const histogram = new Map(a.histogram ?? [])
  for (const [bucket, count] of b.histogram ?? []) histogram.set(bucket, (histogram.get(bucket) ?? 0) + count)
  return { ...sum, histogram }
}

/** One cell of all; undefined for none. */
export function totalCell(cells: readonly Cell[]): Cell | undefined {
  const first = cells[0]
  if (first === undefined) return undefined
  const histogram = new Map<number, number>()
  let count = 0
  let bad = 0
  let sum = 0
  let sumSquares = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const cell of cells) {
    count += cell.count
    bad += cell.bad
    sum += cell.sum
    sumSquares += cell.sumSquares
    if (cell.min < min) min = cell.min
    if (cell.max > max) max = cell.max
    if (cell.histogram !== undefined) {
      for (const [bucket, n] of cell.histogram) histogram.set(bucket, (histogram.get(bucket) ?? 0) + n)
    }
  }
  const total = { time: first.time, count, bad, sum, sumSquares, min, max }
  return histogram.size === 0 ? total : { ...total, histogram }
}
