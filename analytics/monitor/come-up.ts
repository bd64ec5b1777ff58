import type { Cell } from '../../schemas/cell.ts'
import { isNamed } from '../../schemas/signals/bounded-dimension.ts'
import { burstsOf } from './count-evidence.ts'

/** Seconds after its first sight in which a kind of event shows how often it comes. */
const FIRST_SIGHT = 1800

/**
 * How often kinds of events come up by themselves: the highest rate that any had in its first half hour, of those that were first seen in the last three
 * quarters of the time before. A new kind has to do more than that.
 */
export function comeUp(
  lines: ReadonlyMap<string, readonly Cell[]>,
  exposure: readonly Cell[],
): { events: number; bursts: number } {
  const most = { events: 0, bursts: 0 }
  const first = exposure[0]?.time
  const last = exposure.at(-1)?.time
  if (first === undefined || last === undefined) return most
  for (const [dimension, cells] of lines) {
    const seen = cells[0]?.time
    if (!isNamed(dimension) || seen === undefined || seen < first + (last - first) / 4) continue
    const inside = (cell: Cell) => cell.time >= seen && cell.time < seen + FIRST_SIGHT
    const requests = exposure.filter(inside).reduce((sum, cell) => sum + cell.count, 0)
    if (requests === 0) continue
    const events = cells.filter(inside).reduce((sum, cell) => sum + cell.count, 0)
    const bursts = cells.filter(inside).reduce((sum, cell) => sum + burstsOf(cell.count), 0)
    most.events = Math.max(most.events, events / requests)
    most.bursts = Math.max(most.bursts, bursts / requests)
  }
  return most
}
