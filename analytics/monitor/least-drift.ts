/** No level is known better than this (standard deviation, log scale), whatever a single day shows. */
export const STEADIEST = 0.05
/** What a single half hour leaves untold; as much less as the root of their number. */
const UNTOLD = 0.17
/** The share of values beyond a quantile moves further than their level does: beyond the p95 of a log-normal of spread 1, twice as far (the normal's hazard there), and at least so far. */
const STEADIEST_BEYOND = 0.1
const UNTOLD_BEYOND = 0.1
const HALF_HOUR = 30

/** How far a level drifts by itself at least: two doubts that have nothing to do with each other, so that their variances add up. @param minutes of the time before */
export function leastDrift(minutes: number): number {
  return Math.hypot(STEADIEST, UNTOLD / rootOfHalfHours(minutes))
}

/**
 * The same of a share beyond a quantile. Its doubts add up: what moves it has no scale of its own, and with sums of squares one quiet day of 250 paged by it.
 * @param sway how far it moves with a level that is not known better
 */
export function leastDriftBeyond(minutes: number, sway: number): number {
  return Math.max(STEADIEST_BEYOND, sway) + UNTOLD_BEYOND / rootOfHalfHours(minutes)
}

function rootOfHalfHours(minutes: number): number {
  return Math.sqrt(Math.max(1, minutes / HALF_HOUR))
}
