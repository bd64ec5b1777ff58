import { betweenWindows } from '../stats/between-windows.ts'
import { type PairedSeries, pairedDifference } from '../stats/paired-difference.ts'
import type { RatioOfSums } from '../stats/ratio-of-sums.ts'
import { satterthwaite } from '../stats/satterthwaite.ts'
import type { SeasonShift } from './comparison.ts'

/** The variance of a difference of two levels, by where it comes from. */
export interface LevelVariance {
  readonly after: number
  readonly rest: number
  readonly degreesOfFreedom: number
  /** Between windows, as a variance; undefined where the time before is too short to tell. */
  readonly drift: number | undefined
}

/**
 * Where the time before is too short to show how far the level drifts by itself: a standard deviation on the log scale.
 * Larger than what minutes tell, smaller than what matters.
 */
export const ASSUMED_DRIFT = 0.05

/**
 * @param factor turns the estimates' unit into the scale of the effect (1 by the level for log ratios)
 * @param options.assumed false where the scale is not logarithmic, so that no drift can be assumed
 * @param options.doubted drift is known no better than the spread of windows that it is the rest of: no drift seen in a few windows is no proof that there is none.
 *   For distributions, of whose error drift is nearly all; gauges keep what they promise without (test/evaluation, part A)
 */
export function levelVariance(
  before: { readonly arm: RatioOfSums; readonly numerator: Float64Array; readonly denominator: Float64Array },
  after: RatioOfSums,
  factor: { readonly before: number; readonly after: number },
  shift: SeasonShift | undefined,
  sideBySide: boolean,
  { assumed = true, doubted = false }: { readonly assumed?: boolean; readonly doubted?: boolean } = {},
): LevelVariance {
  const between = sideBySide
    ? undefined
    : betweenWindows(before.numerator, before.denominator, after.influence.length)
  const own = after.variance * factor.after ** 2
  const windows = between?.windows ?? 1
  const seen = between === undefined ? undefined : between.variance * factor.before ** 2
  const drift = sideBySide || shift !== undefined ? 0 : (seen ?? (assumed ? ASSUMED_DRIFT ** 2 : 0))
  const earlier = Math.max(before.arm.variance * factor.before ** 2, drift / windows)
  const season = shift?.variance ?? 0
  const whole =
    !doubted || between === undefined || shift !== undefined ? drift : between.whole * factor.before ** 2
  return {
    after: own,
    rest: earlier + drift + season,
    drift: seen,
    degreesOfFreedom: satterthwaite([
      { variance: own, degreesOfFreedom: after.longRun.degreesOfFreedom },
      { variance: earlier, degreesOfFreedom: before.arm.longRun.degreesOfFreedom },
      { variance: drift, degreesOfFreedom: between?.degreesOfFreedom ?? 8, from: whole },
      { variance: season, degreesOfFreedom: shift?.degreesOfFreedom ?? 1 },
    ]),
  }
}

/** Side by side: from the minutes' own differences, to which either arm adds in proportion to what it varies by itself. */
export function pairedLevelVariance(before: PairedSeries, after: PairedSeries, step: number): LevelVariance {
  const { variance, degreesOfFreedom } = pairedDifference(after, before, step)
  const own = {
    before: before.arm.variance * before.factor ** 2,
    after: after.arm.variance * after.factor ** 2,
  }
  const sum = own.before + own.after
  const share = sum > 0 ? own.after / sum : 1
  return { after: share * variance, rest: (1 - share) * variance, degreesOfFreedom, drift: undefined }
}
