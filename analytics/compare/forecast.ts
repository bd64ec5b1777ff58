import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'
import { mixtureUpperQuantile } from '../stats/student-mixture.ts'
import { forecastTail, forecastWindow, type WindowForecast } from '../stats/window-forecast.ts'
import { windowLocations } from '../stats/window-locations.ts'
import type { Aligned } from './align.ts'
import type { Past } from './comparison.ts'
import type { Estimate } from './evidence.ts'

/** Of the window after: fewer have no location to speak of. */
const FEWEST_SLOTS = 3
/** Events (values) a slot of the past from which on its levels are more than their counting noise. */
export const FORECAST_FROM = 5
/** Scores beyond this are all the same certainty. */
const LARGEST_SCORE = 37
const DAY = 86_400

export const FORECAST_METHOD = 'level-forecast-placebo@1'

export type ForecastEstimate = Pick<
  Estimate,
  | 'method'
  | 'statistic'
  | 'before'
  | 'after'
  | 'effect'
  | 'scale'
  | 'degreesOfFreedom'
  | 'score'
  | 'bounds'
  | 'calibration'
  | 'reachOfBounds'
> & {
  /** Of `effect`. */
  readonly standardError: number
}

/**
 * The level of the window after against what the series' own past says that it would have been (stats/window-forecast.ts). `before` is that
 * forecast. On the log scale where both are positive, else linear.
 * @param after the window after, on its own minutes; of logarithms where the past is
 * @returns undefined where past or window are too short for it
 */
export function forecastEstimate(past: Past, after: Aligned): ForecastEstimate | undefined {
  const gap = Math.max(0, Math.ceil((after.start - past.to) / past.slotSeconds))
  const from = past.to + gap * past.slotSeconds
  const to = after.start + after.numerator.length * after.step
  const window = Math.floor((to - from) / past.slotSeconds)
  if (window < FEWEST_SLOTS) return undefined
  const forecast = forecastOf(past, window, gap)
  if (forecast === undefined) return undefined
  const { scale, expected, error, distribution } = forecast
  const levels = levelsOf(after, past, from, window)
  const location = windowLocations(levels.map(scale.of), window)[0] as number
  if (Number.isNaN(location)) return undefined
  const before = scale.back(expected)
  const level = scale.back(location)
  const log = before > 0 && level > 0
  const score = (at: number): number => {
    const difference = location - scale.of(log ? before * Math.exp(at) : before + at)
    const tail = forecastTail(forecast, difference)
    return (
      Math.sign(difference) * Math.min(LARGEST_SCORE, Math.abs(normalUpperQuantile(Math.max(tail, 1e-290))))
    )
  }
  const effectOf = (value: number): number => {
    if (!log) return value - before
    return value > 0 ? Math.log(value / before) : Number.NEGATIVE_INFINITY
  }
  const slope = (scale.back(expected + 1e-4) - scale.back(expected - 1e-4)) / 2e-4
  return {
    method: FORECAST_METHOD,
    statistic: 'level',
    before,
    after: level,
    effect: effectOf(level),
    scale: log ? 'log' : 'linear',
    standardError: (error * slope) / (log ? before : 1),
    // The scores are normal ones.
    degreesOfFreedom: 1e7,
    score,
    bounds: (limit) => {
      const tail = Math.min(0.499, normalUpperTail(limit) / forecast.moves)
      // No such confidence is to be had.
      if (tail < forecast.least) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
      const reach = error * mixtureUpperQuantile(tail, distribution)
      return [effectOf(scale.back(location - reach)), effectOf(scale.back(location + reach))]
    },
    reachOfBounds: true,
    // Placebos are in the score already.
    calibration: { count: Math.round(forecast.placebos), scale: 1, tail: undefined },
  }
}

/** A release is looked at again and again while its past stays the same. */
const known = new WeakMap<Past, Map<string, WindowForecast | undefined>>()

function forecastOf(past: Past, window: number, gap: number): WindowForecast | undefined {
  const forecasts = known.get(past) ?? new Map<string, WindowForecast | undefined>()
  known.set(past, forecasts)
  const key = `${window} ${gap}`
  if (!forecasts.has(key)) {
    const slots = Math.floor((past.to - past.line.start) / past.slotSeconds)
    const from = past.to - slots * past.slotSeconds
    const day = DAY / past.slotSeconds
    forecasts.set(
      key,
      forecastWindow(
        {
          levels: levelsOf(past.line, past, from, slots),
          day: Number.isInteger(day) ? day : 0,
          releases: (past.releases ?? []).map((time) => Math.floor((time - from) / past.slotSeconds)),
        },
        window,
        gap,
      ),
    )
  }
  return forecasts.get(key)
}

/** Ratio of the sums in each slot, or what it is the logarithm of; NaN where there is no denominator, and where a value was not above zero. */
function levelsOf(
  line: Aligned,
  { slotSeconds, logs }: Pick<Past, 'slotSeconds' | 'logs'>,
  from: number,
  slots: number,
): Float64Array {
  const tops = new Float64Array(slots)
  const bottoms = new Float64Array(slots)
  const first = Math.floor((line.start - from) / slotSeconds)
  for (let i = 0; i < line.numerator.length; i++) {
    const slot =
      line.step === slotSeconds ? first + i : Math.floor((line.start + i * line.step - from) / slotSeconds)
    if (slot < 0 || slot >= slots) continue
    tops[slot] = (tops[slot] as number) + (line.numerator[i] as number)
    bottoms[slot] = (bottoms[slot] as number) + (line.denominator[i] as number)
  }
  for (let slot = 0; slot < slots; slot++) {
    const ratio = (tops[slot] as number) / (bottoms[slot] as number)
    const seen = (bottoms[slot] as number) > 0 && Number.isFinite(tops[slot])
    tops[slot] = seen ? (logs === true ? Math.exp(ratio) : ratio) : Number.NaN
  }
  return tops
}
