import type { BadDirection } from '../../schemas/signals/signal.ts'
import { type Calibration, calibrate, calibratedUpperTail, UNCALIBRATED } from '../stats/placebo.ts'
import { studentUpperQuantile, studentUpperTail } from '../stats/student-t.ts'
import type { ArmSize, CompareOptions, Measured } from './comparison.ts'

export interface Estimate {
  readonly method: string
  readonly statistic: string
  readonly before: number
  readonly after: number
  /** Effect on the scale of the test: log ratio, or difference. */
  readonly effect: number
  readonly scale: 'log' | 'linear'
  /** Variance of `effect` from the window after, which shrinks as it grows. */
  readonly varianceAfter: number
  /** The rest: the window before, drift between windows, controls. */
  readonly varianceRest: number
  readonly degreesOfFreedom: number
  /** Bounds of what does not matter, on the scale of `effect`. */
  readonly margins: { readonly down: number; readonly up: number }
  readonly n: { readonly before: ArmSize; readonly after: ArmSize }
  readonly dispersion: number
  readonly autocorrelation: number
  readonly drift: number | undefined
  readonly controls: number
  readonly details?: Readonly<Record<string, unknown>>
  /**
   * Signed normal score of a test that the effect is `at`, where a better one is at hand than effect by standard error (exact tests
   * of counts).
   */
  readonly score?: (at: number) => number
  /** All effects whose score lies within +- the given one, on the scale of `effect`: the interval that goes with `score`. */
  readonly bounds?: (score: number) => readonly [number, number]
  /** True (forecasts): half the width of `bounds` is how far a change has to go to be seen, not the normal multiple of the error. */
  readonly reachOfBounds?: boolean
  /** Another valid p that the effect is not above `margins.up`; the smaller one counts. */
  readonly pNotHigher?: number
  /** Of this very statistic, where `CompareOptions.null` is of another one. */
  readonly calibration?: Calibration
  /** See Measured. */
  readonly attainable?: number
  /** Level before that turns log ratios into differences where `before` is 0. */
  readonly base?: number
}

export function calibrationOf(placebos: readonly number[] | Calibration | undefined): Calibration {
  if (placebos === undefined) return UNCALIBRATED
  return isList(placebos) ? calibrate(placebos) : placebos
}

/** A difference of levels up to here, relative to them, is what sums are rounded by: the error of what never moves is no larger. */
const ROUNDING = 1e-9
/** Of the normal distribution, at 95 %. */
const USUAL = 1.96

