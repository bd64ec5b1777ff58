import type { Cell } from '../../schemas/cell.ts'

/** Two sums a minute on one time line, gaps as zeros, oldest first. */
export interface Aligned {
  readonly numerator: Float64Array
  readonly denominator: Float64Array
  /** Time of the first entry, seconds. */
  readonly start: number
  readonly step: number
}

/**
 * Lays cells out on the minutes from the first to the last cell that has a denominator. Cells of one minute (shards,
 * instances, unmerged parts) add up, in any order.
 * @param numerators cells and what to take of each
 * @param denominators likewise; they decide how far the time line reaches
 * @returns undefined without any denominator
 */
export function align(
  numerators: { readonly cells: readonly Cell[]; readonly take: (cell: Cell) => number },
  denominators: { readonly cells: readonly Cell[]; readonly take: (cell: Cell) => number },
  step: number,
): Aligned | undefined {
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const cell of denominators.cells) {
    if (denominators.take(cell) === 0) continue
    if (cell.time < first) first = cell.time
    if (cell.time > last) last = cell.time
  }
  if (first > last) return undefined
  const start = Math.floor(first / step) * step
  const length = Math.floor((last - start) / step) + 1
  const numerator = new Float64Array(length)
  const denominator = new Float64Array(length)
  for (const cell of denominators.cells) {
    const at = Math.floor((cell.time - start) / step)
    if (at >= 0 && at < length) denominator[at] = (denominator[at] as number) + denominators.take(cell)
  }
  for (const cell of numerators.cells) {
    const at = Math.floor((cell.time - start) / step)
    if (at >= 0 && at < length) numerator[at] = (numerator[at] as number) + numerators.take(cell)
  }
  return { numerator, denominator, start, step }
}

export const countOf = (cell: Cell): number => cell.count
export const badOf = (cell: Cell): number => cell.bad
