import type { Cell } from '../../schemas/cell.ts'

export interface SideBySide {
  /** Seconds since the epoch: the minutes in which both versions served, from inclusive to exclusive. */
  readonly from: number
  readonly to: number
  /** Share of the new version in them. */
  readonly share: number
}

/** Of common minutes: fewer say nothing about the spread from one minute to the next. */
const FEWEST_MINUTES = 3
/** Below this share of traffic a version is a straggler, not an arm. */
const SMALLEST_SHARE = 0.05

/**
 * Whether old and new version served side by side: in at least half of the minutes after, and each a substantial share.
 * @param old requests of the old version in the window after, a cell a minute
 * @param fresh requests of the new one
 * @param step seconds that a cell spans
 */
export function sideBySide(old: readonly Cell[], fresh: readonly Cell[], step = 60): SideBySide | undefined {
  const counts = new Map(old.filter((cell) => cell.count > 0).map((cell) => [cell.time, cell.count]))
  const served = fresh.filter((cell) => cell.count > 0)
  const both = served.filter((cell) => counts.has(cell.time))
  const first = both[0]
  const last = both.at(-1)
  if (first === undefined || last === undefined) return undefined
  if (both.length * (step / 60) < FEWEST_MINUTES || both.length < served.length / 2) return undefined
  let newer = 0
  let older = 0
  for (const cell of both) {
    newer += cell.count
    older += counts.get(cell.time) ?? 0
  }
  const share = newer / (newer + older)
  if (share < SMALLEST_SHARE || share > 1 - SMALLEST_SHARE) return undefined
  return { from: first.time, to: last.time + step, share }
}
