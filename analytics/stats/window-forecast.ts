import { localScale } from './local-scale.ts'
import { dot, robustRidge } from './robust-ridge.ts'
import { fitStudentMixture, mixtureUpperTail, type StudentMixture } from './student-mixture.ts'
import { type Stabiliser, varianceStabiliser } from './variance-stabiliser.ts'
import { windowLocations } from './window-locations.ts'

export interface PastLevels {
  /** Level a slot, oldest first, up to the release; NaN where nothing was seen. */
  readonly levels: Float64Array
  /** Slots in a day; 0 where they do not divide it, and no clock time is looked at. */
  readonly day: number
  /** Slots at which something was released: no placebo is taken across them. */
  readonly releases?: readonly number[]
}

/** What a series' own past says of a window that nothing was done to. */
export interface WindowForecast {
  readonly scale: Stabiliser
  /** Location of the window after, stabilised. */
  readonly expected: number
  /** Size of the forecast's error at this time. */
  readonly error: number
  /** Distribution of the error by its size. */
  readonly distribution: StudentMixture
  /** Probability that a window differs from its forecast at all: below 1 where most windows are alike to the last digit. */
  readonly moves: number
  /** Tail probability below which nothing is claimed, given that a window moves: by rank where that is rare, since then hardly anything is known of its size. */
  readonly least: number
  /** Placebos, those that overlap counted once. */
  readonly placebos: number
}

/** Placebos, overlapping ones counted once, below which nothing is forecast. */
const FEWEST = 6
/** Bounds the work. */
const MOST_ROWS = 1200
/** A window's worth of placebos. */
const STRIDES = 6
/** Differences that are none, and the least error, on the stabilised scale: a tenth of a percent, and one percent. */
const NOTHING = 1e-3
const LEAST_ERROR = 1e-2
/** Placebos half a window apart say nearly as much as separate ones. */
const SHARED = 0.5
/** Share of windows that move, below which a move is an event of its own. */
const RARE = 0.5
const MOST_DAYS = 7
const FEATURES = 7

/**
 * Forecasts the location of the window after a release from the past alone, and how far such forecasts were off at all past moments (placebos) of the
 * same series. The forecast is the location of the last window, moved by a ridge regression on what a window tends to do: towards the last minutes,
 * the last windows and the last day, as it did at the same clock time of earlier days (seasonal difference in differences) and weeks. Errors are
 * studentised by their local size; their distribution is Student's t with unknown scale and degrees of freedom, averaged over what is
 * known of both (student-mixture.ts), so that few placebos claim little. Placebo inference as in Abadie, Diamond and Hainmueller (2010) and
 * Chernozhukov, Wuethrich and Zhu (2021).
 * @param window slots of the window after
 * @param gap slots between the release and that window
 * @returns undefined where the past is too short
 */
