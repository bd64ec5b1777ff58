import { betweenWindows } from '../stats/between-windows.ts'
import type { RatioOfSums } from '../stats/ratio-of-sums.ts'
import { satterthwaite } from '../stats/satterthwaite.ts'
import type { Aligned } from './align.ts'
import type { CompareOptions } from './comparison.ts'
import type { CountSplit, Pair } from './count-split.ts'
import type { PairedCounts } from './paired-counts.ts'

/**
 * A count's variance is bounded below by its model, so its error is better known than the minutes alone tell. How much better
 * is a judgement, not a derivation: eight minutes' worth, and test/evaluation measures the false alarms that it leads to.
 */
const MODEL_DEGREES = 8
/** Weight of the dispersion before, in degrees of freedom, where the window after happens to look calmer. */
const BORROWED_DEGREES = 20
/** Of both versions' own variances, what their difference has to be below where they go up and down together: a little less may be chance. */
const EVIDENTLY_LESS = 0.5

export interface Arms {
  readonly before: RatioOfSums
  readonly after: RatioOfSums
}

interface Dispersed {
  readonly arms: Arms
  readonly before: Aligned
  /** Minutes of the window after. */
  readonly window: number
  readonly share: boolean
  readonly options: CompareOptions
  readonly seasonKnown: boolean
  readonly split: CountSplit
  readonly paired: PairedCounts | undefined
}

/**
 * Variance of the counts by that of independent events, for both arms together: at the estimate, and under the hypothesis of a
 * log ratio below it.
 *
 * Where failures come in troubled minutes, the excess over independence grows with their level (variance mu + alpha mu^2, as the
 * negative binomial's; McCullagh and Nelder 1989, section 6.2.3), so a window of many failures looks more dispersed than it would have
 * been without them. What the window before shows is never gone below: bursts of one cause have the same excess at any level.
 * Of two versions of the same minutes it is that of the minutes' own differences where these evidently have something in common; where they have not, the errors of both are better known.
 */
export function dispersionOf({
  arms,
  before,
  window,
  share,
  options,
  seasonKnown,
  split,
  paired,
}: Dispersed) {
  const alone = { before: inflation(arms.before, share), after: inflation(arms.after, share) }
  const degrees = { before: arms.before.longRun.degreesOfFreedom, after: arms.after.longRun.degreesOfFreedom }
  const events = { before: arms.before.numerator, after: arms.after.numerator }
  const weight = { before: 1 / Math.max(events.before, 0.5), after: 1 / Math.max(events.after, 0.5) }
  const total = weight.before + weight.after
  if (events.before === 0) alone.before = alone.after
  if (events.after === 0) alone.after = alone.before
  // Whether the arms have something in common.
  const shared =
    paired?.together === true &&
    paired.inflation * total < EVIDENTLY_LESS * (alone.before * weight.before + alone.after * weight.after)
  const own = shared ? withoutCommon(alone, weight, paired.inflation) : alone
  if (!shared && own.before > own.after) {
    const borrowed = Math.min(degrees.before, BORROWED_DEGREES)
    own.after = (degrees.after * own.after + borrowed * own.before) / (degrees.after + borrowed)
  }
  const inflationAfter = (at: number): number => {
    if (events.before === 0 || events.after === 0 || own.after <= own.before) return own.after
    const level = ((split.events.before + split.events.after) * split.expected(at).after) / split.events.after
    return Math.max(own.before, 1 + (own.after - 1) * Math.min(1, level))
  }
  const within = (after: number): number => (own.before * weight.before + after * weight.after) / total
  const between =
    options.design === 'side-by-side' || seasonKnown
      ? undefined
      : betweenWindows(before.numerator, before.denominator, window)
  const relative =
    between === undefined || events.before === 0 ? 0 : between.variance / arms.before.estimate ** 2
  // Under no change, the window after would have held this many events.
  const expected = arms.before.estimate * arms.after.denominator
  const added = (relative * expected) / (share ? Math.max(0.05, 1 - arms.before.estimate) : 1)
  return {
    dispersion: within(own.after) + added,
    under: (at: number): number => within(inflationAfter(at)) + added,
    drift: between === undefined ? undefined : Math.sqrt(relative),
    degreesOfFreedom: shared
      ? paired.degreesOfFreedom + MODEL_DEGREES
      : satterthwaite([
          { variance: own.before * weight.before, degreesOfFreedom: degrees.before + MODEL_DEGREES },
          { variance: inflationAfter(0) * weight.after, degreesOfFreedom: degrees.after + MODEL_DEGREES },
          { variance: added * total, degreesOfFreedom: between?.degreesOfFreedom ?? 1 },
        ]),
  }
}

/**
 * What both arms have in common is in the sum of their errors and not in that of their difference: half of what these differ by is in each arm. Of what is left neither has less than
 * independent events.
 * @param own inflation of each arm  @param weight variance of the log of independent events  @param inflation of their difference
 */
function withoutCommon(own: Pair, weight: Pair, inflation: number): { before: number; after: number } {
  const whole = inflation * (weight.before + weight.after)
  const common = (own.before * weight.before + own.after * weight.after - whole) / 2
  const after = Math.max(weight.after, Math.min(own.after * weight.after - common, whole - weight.before))
  return { before: (whole - after) / weight.before, after: after / weight.after }
}

function inflation(arm: RatioOfSums, share: boolean): number {
  const model = (arm.estimate / arm.denominator) * (share ? 1 - arm.estimate : 1)
  return model > 0 ? Math.max(1, arm.variance / model) : 1
}
