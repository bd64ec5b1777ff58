import type { SmallestEffect } from '../../schemas/signals/signal.ts'

/**
 * The smallest effect that matters as two bounds on the log ratio. A change has to be beyond ratio and absolute bound, so
 * the wider of the two holds on each side.
 * @param before level before, in the unit of `smallest.absolute`, > 0
 * @returns down <= 0 <= up; down is -Infinity where even the loss of everything would be less than `absolute`
 */
export function logMargins(smallest: SmallestEffect, before: number): { down: number; up: number } {
  const ratio = Math.log(smallest.ratio)
  const share = smallest.absolute / before
  return {
    up: Math.max(ratio, Math.log1p(share)),
    down: share >= 1 ? Number.NEGATIVE_INFINITY : Math.min(-ratio, Math.log1p(-share)),
  }
}
