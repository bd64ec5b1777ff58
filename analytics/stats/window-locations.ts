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
  const sorted = new Float64Array(window)
  for (let at = 0; at < count; at++) {
    let filled = 0
    for (let i = at; i < at + window; i++) {
      const value = values[i] as number
      if (Number.isNaN(value)) continue
      let place = filled
      while (place > 0 && (sorted[place - 1] as number) > value) {
        sorted[place] = sorted[place - 1] as number
        place -= 1
      }
      sorted[place] = value
      filled += 1
    }
    if (filled < Math.max(1, window * FILLED)) continue
    const cut = Math.floor(filled * TRIMMED)
    let sum = 0
    for (let i = cut; i < filled - cut; i++) sum += sorted[i] as number
    locations[at] = sum / (filled - 2 * cut)
  }
  return locations
}