export function forecastWindow(past: PastLevels, window: number, gap: number): WindowForecast | undefined {
  const scale = varianceStabiliser(past.levels)
  const values = past.levels.map(scale.of)
  const release = values.length
  const view: View = { values, locations: windowLocations(values, window), window, day: past.day }
  const stride = Math.max(1, Math.floor(window / STRIDES), Math.ceil(release / MOST_ROWS))
  const overlap = window / stride
  const released = past.releases ?? []
  const most = Math.max(0, Math.floor((release - window) / stride) + 1)
  const rows = new Float64Array(most * FEATURES)
  const targets = new Float64Array(most)
  const starts = new Int32Array(most)
  let count = 0
  for (let start = (release - window) % stride; start <= release - window; start += stride) {
    const end = start + window
    const told = start - gap
    if (released.some((at) => at > told - window && at < end)) continue
    const location = view.locations[start] as number
    if (Number.isNaN(location)) continue
    const base = features(view, told, start, rows, count * FEATURES)
    if (Number.isNaN(base)) continue
    targets[count] = location - base
    starts[count] = start
    count += 1
  }
  const next = new Float64Array(FEATURES)
  const base = features(view, release, release + gap, next, 0)
  const placebos = count / overlap
  if (Number.isNaN(base) || placebos < FEWEST) return undefined
  const fit = robustRidge(rows.subarray(0, count * FEATURES), targets.subarray(0, count), overlap)
  const local = localScale(fit.residuals, starts.subarray(0, count), release, {
    window,
    gap,
    day: past.day,
    stride,
    overlap,
    least: LEAST_ERROR,
  })
  const sizes = fit.residuals.map(Math.abs)
  const moved = sizes.map((size, i) => (size > NOTHING ? size / (local.past[i] as number) : -1))
  const studentised = moved.filter((size) => size >= 0)
  const moves = (studentised.length / overlap + 1) / (placebos + 1)
  return {
    scale,
    expected: base + dot(fit.coefficients, next),
    error: local.next * Math.sqrt(1 + Math.min(4, fit.leverage(next))),
    distribution: fitStudentMixture(studentised, Math.max(1, overlap * SHARED), 1),
    moves,
    least: moves < RARE ? 0.5 / (studentised.length / overlap + 1) : 0,
    placebos,
  }
}

/** P that a window that nothing was done to lies at least so far above (below, for a negative one) its forecast. @param difference stabilised */
export function forecastTail(forecast: WindowForecast, difference: number): number {
  if (Math.abs(difference) <= NOTHING) return 0.5
  const t = Math.abs(difference) / forecast.error
  const tail = Math.max(mixtureUpperTail(t, forecast.distribution), forecast.least)
  return Math.min(0.5, forecast.moves * tail)
}

interface View {
  readonly values: Float64Array
  readonly locations: Float64Array
  readonly window: number
  readonly day: number
}

/**
 * What is known at slot `told` of the window that starts at `start`: differences from the location of the last window.
 * @param into where they go, from `at` on; there are zeros
 * @returns that location; NaN where there is none, and nothing was written
 */
function features(view: View, told: number, start: number, into: Float64Array, at: number): number {
  const { locations, window, day } = view
  const base = told >= 2 * window ? (locations[told - window] as number) : Number.NaN
  if (Number.isNaN(base)) return base
  const last = meanOf(view.values, told - Math.max(1, Math.round(window / 3)), told)
  into[at] = Number.isNaN(last) ? 0 : last - base
  into[at + 1] = meanOfLast(view, told, 4) - base
  if (day === 0) return base
  into[at + 2] = meanOfLast(view, told, Math.max(1, Math.round(day / window))) - base
  let changes = 0
  let levels = 0
  let days = 0
  for (let d = 1; d <= MOST_DAYS && start - d * day >= 0; d++) {
    // Only what was over by then.
    if (start - d * day + window > told) continue
    const before = told - window - d * day < 0 ? Number.NaN : (locations[told - window - d * day] as number)
    const then = locations[start - d * day] as number
    if (Number.isNaN(then) || Number.isNaN(before)) continue
    changes += then - before
    levels += then - base
    days += 1
    if (d === 1) into[at + 5] = then - before
    if (d === MOST_DAYS) into[at + 6] = then - before
  }
  if (days > 0) {
    into[at + 3] = changes / days
    into[at + 4] = levels / days
  }
  return base
}

/** Mean location of up to so many windows, one after the other, up to a slot. */
function meanOfLast({ locations, window }: View, told: number, most: number): number {
  let sum = 0
  let count = 0
  for (let at = told - window; at >= 0 && at >= told - most * window; at -= window) {
    const location = locations[at] as number
    if (Number.isNaN(location)) continue
    sum += location
    count += 1
  }
  return sum / count
}

function meanOf(values: Float64Array, from: number, to: number): number {
  let sum = 0
  let count = 0
  for (let i = Math.max(0, from); i < to; i++) {
    const value = values[i] as number
    if (Number.isNaN(value)) continue
    sum += value
    count += 1
  }
  return sum / count
}
