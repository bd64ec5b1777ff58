import { permutationP, shuffle } from '../stats/permutation-p.ts'
import { type SegmentShape, SegmentSums } from '../stats/segment-sums.ts'
import { residuals, segmentation } from '../stats/segmentation.ts'
import { type PreparedSeries, prepareSeries } from './prepare-series.ts'

export interface ChangePointOptions {
  /** Steps of a season; 'find' (the default) looks for one; 0: none. */
  readonly period?: number | 'find'
  /** Steps of the shortest segment; default 5. A season makes it at least as long as itself. */
  readonly shortest?: number
  /** Smallest change that matters, in the columns' unit; default: what is small beside all that the series does, see {@link LARGEST_FLOOR}. */
  readonly smallest?: number
  readonly random: () => number
}

export interface ChangePoint {
  /** Of the first value after the change. */
  readonly index: number
  /** First and last index at which it may have been, both included (95 %). */
  readonly earliest: number
  readonly latest: number
  /** Fitted values on its two sides, one a column, in the columns' units, season taken off. */
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Of no change between its two neighbours, by permutation; above 0. */
  readonly p: number
  /** p <= 0.01. Else the change describes the series, and noise with a long memory would look alike. */
  readonly established: boolean
  /** Followed by fewer values than two shortest segments: more of them may show a passing thing. */
  readonly provisional: boolean
}

/** Values at the very end that stand apart, too few to be a segment: a change, or a spike. */
export interface PossibleChange {
  readonly index: number
  readonly before: readonly number[]
  readonly after: readonly number[]
}

export interface ChangePoints {
  /** Oldest first. */
  readonly changes: readonly ChangePoint[]
  readonly possible: PossibleChange | undefined
  readonly shape: SegmentShape
  /** Steps of the season that was taken off; 0: none. */
  readonly period: number
  readonly shortest: number
}

/** Longer series are averaged down to as many values first; places are then sought at full resolution. */
const MOST_VALUES = 1000
const ROUNDS = 399
/** Share of a series' variance that needs no explanation: 4 %, a fifth of its standard deviation. */
const LARGEST_FLOOR = 0.04

/** The variance that a change leaves when a line goes through it at its middle: a sixteenth of its square. */
function floorOf(smallest: number | undefined, scale: number): number {
  if (smallest === undefined || !(smallest > 0)) return LARGEST_FLOOR
  return Math.max(1e-4, (smallest / scale) ** 2 / 16)
}

/**
 * Changes of level or slope in a series, or in several that change together: season (STL) and lone spikes taken off, the best piecewise
 * description ({@link segmentation}), then for each change a permutation test against none between its neighbours (innovations of the AR(1)
 * around the segments are permuted, since values are dependent) and the places where the fit is not significantly worse.
 * @param columns one array a dimension, equally long, evenly spaced, oldest first; NaN for missing
 * @throws RangeError with columns of different lengths or without any
 */
export function changePoints(columns: readonly Float64Array[], options: ChangePointOptions): ChangePoints {
  const n = columns[0]?.length ?? 0
  if (columns.length === 0 || columns.some((column) => column.length !== n)) {
    throw new RangeError(
      `Expected one or more columns of one length, got lengths [${columns.map((column) => column.length).join(', ')}].`,
    )
  }
  const prepared = columns.flatMap((column) => prepareSeries(column, options.period ?? 'find') ?? [])
  const period = Math.max(0, ...prepared.map((column) => column.period))
  const shortest = Math.max(options.shortest ?? 5, period)
  const varied = prepared.filter((column) => column.scale > 0)
  const floor = Math.min(LARGEST_FLOOR, ...varied.map(({ scale }) => floorOf(options.smallest, scale)))
  if (varied.length === 0 || n < 2 * shortest) {
    return { changes: [], possible: undefined, shape: 'level', period, shortest }
  }
  const series = varied.map((column) => column.values)
  const width = Math.ceil(n / MOST_VALUES)
  const { starts, shape, autocorrelations } = segmentation(
    series.map((column) => averaged(column, width)),
    { shortest: Math.max(width > 1 ? 2 : 1, Math.ceil(shortest / width)), floor },
  )
  const sums = series.map((column) => new SegmentSums(column))
  let places = starts.map((start) => start * width)
  if (width > 1) places = refined(places, sums, shape, width, shortest)
  // Memory between averages, brought back to single steps.
  const memories = autocorrelations.map((rho) => Math.min(0.95, rho ** (1 / width)))
  const changes = places.map((place, at): ChangePoint => {
    const from = places[at - 1] ?? 0
    const to = places[at + 1] ?? n
    const stretch = { from, place, to, shape, shortest, memories }
    const p = significance(series, stretch, options.random)
    return {
      index: place,
      ...placeInterval(sums, stretch),
      before: sidesOf(varied, sums, shape, from, place, place - 1),
      after: sidesOf(varied, sums, shape, place, to, place),
      p,
      established: p <= 0.01,
      provisional: n - place < 2 * shortest,
    }
  })
  const possible = atTheEnd(varied, sums, places.at(-1) ?? 0, shape, shortest, memories)
  return { changes, possible, shape, period, shortest }
}

