import type { Cell } from '../../schemas/cell.ts'

/** Adds up cells of the same time, of one series or several. @returns oldest first */
export function mergeCells(series: readonly (readonly Cell[])[]): readonly Cell[] {
  const [only] = series
  if (series.length === 1 && only !== undefined && ascends(only)) return only
  // Only times that several cells share are copied, and each of them once.
  const byTime = new Map<number, Cell>()
  const own = new Map<number, Sum>()
  for (const cells of series) {
    for (const cell of cells) {
      const known = byTime.get(cell.time)
      if (known === undefined) {
        byTime.set(cell.time, cell)
        continue
      }
      let sum = own.get(cell.time)
      if (sum === undefined) {
        sum = sumOf(known)
        own.set(cell.time, sum)
        byTime.set(cell.time, sum)
      }
      addTo(sum, cell)
    }
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time)
}

/** The same without histograms: to add those up costs more than all else, and a rate, a ratio or a mean has no use for them. @returns oldest first */
export function mergeCounts(series: readonly (readonly Cell[])[]): readonly Cell[] {
  const byTime = new Map<number, Sum>()
  for (const cells of series) {
    for (const cell of cells) {
      const known = byTime.get(cell.time)
      if (known === undefined) byTime.set(cell.time, countsOf(cell))
      else addCounts(known, cell)
    }
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time)
}

/** A cell without its histogram. */
export function countsOf({ time, count, bad, sum, sumSquares, min, max, sumLogs }: Cell): Sum {
  const counts = { time, count, bad, sum, sumSquares, min, max }
  return sumLogs === undefined ? counts : { ...counts, sumLogs }
}

/** Every time once, oldest first, as the store gives a series. */
function ascends(cells: readonly Cell[]): boolean {
  for (let i = 1; i < cells.length; i++) {
    if ((cells[i] as Cell).time <= (cells[i - 1] as Cell).time) return false
  }
  return true
}

type Sum = { -readonly [Key in keyof Omit<Cell, 'histogram'>]: Cell[Key] } & {
  histogram?: Map<number, number>
}

function sumOf(cell: Cell): Sum {
  const counts = countsOf(cell)
  return cell.histogram === undefined ? counts : { ...counts, histogram: new Map(cell.histogram) }
}

function addTo(sum: Sum, cell: Cell): void {
  addCounts(sum, cell)
  if (cell.histogram === undefined) return
  sum.histogram ??= new Map()
  const { histogram } = sum
  cell.histogram.forEach((count, bucket) => {
    histogram.set(bucket, (histogram.get(bucket) ?? 0) + count)
  })
}

function addCounts(sum: Sum, cell: Cell): void {
  sum.count += cell.count
  sum.bad += cell.bad
  sum.sum += cell.sum
  sum.sumSquares += cell.sumSquares
  if (cell.min < sum.min) sum.min = cell.min
  if (cell.max > sum.max) sum.max = cell.max
  if (cell.sumLogs !== undefined) sum.sumLogs = (sum.sumLogs ?? 0) + cell.sumLogs
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
