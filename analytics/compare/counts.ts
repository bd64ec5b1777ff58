import { binomialMidP, conditionalInterval } from '../stats/conditional-binomial.ts'
import { incompleteGamma } from '../stats/incomplete-gamma.ts'
import { ratioInterval, ratioScore } from '../stats/miettinen-nurminen.ts'
import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'
import { type RatioOfSums, ratioOfSums } from '../stats/ratio-of-sums.ts'
import { satterthwaite } from '../stats/satterthwaite.ts'
import type { Aligned } from './align.ts'
import type { CompareOptions, Comparison, SeasonalNull } from './comparison.ts'
import { type Arms, dispersionOf } from './count-dispersion.ts'
import { type CountSplit, type ExpectedShares, type Pair, splitOfSums } from './count-split.ts'
import { measured } from './evidence.ts'
import { FORECAST_FROM, forecastEstimate } from './forecast.ts'
import { logMargins } from './margins.ts'
import { pairedCounts } from './paired-counts.ts'

/** Minutes without which no dependence can be estimated. */
const FEWEST_MINUTES = 3
/** Scores beyond this are all the same certainty, and infinite ones cannot be stored. */
const LARGEST_SCORE = 37
/** Events expected after from which on a season is taken off. */
const SEASON_FROM = 30
/** Events in each arm from which a log ratio is near enough to normal to subtract a season from it. */
const NORMAL_FROM = 10

/**
 * Compares counted events by exposure (requests, seconds, all events) before and after.
 *
 * The counts of both arms are divided by their dispersion: what dependence between minutes adds (see long-run-variance.ts), and what
 * the level moves between windows of the length of the window after (see between-windows.ts), both under the hypothesis that is
 * tested, as a score test has it (see count-dispersion.ts). On what is left the exact conditional test works at any size; shares above a
 * tenth use Miettinen and Nurminen's score, because there events take away from each other. Side by side each minute is compared with itself, so that what both versions
 * went through is in neither effect nor error (see paired-counts.ts).
 * @param share events are a part of the exposure (bad of all), not a rate of it
 */
