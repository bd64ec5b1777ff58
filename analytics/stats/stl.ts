import { type LoessSpan, loess, loessAt } from './loess.ts'
import { median } from './median.ts'

export interface Decomposition {
  readonly season: Float64Array
  readonly trend: Float64Array
  readonly remainder: Float64Array
  /** Robustness weights, 0 to 1: near zero for outliers. */
  readonly weights: Float64Array
}

export interface StlOptions {
  /** Steps of a season, at least 2. */
  readonly period: number
  /** Cycles a season is smoothed over: odd, at least 7 as Cleveland et al. advise; 'periodic' keeps one season for all. Default 7. */
  readonly seasonal?: number | 'periodic'
  /** Rounds of robustness weights; default 5, 0 for none. */
  readonly robustRounds?: number
  /** Default 2 with robustness, else 5. */
  readonly innerRounds?: number
}

/**
 * Seasonal-trend decomposition by loess: Cleveland, Cleveland, McRae and Terpenning (1990), *STL*, Journal of Official
 * Statistics 6, with their defaults: local lines for trend and low pass, trend window the next odd number from
 * 1.5 period / (1 - 1.5 / seasonal) on.
 * @param series evenly spaced, without gaps, oldest first
 * @throws RangeError with a period below 2 or fewer than two periods of values
 */
export function stl(series: Float64Array, options: StlOptions): Decomposition {
  const n = series.length
  const { period } = options
  if (!(Number.isInteger(period) && period >= 2)) {
    throw new RangeError(`The period must be a whole number from 2 on, got ${period}.`)
  }
  if (n < 2 * period) throw new RangeError(`STL needs two periods (${2 * period} values), got ${n}.`)
  const periodic = options.seasonal === 'periodic'
  const seasonal = periodic ? 10 * n + 1 : odd((options.seasonal as number | undefined) ?? 7)
  const seasonalSpan: LoessSpan = { span: seasonal, degree: periodic ? 0 : 1 }
  const trendSpan: LoessSpan = { span: odd(Math.ceil((1.5 * period) / (1 - 1.5 / seasonal))), degree: 1 }
  const lowPassSpan: LoessSpan = { span: odd(period + 1), degree: 1 }
  const robustRounds = options.robustRounds ?? 5
  const innerRounds = options.innerRounds ?? (robustRounds > 0 ? 2 : 5)
  const season = new Float64Array(n)
  let trend: Float64Array = new Float64Array(n)
  const remainder = new Float64Array(n)
  let weights: Float64Array | undefined
  for (let outer = 0; outer <= robustRounds; outer++) {
    for (let inner = 0; inner < innerRounds; inner++) {
      const detrended = new Float64Array(n)
      for (let i = 0; i < n; i++) detrended[i] = (series[i] as number) - (trend[i] as number)
      const cycle = smoothCycles(detrended, period, seasonalSpan, weights)
      const low = loess(movingAverage(movingAverage(movingAverage(cycle, period), period), 3), lowPassSpan)
      const adjusted = new Float64Array(n)
      for (let i = 0; i < n; i++) {
        season[i] = (cycle[i + period] as number) - (low[i] as number)
        adjusted[i] = (series[i] as number) - (season[i] as number)
      }
      trend = loess(adjusted, trendSpan, weights)
    }
    for (let i = 0; i < n; i++)
      remainder[i] = (series[i] as number) - (trend[i] as number) - (season[i] as number)
    if (outer < robustRounds) weights = bisquare(remainder)
  }
  if (periodic) {
    // One season for all: the loess of degree zero is nearly the mean already; this makes it so exactly.
    for (let phase = 0; phase < period; phase++) {
      let sum = 0
      let count = 0
      for (let i = phase; i < n; i += period) {
        sum += season[i] as number
        count++
      }
      for (let i = phase; i < n; i += period) season[i] = sum / count
    }
    for (let i = 0; i < n; i++)
      remainder[i] = (series[i] as number) - (trend[i] as number) - (season[i] as number)
  }
  return { season, trend, remainder, weights: weights ?? new Float64Array(n).fill(1) }
}

const odd = (span: number): number => Math.max(3, span % 2 === 0 ? span + 1 : span)

/** Each phase's own series, smoothed and extended by one cycle at both ends: n + 2 period values. */
function smoothCycles(
  detrended: Float64Array,
  period: number,
  span: LoessSpan,
  weights: Float64Array | undefined,
): Float64Array {
  const n = detrended.length
  const cycle = new Float64Array(n + 2 * period)
  for (let phase = 0; phase < period; phase++) {
    const count = Math.floor((n - 1 - phase) / period) + 1
    const own = new Float64Array(count)
    const ownWeights = weights === undefined ? undefined : new Float64Array(count)
    for (let j = 0; j < count; j++) {
      own[j] = detrended[phase + j * period] as number
      if (ownWeights !== undefined) ownWeights[j] = (weights as Float64Array)[phase + j * period] as number
    }
    const smooth = loess(own, span, ownWeights)
    const scratch = new Float64Array(count)
    const before = loessAt(own, span, 0, 1, Math.min(span.span, count), ownWeights, scratch)
    const after = loessAt(
      own,
      span,
      count + 1,
      Math.max(1, count - span.span + 1),
      count,
      ownWeights,
      scratch,
    )
    cycle[phase] = before ?? (smooth[0] as number)
    for (let j = 0; j < count; j++) cycle[phase + (j + 1) * period] = smooth[j] as number
    cycle[phase + (count + 1) * period] = after ?? (smooth[count - 1] as number)
  }
  return cycle
}

function movingAverage(values: Float64Array, width: number): Float64Array {
  const result = new Float64Array(values.length - width + 1)
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    sum += values[i] as number
    if (i >= width) sum -= values[i - width] as number
    if (i >= width - 1) result[i - width + 1] = sum / width
  }
  return result
}

/** Bisquare weights of remainders by six times their median absolute size. */
function bisquare(remainder: Float64Array): Float64Array {
  const bound = 6 * median(remainder.map(Math.abs))
  return remainder.map((value) => {
    const size = Math.abs(value)
    if (size <= 0.001 * bound) return 1
    return size <= 0.999 * bound ? (1 - (size / bound) ** 2) ** 2 : 0
  })
}
