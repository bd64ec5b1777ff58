import type { Cell } from '../../schemas/cell.ts'
import { totalCell } from '../queries/merge-cells.ts'

export interface MixSplit {
  /** Overall value after minus before. */
  readonly total: number
  /** From the dimensions themselves. */
  readonly rate: number
  /** From traffic that moved between dimensions. */
  readonly mix: number
}

/**
 * Splits an overall change (Kitagawa 1955): the dimensions' own changes weighed by their mean shares, and the moved shares
 * weighed by their mean values. A dimension on one side only is mix: it has no change of its own.
 * @param value what is split: bad by count, sum by count ...
 * @returns undefined where a side has no events
 */
export function splitMix(
  before: ReadonlyMap<string, readonly Cell[]>,
  after: ReadonlyMap<string, readonly Cell[]>,
  value: (cell: Cell) => number,
): MixSplit | undefined {
  const totals = { before: totalsOf(before), after: totalsOf(after) }
  if (totals.before.count === 0 || totals.after.count === 0) return undefined
  let rate = 0
  let mix = 0
  for (const dimension of new Set([...totals.before.cells.keys(), ...totals.after.cells.keys()])) {
    const earlier = totals.before.cells.get(dimension)
    const later = totals.after.cells.get(dimension)
    const shares = {
      before: (earlier?.count ?? 0) / totals.before.count,
      after: (later?.count ?? 0) / totals.after.count,
    }
    const known = earlier ?? later
    if (known === undefined) continue
    const values = { before: value(earlier ?? known), after: value(later ?? known) }
    rate += ((shares.before + shares.after) / 2) * (values.after - values.before)
    mix += ((values.before + values.after) / 2) * (shares.after - shares.before)
  }
  return { total: rate + mix, rate, mix }
}

function totalsOf(lines: ReadonlyMap<string, readonly Cell[]>) {
  const cells = new Map<string, Cell>()
  let count = 0
  for (const [dimension, line] of lines) {
    const total = totalCell(line)
    if (total === undefined || total.count === 0) continue
    cells.set(dimension, total)
    count += total.count
  }
  return { cells, count }
}

/** A dimension's weight is bounded, so that one that nearly vanished does not speak for many. */
const LARGEST_WEIGHT = 10

/**
 * The service as a whole with the traffic mix of before: each dimension's cells weighed by its share before over its share after
 * (direct standardisation), the whole scaled to the events that there were. New dimensions have no weight.
 */
export function standardised(
  before: ReadonlyMap<string, readonly Cell[]>,
  after: ReadonlyMap<string, readonly Cell[]>,
): readonly Cell[] {
  const counts = (lines: ReadonlyMap<string, readonly Cell[]>) =>
    new Map([...lines].map(([dimension, cells]) => [dimension, cells.reduce((sum, c) => sum + c.count, 0)]))
  const earlier = counts(before)
  const later = counts(after)
  const totalBefore = sumOf(earlier.values())
  const totalAfter = sumOf(later.values())
  if (totalBefore === 0 || totalAfter === 0) return []
  const weights = new Map<string, number>()
  let weighted = 0
  for (const [dimension, count] of later) {
    if (count === 0) continue
    const share = (earlier.get(dimension) ?? 0) / totalBefore
    const weight = Math.min(LARGEST_WEIGHT, share / (count / totalAfter))
    weights.set(dimension, weight)
    weighted += weight * count
  }
  if (weighted === 0) return []
  const scale = totalAfter / weighted
  const byTime = new Map<number, Weighed>()
  for (const [dimension, cells] of after) {
    const weight = (weights.get(dimension) ?? 0) * scale
    if (weight === 0) continue
    for (const cell of cells) addWeighed(byTime, cell, weight)
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time)
}

interface Weighed extends Cell {
  time: number
  count: number
  bad: number
  sum: number
  sumSquares: number
  min: number
  max: number
  histogram: Map<number, number>
}

function addWeighed(byTime: Map<number, Weighed>, cell: Cell, weight: number): void {
  let sum = byTime.get(cell.time)
  if (sum === undefined) {
    sum = {
      time: cell.time,
      count: 0,
      bad: 0,
      sum: 0,
      sumSquares: 0,
      min: cell.min,
      max: cell.max,
      histogram: new Map(),
    }
    byTime.set(cell.time, sum)
  }
  sum.count += cell.count * weight
  sum.bad += cell.bad * weight
  sum.sum += cell.sum * weight
  sum.sumSquares += cell.sumSquares * weight
  sum.min = Math.min(sum.min, cell.min)
  sum.max = Math.max(sum.max, cell.max)
  for (const [bucket, count] of cell.histogram ?? []) {
    sum.histogram.set(bucket, (sum.histogram.get(bucket) ?? 0) + count * weight)
  }
}

function sumOf(values: Iterable<number>): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}
