import type { Cell } from '../../schemas/cell.ts'
import { ZERO_BUCKET } from '../../schemas/histogram.ts'
import type { Quantity } from './plan.ts'

/** New cells of one version; cells of one span (shards, instances) add up, in any order. */
export interface ArmCells {
  readonly cells: readonly Cell[]
  /** For rates: the denominator's cells. Of a span that is not over, what there is so far (requests; seconds observed). */
  readonly exposure?: readonly Cell[]
}

/** Two numbers a span: events and exposure, of a gauge the sum and the number of its samples. */
export interface Spans {
  readonly events: Float64Array
  readonly exposure: Float64Array
}

/** Lays what a part takes of the cells on the spans from `from` to `to` (seconds, multiples of `step`). */
export function spansOf(
  arm: ArmCells | undefined,
  quantity: Quantity,
  beside: boolean,
  from: number,
  to: number,
  step: number,
): Spans {
  const length = Math.max(0, Math.round((to - from) / step))
  const events = new Float64Array(length)
  const exposure = new Float64Array(length)
  if (arm === undefined) return { events, exposure }
  for (const cell of arm.cells) {
    const at = Math.floor((cell.time - from) / step)
    if (at < 0 || at >= length) continue
    events[at] = (events[at] as number) + taken(cell, quantity, beside)
    if (quantity.of !== 'count') exposure[at] = (exposure[at] as number) + members(cell, quantity)
  }
  if (quantity.of === 'count' && arm.exposure !== undefined) {
    for (const cell of arm.exposure) {
      const at = Math.floor((cell.time - from) / step)
      if (at >= 0 && at < length) exposure[at] = (exposure[at] as number) + cell.count
    }
  }
  return { events, exposure }
}

/** What events are a part of; a cell without its histogram says nothing of where its values lie. */
function members(cell: Cell, quantity: Quantity): number {
  return quantity.of === 'above' && cell.histogram === undefined ? 0 : cell.count
}

function taken(cell: Cell, quantity: Quantity, beside: boolean): number {
  switch (quantity.of) {
    case 'count':
      return cell.count
    case 'bad':
      return cell.bad
    case 'mean':
      return cell.sum
    case 'above':
      return above(cell, beside ? quantity.besidePosition : quantity.position)
  }
}

/** Values above a position on the bucket scale, the bucket that holds it counted in part. */
function above(cell: Cell, position: number): number {
  if (cell.histogram === undefined) return 0
  let total = 0
  for (const [bucket, count] of cell.histogram) {
    const part = bucket === ZERO_BUCKET ? 0 : bucket - position
    if (part > 0) total += part >= 1 ? count : part * count
  }
  return total
}
