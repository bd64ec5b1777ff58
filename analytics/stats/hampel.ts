import { median } from './median.ts'

/**
 * A series without its lone spikes: what lies further from the median of its neighbourhood than `bound` robust standard
 * deviations of such distances becomes that median. With three neighbours on each side a shift that lasts four steps is kept.
 * Source: Hampel (1974); Pearson (2002), *Outliers in process modeling and identification*.
 * @param series without gaps, oldest first
 * @param bound robust standard deviations; default 4
 */
export function withoutSpikes(series: Float64Array, neighbours = 3, bound = 4): Float64Array {
  const n = series.length
  const medians = new Float64Array(n)
  const distances = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    medians[i] = median(series.subarray(Math.max(0, i - neighbours), Math.min(n, i + neighbours + 1)))
    distances[i] = Math.abs((series[i] as number) - (medians[i] as number))
  }
  const scale = 1.4826 * median(distances)
  // A series that mostly repeats itself says nothing about how far its noise reaches.
  if (!(scale > 0)) return series.slice()
  return series.map((value, i) => ((distances[i] as number) > bound * scale ? (medians[i] as number) : value))
}