/** From an estimate and its error to everything that a verdict is made of. */
export function measured(estimate: Estimate, options: CompareOptions): Measured {
  const { degreesOfFreedom: degrees, margins, scale } = estimate
  const level = scale === 'log' ? 1 : Math.max(Math.abs(estimate.before), Math.abs(estimate.after))
  const effect = Math.abs(estimate.effect) <= ROUNDING * level ? 0 : estimate.effect
  const calibration = estimate.calibration ?? calibrationOf(options.null)
  const model = (statistic: number): number => studentUpperTail(statistic, degrees)
  const error = Math.sqrt(estimate.varianceAfter + estimate.varianceRest)
  const score =
    estimate.score ??
    ((at: number) => (error > 0 ? (effect - at) / error : effect === at ? 0 : Math.sign(effect - at) * 40))
  const upper = (at: number): number =>
    at === Number.NEGATIVE_INFINITY ? 0 : calibratedUpperTail(score(at), calibration, model)
  const lower = (at: number): number => calibratedUpperTail(-score(at), calibration, model)
  const pHigher = upper(0)
  const pLower = lower(0)
  const pValue = Math.min(1, 2 * Math.min(pHigher, pLower))
  const notHigher = Math.min(lower(margins.up), estimate.pNotHigher ?? 1)
  const notLower = upper(margins.down)
  const boundsAt = (alpha: number): readonly [number, number] => {
    const quantile = studentUpperQuantile(alpha / 2, degrees) * calibration.scale
    return estimate.bounds?.(quantile) ?? [effect - quantile * error, effect + quantile * error]
  }
  const [low, high] = boundsAt(options.alpha)
  const [usualLow, usualHigh] = boundsAt(0.05)
  const base = estimate.base ?? estimate.before
  const toRatio = (x: number): number => (scale === 'log' ? Math.exp(x) : (base + x) / base)
  const toDifference = (x: number): number => (scale === 'log' ? base * Math.expm1(x) : x)
  const widened = error * calibration.scale
  const half =
    estimate.reachOfBounds === true
      ? (high - low) / 2
      : studentUpperQuantile(options.alpha / 2, degrees) * calibration.scale * error
  const reach = half + 0.8416 * widened
  const byDirection = inDirection(options.bad, pHigher, pLower, pValue)
  return {
    kind: 'measured',
    method: estimate.method,
    statistic: estimate.statistic,
    effect: {
      ratio: toRatio(effect),
      difference: toDifference(effect),
      before: estimate.before,
      after: estimate.after,
    },
    interval: ordered(toRatio(low), toRatio(high)),
    differenceInterval: [toDifference(low), toDifference(high)],
    confidence: 1 - options.alpha,
    deviation: (usualHigh - usualLow) / 2 / USUAL,
    standardError: widened,
    scale,
    degreesOfFreedom: degrees,
    studentised: score(0),
    pValue,
    ...byDirection,
    pEquivalence: Math.max(notHigher, notLower),
    pNotWorse:
      options.bad === 'up' ? notHigher : options.bad === 'down' ? notLower : Math.max(notHigher, notLower),
    beyond: beyond(effect, margins, options.bad),
    smallestSeen: scale === 'log' ? Math.exp(reach) : 1 + reach / Math.abs(estimate.before),
    ...untilDecided(estimate, options, calibration.scale),
    n: estimate.n,
    dispersion: estimate.dispersion,
    autocorrelation: estimate.autocorrelation,
    drift: estimate.drift,
    placebos: calibration.count,
    controls: estimate.controls,
    ...(estimate.reachOfBounds === true
      ? { forecast: { score: score(0), reach: scale === 'log' ? reach : null } }
      : {}),
    ...(estimate.attainable === undefined ? {} : { attainable: estimate.attainable }),
    ...(estimate.details === undefined ? {} : { details: estimate.details }),
  }
}

function inDirection(
  bad: BadDirection,
  pHigher: number,
  pLower: number,
  pValue: number,
): { pWorse: number; pBetter: number } {
  if (bad === 'both') return { pWorse: pValue, pBetter: 1 }
  return bad === 'up' ? { pWorse: pHigher, pBetter: pLower } : { pWorse: pLower, pBetter: pHigher }
}

function beyond(effect: number, margins: Estimate['margins'], bad: BadDirection): Measured['beyond'] {
  const side = effect >= margins.up ? 'up' : effect <= margins.down ? 'down' : undefined
  if (side === undefined) return 'no'
  return bad === 'both' || bad === side ? 'worse' : 'better'
}

/** How much more of the window after it takes to find a change of the smallest effect with probability 0.8. */
function untilDecided(
  estimate: Estimate,
  options: CompareOptions,
  widening: number,
): { moreMinutes: number; moreExposure: number } {
  const margin = Math.min(estimate.margins.up, -estimate.margins.down)
  const factor = (studentUpperQuantile(options.alpha / 2, estimate.degreesOfFreedom) + 0.8416) * widening
  const room = (margin / factor) ** 2 - estimate.varianceRest
  const growth = room > 0 ? estimate.varianceAfter / room : Number.POSITIVE_INFINITY
  const more = Math.max(0, growth - 1)
  return {
    moreMinutes: Math.ceil(more * estimate.n.after.minutes),
    moreExposure: Math.ceil(more * estimate.n.after.exposure),
  }
}

function isList(placebos: readonly number[] | Calibration): placebos is readonly number[] {
  return Array.isArray(placebos)
}

/** A negative level before turns the order of a ratio round. */
function ordered(a: number, b: number): [number, number] {
  return a <= b ? [a, b] : [b, a]
}
