import { lowerBound } from './lower-bound.ts'

/** Share of a window's slots that is left out on either side: nearly the median, which single spikes do not move. */
const TRIMMED = 0.4
/** Share of its slots that must hold a value. */
const FILLED = 0.5

/**
 * Trimmed mean of every window of one length. Source: Huber (1981), *Robust Statistics*, section 1.3.
 * @param values one a slot, NaN where there is none
 * @param window slots, >= 1
 * @returns entry i is of the window that starts at slot i; NaN where less than half of it is filled
 */
export function windowLocations(values: Float64Array, window: number): Float64Array {
  const count = Math.max(0, values.length - window + 1)
  const locations = new Float64Array(count).fill(Number.NaN)
  // The values of the window in order: each step takes one out and puts one in.
  const sorted = new Float64Array(window)
  let filled = 0
  for (let end = 0; end < values.length; end++) {
    const gone = end >= window ? (values[end - window] as number) : Number.NaN
    const come = values[end] as number
    // The place that becomes free wanders to where the new value belongs.
    let at = filled
    if (!Number.isNaN(gone)) {
      at = lowerBound(sorted, gone, filled)
      filled -= 1
      for (; at < filled && !((sorted[at + 1] as number) >= come); at++) sorted[at] = sorted[at + 1] as number
    }
    if (!Number.isNaN(come)) {
      for (; at > 0 && (sorted[at - 1] as number) > come; at--) sorted[at] = sorted[at - 1] as number
      sorted[at] = come
      filled += 1
    }
    if (end < window - 1 || filled < Math.max(1, window * FILLED)) continue
    const cut = Math.floor(filled * TRIMMED)
    let sum = 0
    for (let i = cut; i < filled - cut; i++) sum += sorted[i] as number
    locations[end - window + 1] = sum / (filled - 2 * cut)
  }
  return locations
}
