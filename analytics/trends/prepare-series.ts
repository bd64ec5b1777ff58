import { withoutSpikes } from '../stats/hampel.ts'
import { seasonPeriod } from '../stats/season-period.ts'
import { stl } from '../stats/stl.ts'

export interface PreparedSeries {
  /** Without gaps, season and spikes; mean 0 and, season included, variance 1 (all zeros where the series is constant). */
  readonly values: Float64Array
  /** The same with its spikes. */
  readonly spiky: Float64Array
  /** In the series' unit: value = centre + scale * prepared value + season. */
  readonly centre: number
  readonly scale: number
  /** Steps; 0: none was taken off. */
  readonly period: number
}

/**
 * A series made ready for finding changes.
 * @param series evenly spaced, oldest first; NaN for a missing value
 * @param period steps of the season; 'find' looks for one, 0: there is none
 * @returns undefined without any value
 */
export function prepareSeries(series: Float64Array, period: number | 'find'): PreparedSeries | undefined {
  const filled = withoutGaps(series)
  if (filled === undefined) return undefined
  const n = filled.length
  const steps = period === 'find' ? seasonPeriod(filled) : period
  const known = steps >= 2 && n >= 3 * steps ? steps : 0
  const season = known > 0 ? stl(filled, { period: known, seasonal: 'periodic' }).season : new Float64Array(n)
  const spiky = filled.map((value, i) => value - (season[i] as number))
  const values = withoutSpikes(spiky)
  let centre = 0
  for (const value of values) centre += value / n
  let squares = 0
  for (let i = 0; i < n; i++) squares += ((values[i] as number) - centre + (season[i] as number)) ** 2
  const scale = Math.sqrt(squares / Math.max(1, n - 1))
  // What is left of a constant by rounding is no variance.
  const constant = !(scale > 1e-12 * Math.abs(centre))
  const standard = (value: number): number => (constant ? 0 : (value - centre) / scale)
  return {
    values: values.map(standard),
    spiky: spiky.map(standard),
    centre,
    scale: constant ? 0 : scale,
    period: known,
  }
}

/** Gaps as straight lines between their neighbours, and as the nearest value at the ends. */
function withoutGaps(series: Float64Array): Float64Array | undefined {
  const filled = series.slice()
  let last = -1
  for (let i = 0; i < filled.length; i++) {
    if (!Number.isFinite(filled[i])) continue
    const value = filled[i] as number
    const from = last < 0 ? value : (filled[last] as number)
    for (let gap = last + 1; gap < i; gap++) {
      filled[gap] = from + ((value - from) * (gap - last)) / (i - last)
    }
    last = i
  }
  if (last < 0) return undefined
  filled.fill(filled[last] as number, last + 1)
  return filled
}
