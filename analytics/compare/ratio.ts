import type { Cell } from '../../schemas/cell.ts'
import { align, badOf, countOf } from './align.ts'
import type { CompareOptions, Comparison } from './comparison.ts'
import { compareCounts } from './counts.ts'

export interface RatioInput extends CompareOptions {
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
}

/**
 * Share of bad events (`bad` of `count`), before and after: see counts.ts for the method.
 * @returns effect as ratio and difference of shares, 0 to 1
 */
export function compareRatio(input: RatioInput): Comparison {
  const step = input.stepSeconds ?? 60
  const line = (cells: readonly Cell[]) => align({ cells, take: badOf }, { cells, take: countOf }, step)
  return compareCounts(line(input.before), line(input.after), true, input)
}