export function compareCounts(
  before: Aligned | undefined,
  after: Aligned | undefined,
  share: boolean,
  options: CompareOptions,
): Comparison {
  if (before === undefined || after === undefined) return missing(before, after)
  if (before.numerator.length < FEWEST_MINUTES || after.numerator.length < FEWEST_MINUTES) {
    return {
      kind: 'undecidable',
      reason: 'too few minutes',
      needs: `at least ${FEWEST_MINUTES} minutes with traffic before and after`,
    }
  }
  const sideBySide = options.design === 'side-by-side'
  const arms = {
    before: ratioOfSums(before.numerator, before.denominator, sideBySide),
    after: ratioOfSums(after.numerator, after.denominator, sideBySide),
  }
  const season = seasonal(arms, options) ? options.season : undefined
  const shares = { before: arms.before.estimate, after: arms.after.estimate }
  const paired = sideBySide
    ? pairedCounts(before, after, share ? shares : { before: 0, after: 0 })
    : undefined
  const split = paired ?? splitOfSums(arms.before, arms.after)
  const whole = {
    arms,
    before,
    window: after.numerator.length,
    share,
    options,
    seasonKnown: season !== undefined,
  }
  const spread = dispersionOf({ ...whole, split, paired })
  const { dispersion } = spread
  const logRatio = split.estimate
  // Where minutes are held equal, as the arm after has them. Without events before, what matters is measured from what half an event would have been.
  const level = paired === undefined ? arms.before.estimate : arms.after.estimate / Math.exp(logRatio)
  const base =
    level === 0 || arms.after.numerator === 0
      ? (arms.before.numerator + 0.5) / arms.before.denominator
      : level
  const margins = logMargins(options.smallestEffect, base)
  const varianceOf = (events: number): number =>
    dispersion / split.expected(logRatio).evenness / Math.max(events, 0.5)
  const varianceAfter = varianceOf(split.events.after)
  const varianceBefore = varianceOf(split.events.before)

  const common = {
    statistic: share ? 'ratio' : 'rate',
    before: level,
    after: arms.after.estimate,
    base,
    scale: 'log' as const,
    margins,
    n: {
      before: sizeOf(before, arms.before),
      after: sizeOf(after, arms.after),
    },
    dispersion: spread.under(0),
    autocorrelation: arms.after.longRun.autocorrelation,
    drift: spread.drift,
  }
  const { past } = options
  const each =
    past === undefined
      ? 0
      : (arms.before.estimate * arms.after.denominator * past.slotSeconds) /
        (after.numerator.length * after.step)
  const forecast =
    share || sideBySide || past === undefined || each < FORECAST_FROM
      ? undefined
      : forecastEstimate(past, after)
  if (forecast !== undefined && forecast.scale === 'log') {
    const whole = forecast.standardError ** 2
    const own = Math.min(whole, varianceAfter)
    return measured(
      {
        ...common,
        ...forecast,
        base: forecast.before,
        margins: logMargins(options.smallestEffect, forecast.before),
        varianceAfter: own,
        varianceRest: whole - own,
        controls: 0,
      },
      options,
    )
  }
  if (season !== undefined) {
    const { shift } = season
    const parts = [
      { variance: varianceAfter + varianceBefore, degreesOfFreedom: spread.degreesOfFreedom },
      { variance: shift.variance, degreesOfFreedom: shift.degreesOfFreedom },
    ]
    return measured(
      {
        ...common,
        method: `${common.statistic}-difference-in-differences@1`,
        effect: logRatio - shift.shift,
        varianceAfter,
        varianceRest: varianceBefore + shift.variance,
        degreesOfFreedom: satterthwaite(parts),
        controls: shift.count,
        calibration: season.calibration,
        details: { shiftOfSeason: Math.exp(shift.shift), ratioWithoutSeason: Math.exp(logRatio) },
      },
      options,
    )
  }
  const pooled =
    (arms.before.numerator + arms.after.numerator) / (arms.before.denominator + arms.after.denominator)
  const under = (at: number): number => (at < logRatio ? spread.under(at) : dispersion)
  const scored =
    share && pooled > 0.1 && arePlenty(split, dispersion)
      ? proportionTest(split, under)
      : rateTest(split, under)
  // Of the arm after alone, not of what it has and the other has not.
  const alone =
    paired === undefined ? dispersion : dispersionOf({ ...whole, split, paired: undefined }).dispersion
  return measured(
    {
      ...common,
      ...scored,
      // With hardly any events before, the rate after alone can be shown to be less than what matters.
      pNotHigher: incompleteGamma(
        arms.after.numerator / alone + 1,
        (options.smallestEffect.absolute * arms.after.denominator) / alone,
      ).upper,
      attainable: attainable(split, options.bad),
      method: `${common.statistic}-${scored.method}${paired === undefined ? '@2' : '-paired-minutes@1'}`,
      effect: logRatio,
      varianceAfter,
      varianceRest: varianceBefore,
      degreesOfFreedom: spread.degreesOfFreedom,
      controls: 0,
    },
    options,
  )
}

/** The dispersion under the hypothesis that the log ratio is `at`. */
type Dispersion = (at: number) => number

function rateTest(split: CountSplit, dispersion: Dispersion) {
  const { exposure, estimate } = split
  const score = (at: number): number => {
    const expected = split.expected(at)
    const p = binomialMidP(effective(split, dispersion(at), expected), expected)
    return clampScore(p.upper < p.lower ? normalUpperQuantile(p.upper) : -normalUpperQuantile(p.lower))
  }
  return {
    method: 'conditional-mid-p-quasi-poisson',
    score,
    bounds: (limit: number): [number, number] => {
      const counts = effective(split, dispersion(estimate), split.expected(estimate))
      const [low, high] = conditionalInterval(
        { ...counts, exposureAfter: exposure.after, exposureBefore: exposure.before },
        normalUpperTail(limit),
        (ratio) => split.expected(Math.log(ratio)),
      )
      return [lowerBound(score, limit, Math.log(low), estimate), Math.log(high)]
    },
  }
}