function averaged(column: Float64Array, width: number): Float64Array {
  if (width === 1) return column
  const result = new Float64Array(Math.floor(column.length / width))
  for (let i = 0; i < result.length; i++) {
    let sum = 0
    for (let j = i * width; j < (i + 1) * width; j++) sum += column[j] as number
    // Averages of dependent values: the scale stays that of the whole series, so the floor keeps its meaning.
    result[i] = sum / width
  }
  return result
}

/** Each place moved to where the two fits beside it leave least, within two averages of where it was. */
function refined(
  places: readonly number[],
  sums: readonly SegmentSums[],
  shape: SegmentShape,
  width: number,
  shortest: number,
): number[] {
  const n = sums[0]?.length ?? 0
  const result = [...places]
  for (let at = 0; at < result.length; at++) {
    const from = result[at - 1] ?? 0
    const to = result[at + 1] ?? n
    const place = result[at] as number
    let least = Number.POSITIVE_INFINITY
    const last = Math.min(to - shortest, place + 2 * width)
    for (let t = Math.max(from + shortest, place - 2 * width); t <= last; t++) {
      const rest = sums.reduce((sum, s) => sum + s.rest(from, t, shape) + s.rest(t, to, shape), 0)
      if (rest < least) {
        least = rest
        result[at] = t
      }
    }
  }
  return result
}

interface Stretch {
  readonly from: number
  readonly place: number
  readonly to: number
  readonly shape: SegmentShape
  readonly shortest: number
  /** Lag-one autocorrelation of the noise, one a column. */
  readonly memories: readonly number[]
}

/** p of no change within the stretch: the largest gain of any place, against that of permuted innovations. */
function significance(
  series: readonly Float64Array[],
  { from, place, to, shape, shortest, memories }: Stretch,
  random: () => number,
): number {
  const m = to - from
  const own = series.map((column) => column.slice(from, to))
  const parameters = shape === 'line' ? 2 : 1
  const innovations = own.map((column, at) => {
    const rest = residuals(column, new SegmentSums(column), [place - from], shape)
    const rho = memories[at] as number
    const white = new Float64Array(m)
    for (let i = 0; i < m; i++) {
      white[i] =
        i === 0 || i === place - from
          ? (rest[i] as number) * Math.sqrt(1 - rho * rho)
          : (rest[i] as number) - rho * (rest[i - 1] as number)
    }
    const mean = white.reduce((sum, value) => sum + value, 0) / m
    // What the fit took from the noise is given back.
    const widen = Math.sqrt(m / Math.max(1, m - 2 * parameters))
    return white.map((value) => (value - mean) * widen)
  })
  const gain = (columns: readonly Float64Array[]): number => {
    const sums = columns.map((column) => new SegmentSums(column))
    const whole = sums.map((s) => s.rest(0, m, shape))
    let largest = 0
    for (let t = shortest; t <= m - shortest; t++) {
      let total = 0
      for (const [at, s] of sums.entries()) {
        const left = s.rest(0, t, shape) + s.rest(t, m, shape)
        // Relative to what is left, as an F statistic: the permuted noise has a variance of its own.
        if (left > 0) total += ((whole[at] as number) - left) / left
        else if ((whole[at] as number) > 0) return Number.POSITIVE_INFINITY
      }
      largest = Math.max(largest, total)
    }
    return largest
  }
  const order = Int32Array.from({ length: m }, (_, i) => i)
  const noise = own.map(() => new Float64Array(m))
  return permutationP(
    gain(own),
    () => {
      shuffle(order, random)
      for (const [at, white] of innovations.entries()) {
        const rho = memories[at] as number
        const column = noise[at] as Float64Array
        for (let i = 0; i < m; i++) {
          const shock = white[order[i] as number] as number
          column[i] = i === 0 ? shock / Math.sqrt(1 - rho * rho) : rho * (column[i - 1] as number) + shock
        }
      }
      return gain(noise)
    },
    ROUNDS,
  )
}

