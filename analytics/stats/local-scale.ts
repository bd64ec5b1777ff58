import { robustScale } from './robust-scale.ts'

export interface LocalScale {
  /** Of each placebo. */
  readonly past: Float64Array
  /** Of the window after the release. */
  readonly next: number
}

/** Sizes are seen up to so many scales, and nothing is taken for less than a part of one. */
const LARGEST = 8
const NOTHING = 0.15
/** Placebos' worth of doubt in a local mean: it starts from the mean of all. */
const DOUBT = { recent: 2, clock: 3 }
/** What is thought of the slopes before anything is seen, and how many placebos that is worth. */
const PRIOR = { recent: 0.5, clock: 0.3, worth: 4 }
const STEEPEST = 1.2
/** Days back that hours of the day are learnt from. */
const DAYS = 14

/**
 * How large a forecast's error is at one time: series have calm and wild days and hours. Regression of the residuals' log size on that of the
 * residuals just before, and on that at the same clock time of earlier days, both shrunk; an autoregression of log volatility, as in log-GARCH models
 * (Geweke 1986).
 * @param residuals of placebos, oldest first
 * @param starts slot at which each placebo's window starts, ascending
 * @param release slot of the release
 */
export function localScale(
  residuals: Float64Array,
  starts: Int32Array,
  release: number,
  of: {
    readonly window: number
    readonly gap: number
    readonly day: number
    readonly stride: number
    readonly overlap: number
    /** No scale is below this. */
    readonly least: number
  },
): LocalScale {
  const global = Math.max(robustScale(residuals), of.least)
  const sizes = residuals.map((residual) =>
    Math.log(NOTHING + Math.min(LARGEST, Math.abs(residual) / global)),
  )
  const mean = sizes.reduce((sum, size) => sum + size / sizes.length, 0)
  for (let i = 0; i < sizes.length; i++) sizes[i] = (sizes[i] as number) - mean
  const halfLife = Math.max(3 * of.overlap, of.day / of.stride / 3)
  const reach = Math.ceil(4 * halfLife)
  const shares = Float64Array.from({ length: reach }, (_, k) => 0.5 ** (k / halfLife))
  // A table of what lowerBound gives, which is asked for tens of thousands of times.
  const table = new Int32Array(release + 2)
  for (let slot = 1, count = 0; slot < table.length; slot++) {
    while (count < starts.length && (starts[count] as number) < slot) count += 1
    table[slot] = count
  }
  /** How many placebos start before a slot. */
  const startedBefore = (slot: number): number =>
    slot <= 0 ? 0 : (table[Math.min(slot, table.length - 1)] as number)
  /** Sums of the sizes before each placebo. */
  const sums = new Float64Array(sizes.length + 1)
  for (let i = 0; i < sizes.length; i++) sums[i + 1] = (sums[i] as number) + (sizes[i] as number)
  /** Of placebos that were over before a slot, newest first. */
  const recent = (before: number): number => {
    let sum = 0
    let weight = DOUBT.recent * of.overlap
    const newest = startedBefore(before - of.window + 1) - 1
    for (let k = 0; k <= newest && k < reach; k++) {
      const share = shares[k] as number
      sum += share * (sizes[newest - k] as number)
      weight += share
    }
    return sum / weight
  }
  const sameClock = (start: number): number => {
    if (of.day === 0) return 0
    let sum = 0
    let weight = DOUBT.clock * of.overlap
    const oldest = starts[0] as number
    for (let d = 1; d <= DAYS && start - d * of.day >= oldest; d++) {
      const then = start - d * of.day
      const from = startedBefore(Math.ceil(then - of.window / 2))
      const to = startedBefore(Math.floor(then + of.window / 2) + 1)
      sum += (sums[to] as number) - (sums[from] as number)
      weight += to - from
    }
    return sum / weight
  }
  const x = Float64Array.from(starts, (start) => recent(start - of.gap))
  const y = Float64Array.from(starts, sameClock)
  const worth = of.overlap * PRIOR.worth
  let xx = worth
  let xy = 0
  let yy = worth
  let xs = worth * PRIOR.recent
  let ys = worth * PRIOR.clock
  for (let i = 0; i < x.length; i++) {
    const [a, b, size] = [x[i] as number, y[i] as number, sizes[i] as number]
    xx += a * a
    xy += a * b
    yy += b * b
    xs += a * size
    ys += b * size
  }
  const determinant = xx * yy - xy * xy
  const within = (slope: number): number => Math.max(0, Math.min(STEEPEST, slope))
  const byRecent = within((xs * yy - ys * xy) / determinant)
  const byClock = within((ys * xx - xs * xy) / determinant)
  const scale = (a: number, b: number): number => global * Math.exp(byRecent * a + byClock * b)
  return {
    past: x.map((a, i) => scale(a, y[i] as number)),
    next: scale(recent(release), sameClock(release + of.gap)),
  }
}