/** How many independent events there are. Where they are few none is counted for more than one. */
function effective({ events }: CountSplit, dispersion: number, { evenness }: ExpectedShares): Pair {
  const by = dispersion * (Math.min(events.before, events.after) < NORMAL_FROM ? 1 : evenness)
  return { before: events.before / by, after: events.after / by }
}

function proportionTest(split: CountSplit, dispersion: Dispersion) {
  const { exposure, estimate, proportions } = split
  const pairAt = (at: number) => {
    const by = dispersion(at) * proportions.factor
    return {
      badAfter: proportions.events.after / by,
      allAfter: exposure.after / by,
      badBefore: proportions.events.before / by,
      allBefore: exposure.before / by,
    }
  }
  const score = (at: number): number => clampScore(ratioScore(pairAt(at), Math.exp(at)))
  return {
    method: 'miettinen-nurminen-design-effect',
    score,
    bounds: (limit: number): [number, number] => {
      const [low, high] = ratioInterval(pairAt(estimate), limit)
      return [lowerBound(score, limit, Math.log(low), estimate), Math.log(high)]
    },
  }
}

/** Whether a normal score will do for both shares. */
function arePlenty({ exposure, proportions: { events } }: CountSplit, dispersion: number): boolean {
  const rest = { before: exposure.before - events.before, after: exposure.after - events.after }
  return Math.min(events.before, events.after, rest.before, rest.after) / dispersion >= NORMAL_FROM
}

/** Below the estimate the dispersion falls with the ratio under test, so that the bound lies above the one of a fixed dispersion. */
function lowerBound(score: (at: number) => number, limit: number, fixed: number, estimate: number): number {
  if (!Number.isFinite(fixed)) return fixed
  let low = fixed
  let high = Math.max(fixed, estimate)
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2
    if (score(middle) > limit) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Mid-p of all events on one side: given their number and the exposures no allocation is more extreme, and dispersion only adds. */
function attainable(split: CountSplit, bad: CompareOptions['bad']): number {
  const expected = split.expected(0)
  const { after, before } = expected
  const share = bad === 'up' ? after : bad === 'down' ? before : Math.min(after, before)
  const events = effective(split, 1, expected)
  return share ** (events.after + events.before) / 2
}

/** Whether the season is to be taken off: there is one, and enough events, had nothing changed, for it to matter more than their number. */
function seasonal(
  arms: Arms,
  options: CompareOptions,
): options is CompareOptions & { readonly season: SeasonalNull } {
  return (
    options.design !== 'side-by-side' &&
    options.season?.evident === true &&
    Math.min(arms.before.numerator, arms.after.numerator) >= NORMAL_FROM &&
    arms.before.estimate * arms.after.denominator >= SEASON_FROM
  )
}

function sizeOf(aligned: Aligned, arm: RatioOfSums) {
  return { minutes: aligned.numerator.length, events: arm.numerator, exposure: arm.denominator }
}

function clampScore(score: number): number {
  return Math.max(-LARGEST_SCORE, Math.min(LARGEST_SCORE, score))
}

/** What to say where an arm has no exposure. */
export function missing(before: unknown, after: unknown): Comparison {
  if (before === undefined && after === undefined) {
    return { kind: 'undecidable', reason: 'no data', needs: 'traffic on this series' }
  }
  return before === undefined
    ? { kind: 'undecidable', reason: 'no data before', needs: 'traffic on this series before the release' }
    : { kind: 'undecidable', reason: 'no data after', needs: 'traffic on this series after the release' }
}