/**
 * Places whose likelihood is not much below the best one's: 2 (l(best) - l(place)) <= x, with coverage (1 - exp(-x / 2))^2
 * (Siegmund 1988, *Confidence sets in change-point problems*); x = 7.35 for 95 %. The noise counts with its long-run variance.
 */
function placeInterval(
  sums: readonly SegmentSums[],
  { from, place, to, shape, shortest, memories }: Stretch,
): { earliest: number; latest: number } {
  const freedom = Math.max(1, to - from - (shape === 'line' ? 4 : 2))
  const variances = sums.map((s, at) => {
    const rho = memories[at] as number
    const rest = s.rest(from, place, shape) + s.rest(place, to, shape)
    return Math.max(1e-12, ((rest / freedom) * (1 + rho)) / (1 - rho))
  })
  const misfit = (t: number): number =>
    sums.reduce(
      (sum, s, at) => sum + (s.rest(from, t, shape) + s.rest(t, to, shape)) / (variances[at] as number),
      0,
    )
  const bound = misfit(place) + 7.35
  let earliest = place
  let latest = place
  // Not only as far as the first worse place: the profile may have two valleys.
  const nearest = Math.min(shortest, 2)
  for (let t = from + nearest; t <= to - nearest; t++) {
    if (misfit(t) > bound) continue
    earliest = Math.min(earliest, t)
    latest = Math.max(latest, t)
  }
  return { earliest, latest }
}

function sidesOf(
  columns: readonly PreparedSeries[],
  sums: readonly SegmentSums[],
  shape: SegmentShape,
  from: number,
  to: number,
  at: number,
): number[] {
  return columns.map(({ centre, scale }, i) => {
    const { mean, slope, middle } = (sums[i] as SegmentSums).fit(from, to, shape)
    return centre + scale * (mean + slope * (at - middle))
  })
}

/** Standard deviations from which on values at the end stand apart: about 1 of 1,000 quiet ends per length that is tried. */
const APART = 4

/** The last few values, fewer than a segment, where their mean is far from what the last segment foresaw. */
function atTheEnd(
  columns: readonly PreparedSeries[],
  sums: readonly SegmentSums[],
  from: number,
  shape: SegmentShape,
  shortest: number,
  memories: readonly number[],
): PossibleChange | undefined {
  const n = sums[0]?.length ?? 0
  let found: { z: number; index: number } | undefined
  for (let last = 2; last < shortest; last++) {
    const place = n - last
    const base = place - from
    if (base < 2 * shortest) break
    for (const [at, s] of sums.entries()) {
      const rho = memories[at] as number
      const { mean, slope, middle } = s.fit(from, place, shape)
      let apart = 0
      for (let i = place; i < n; i++) {
        apart += ((columns[at]?.spiky[i] as number) - mean - slope * (i - middle)) / last
      }
      const variance = s.rest(from, place, shape) / (base - (shape === 'line' ? 2 : 1))
      // Of the mean of few dependent values, and of the fit that is carried on to them.
      const leverage = shape === 'line' ? (12 * ((n + place - 1) / 2 - middle) ** 2) / base ** 3 : 0
      const dependence = (1 + rho) / (1 - rho)
      const spread = Math.sqrt(
        variance * (Math.min(1, dependence / last) + (1 / base + leverage) * dependence) + 1e-12,
      )
      const z = Math.abs(apart) / spread
      if (z > APART && z > (found?.z ?? 0)) found = { z, index: place }
    }
  }
  if (found === undefined) return undefined
  return {
    index: found.index,
    before: sidesOf(columns, sums, shape, from, found.index, found.index - 1),
    after: sidesOf(columns, sums, 'level', found.index, n, found.index),
  }
}
