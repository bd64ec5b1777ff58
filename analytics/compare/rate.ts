import type { Cell } from '../../schemas/cell.ts'
import { align, countOf } from './align.ts'
import type { CompareOptions, Comparison } from './comparison.ts'
import { compareCounts } from './counts.ts'

export interface RateInput extends CompareOptions {
  /** Cells of the events; a minute without events may be missing. */
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
  /** Cells whose counts are the denominator (requests, or seconds of observed time); they say which minutes were observed. */
  readonly exposure: { readonly before: readonly Cell[]; readonly after: readonly Cell[] }
}

/**
 * Rate of events per exposure, before and after: see counts.ts for the method.
 * @returns effect as rate ratio and difference of rates, in events per unit of exposure
 */
export function compareRate(input: RateInput): Comparison {
  const step = input.stepSeconds ?? 60
  const line = (events: readonly Cell[], exposure: readonly Cell[]) =>
    align({ cells: events, take: countOf }, { cells: exposure, take: countOf }, step)
  return compareCounts(
    line(input.before, input.exposure.before),
    line(input.after, input.exposure.after),
    false,
    input,
  )
}
