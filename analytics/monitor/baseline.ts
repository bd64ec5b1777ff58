import type { Aligned } from '../compare/align.ts'
import { betweenWindows } from '../stats/between-windows.ts'
import { ratioOfSums } from '../stats/ratio-of-sums.ts'

/** What the time before says about a series: what a test bets against, and how far it may be trusted. */
export interface Baseline {
  /** Events by exposure; of a gauge the mean of its minutes, on their scale. */
  readonly level: number
  /**
   * Variance by mean of the counts over long spans, dependence between minutes included; of a gauge the long-run variance of a
   * minute. An upper bound of one standard error, since bets may only rely on bounds.
   */
  readonly dispersion: number
  /** Standard deviation of the level of another window around this one: of its logarithm; of a gauge on its scale. */
  readonly drift: number
}

/** Lengths of windows, in steps, between which levels may drift; the largest drift counts. */
const WINDOWS = [30, 120] as const

/**
 * Baseline of counts (events by exposure).
 * @param share events are a part of the exposure (bad of all)
 */
export function countBaseline(before: Aligned, share: boolean): Baseline {
  const { numerator, denominator } = before
  const whole = ratioOfSums(numerator, denominator)
  // Half an event stands in for none, as in comparisons.
  const events = Math.max(whole.numerator, 0.5)
  const level = events / whole.denominator
  const model = level / whole.denominator
  // A part of all spreads less than a count, by 1 - p; two standard errors off, so that the null may be a little rarer.
  const least = share ? 1 - Math.max(0, level - 2 * Math.sqrt(model)) : 1
  const around = ratioOfSums(numerator, expectedAround(numerator, denominator, level))
  const error = Math.sqrt(2 / around.longRun.degreesOfFreedom)
  // Variance by mean of the counts, where the present level is expected.
  const seen = around.variance * around.denominator
  // Exactly one query in each request: what never varied has no spread to divide by.
  const spread = seen > 0 ? upperBound(seen, error, least) : least
  const dispersion = whole.numerator > 0 ? spread : 1
  const between = driftOf(numerator, denominator, dispersion * level)
  return {
    level,
    dispersion,
    drift: Math.sqrt(dispersion / events + between / level ** 2),
  }
}

/**
 * What a dispersion may well be: one standard error above what was seen; that of independent events where it is shown to be within a tenth
 * of it, since a tenth costs less false alarms than the e-process leaves unused.
 */
function upperBound(seen: number, error: number, least: number): number {
  return seen * (1 + 2 * error) < 1.1 * least ? least : Math.max(least, seen * (1 + error))
}

/**
 * Baseline of a gauge's minutes.
 * @param values on their scale, in `numerator`, with ones in `denominator` where there is a minute
 */
export function meanBaseline(values: Aligned): Baseline {
  const { numerator, denominator } = values
  const whole = ratioOfSums(numerator, denominator)
  const around = ratioOfSums(fromLevelAround(numerator, denominator), denominator)
  const upper = 1 + Math.sqrt(2 / around.longRun.degreesOfFreedom)
  const variance = around.variance > 0 ? around.variance * upper : 0
  const dispersion = variance * whole.denominator
  const between = driftOf(numerator, denominator, dispersion)
  return { level: whole.estimate, dispersion, drift: Math.sqrt(variance + between) }
}

/** Steps to either side of which the present level is taken: what moves more slowly is drift between windows, and no dispersion. */
const AROUND = 60
/** Events of the common level that a present level is shrunk by. */
const COMMON = 20

/** Events that each step's present level lets expect. */
function expectedAround(numerator: Float64Array, denominator: Float64Array, level: number): Float64Array {
  const sums = sumsAround(numerator, denominator)
  return denominator.map(
    (exposure, i) =>
      (exposure * level * ((sums.top[i] as number) + COMMON)) / ((sums.bottom[i] as number) * level + COMMON),
  )
}

/** Values less the present level; 0 where there is none. */
function fromLevelAround(numerator: Float64Array, denominator: Float64Array): Float64Array {
  const sums = sumsAround(numerator, denominator)
  return numerator.map((value, i) => {
    const present = denominator[i] as number
    return present > 0 ? value - (present * (sums.top[i] as number)) / (sums.bottom[i] as number) : 0
  })
}

function sumsAround(numerator: Float64Array, denominator: Float64Array) {
  const [tops, bottoms] = [runningSums(numerator), runningSums(denominator)]
  const around = (sums: Float64Array) =>
    numerator.map((_, i) => {
      const to = Math.min(numerator.length, i + AROUND + 1)
      return (sums[to] as number) - (sums[Math.max(0, i - AROUND)] as number)
    })
  return { top: around(tops), bottom: around(bottoms) }
}

function runningSums(values: Float64Array): Float64Array {
  const sums = new Float64Array(values.length + 1)
  for (let i = 0; i < values.length; i++) sums[i + 1] = (sums[i] as number) + (values[i] as number)
  return sums
}

/**
 * Variance of levels between windows: the largest that any length shows, and one standard error of the length that tells best.
 * @param noise variance of the level by one unit of exposure
 */
function driftOf(numerator: Float64Array, denominator: Float64Array, noise: number): number {
  let largest = 0
  let error = Number.POSITIVE_INFINITY
  for (const length of WINDOWS) {
    const between = betweenWindows(numerator, denominator, length)
    if (between === undefined || !(between.degreesOfFreedom > 0)) continue
    const own = (noise * between.windows) / sum(denominator)
    largest = Math.max(largest, between.variance)
    error = Math.min(error, (between.variance + own) * Math.sqrt(2 / between.degreesOfFreedom))
  }
  if (error === Number.POSITIVE_INFINITY) return 0
  return largest + error
}

function sum(values: Float64Array): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i] as number
  return total
}
