import { betweenWindows } from '../stats/between-windows.ts'
import { conditionalInterval, conditionalMidP } from '../stats/conditional-binomial.ts'
import { incompleteGamma } from '../stats/incomplete-gamma.ts'
import { ratioInterval, ratioScore } from '../stats/miettinen-nurminen.ts'
import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'
import { type RatioOfSums, ratioOfSums } from '../stats/ratio-of-sums.ts'
import { satterthwaite } from '../stats/satterthwaite.ts'
import type { Aligned } from './align.ts'
import type { CompareOptions, Comparison, SeasonalNull } from './comparison.ts'
import { measured } from './evidence.ts'
import { FORECAST_FROM, forecastEstimate } from './forecast.ts'
import { logMargins } from './margins.ts'

/** Minutes without which no dependence can be estimated. */
const FEWEST_MINUTES = 3
/** Scores beyond this are all the same certainty, and infinite ones cannot be stored. */
const LARGEST_SCORE = 37
/** Events expected after from which on a season is taken off. */
const SEASON_FROM = 30
/** Events in each arm from which a log ratio is near enough to normal to subtract a season from it. */
const NORMAL_FROM = 10
/**
 * A count's variance is bounded below by its model, so its error is better known than the minutes alone tell. How much better
 * is a judgement, not a derivation: eight minutes' worth, and test/evaluation measures the false alarms that it leads to.
 */
const MODEL_DEGREES = 8
/** Weight of the dispersion before, in degrees of freedom, where the window after happens to look calmer. */
const BORROWED_DEGREES = 20

/**
 * Compares counted events by exposure (requests, seconds, all events) before and after.
 *
 * The counts of both arms are divided by their dispersion: what dependence between minutes adds (see long-run-variance.ts), and what
 * the level moves between windows of the length of the window after (see between-windows.ts), both under the hypothesis that is
 * tested, as a score test has it (see dispersionOf). On what is left the exact conditional test works at any size; shares above a
 * tenth use Miettinen and Nurminen's score, because there events take away from each other.
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
  const spread = dispersionOf(arms, before, after.numerator.length, share, options, season !== undefined)
  const { dispersion } = spread
  const exposure = { before: arms.before.denominator, after: arms.after.denominator }
  // Half an event where there is none, so that a ratio exists; tests and intervals do not use it.
  const none = arms.before.numerator === 0 || arms.after.numerator === 0
  const half = none ? 0.5 : 0
  const base = (arms.before.numerator + half) / exposure.before
  const silent = arms.before.numerator + arms.after.numerator === 0
  const logRatio = silent ? 0 : Math.log((arms.after.numerator + half) / exposure.after / base)
  // Without events before, what matters is measured from what half an event would have been.
  const margins = logMargins(options.smallestEffect, base)
  const varianceOf = (events: number): number => dispersion / Math.max(events, 0.5)
  const varianceAfter = varianceOf(arms.after.numerator)
  const varianceBefore = varianceOf(arms.before.numerator)

  const common = {
    statistic: share ? 'ratio' : 'rate',
    before: arms.before.estimate,
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
  const pooled = (arms.before.numerator + arms.after.numerator) / (exposure.before + exposure.after)
  const effective = (at: number): Effective => {
    const by = at < logRatio ? spread.under(at) : dispersion
    return {
      counts: { before: arms.before.numerator / by, after: arms.after.numerator / by },
      all: { before: exposure.before / by, after: exposure.after / by },
    }
  }
  const { counts, all } = effective(logRatio)
  const scored =
    share &&
    pooled > 0.1 &&
    Math.min(counts.before, counts.after, all.before - counts.before, all.after - counts.after) >= 10
      ? proportionTest(effective, logRatio)
      : rateTest(effective, exposure, logRatio)
  return measured(
    {
      ...common,
      ...scored,
      // With hardly any events before, the rate after alone can be shown to be less than what matters.
      pNotHigher: incompleteGamma(
        counts.after + 1,
        (options.smallestEffect.absolute * exposure.after) / dispersion,
      ).upper,
      attainable: attainable(
        arms.before.numerator + arms.after.numerator,
        exposure.after / (exposure.before + exposure.after),
        options.bad,
      ),
      method: `${common.statistic}-${scored.method}@2`,
      effect: logRatio,
      varianceAfter,
      varianceRest: varianceBefore,
      degreesOfFreedom: spread.degreesOfFreedom,
      controls: 0,
    },
    options,
  )
}

type Arms = { readonly before: RatioOfSums; readonly after: RatioOfSums }
type Pair = { readonly before: number; readonly after: number }

/** Counts and exposures divided by the dispersion under the hypothesis that the log ratio is `at`. */
type Effective = { readonly counts: Pair; readonly all: Pair }

function rateTest(effective: (at: number) => Effective, exposure: Pair, estimate: number) {
  const pairAt = (at: number) => {
    const { counts } = effective(at)
    return {
      after: counts.after,
      before: counts.before,
      exposureAfter: exposure.after,
      exposureBefore: exposure.before,
    }
  }
  const score = (at: number): number => {
    const p = conditionalMidP(pairAt(at), Math.exp(at))
    return clampScore(p.upper < p.lower ? normalUpperQuantile(p.upper) : -normalUpperQuantile(p.lower))
  }
  return {
    method: 'conditional-mid-p-quasi-poisson',
    score,
    bounds: (limit: number): [number, number] => {
      const [low, high] = conditionalInterval(pairAt(estimate), normalUpperTail(limit))
      return [lowerBound(score, limit, Math.log(low), estimate), Math.log(high)]
    },
  }
}

function proportionTest(effective: (at: number) => Effective, estimate: number) {
  const pairAt = (at: number) => {
    const { counts, all } = effective(at)
    return { badAfter: counts.after, allAfter: all.after, badBefore: counts.before, allBefore: all.before }
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
function attainable(events: number, shareAfter: number, bad: CompareOptions['bad']): number {
  const share =
    bad === 'up' ? shareAfter : bad === 'down' ? 1 - shareAfter : Math.min(shareAfter, 1 - shareAfter)
  return share ** events / 2
}

/**
 * Variance of the counts by that of independent events, for both arms together: at the estimate, and under the hypothesis of a
 * log ratio below it.
 *
 * Where failures come in troubled minutes, the excess over independence grows with their level (variance mu + alpha mu^2, as the
 * negative binomial's; McCullagh and Nelder 1989, section 6.2.3), so a window of many failures looks more dispersed than it would have
 * been without them. What the window before shows is never gone below: bursts of one cause have the same excess at any level.
 */
function dispersionOf(
  arms: Arms,
  before: Aligned,
  window: number,
  share: boolean,
  options: CompareOptions,
  seasonKnown: boolean,
) {
  const own = { before: inflation(arms.before, share), after: inflation(arms.after, share) }
  const degrees = { before: arms.before.longRun.degreesOfFreedom, after: arms.after.longRun.degreesOfFreedom }
  const events = { before: arms.before.numerator, after: arms.after.numerator }
  if (events.before === 0) own.before = own.after
  if (events.after === 0) own.after = own.before
  if (own.before > own.after) {
    const borrowed = Math.min(degrees.before, BORROWED_DEGREES)
    own.after = (degrees.after * own.after + borrowed * own.before) / (degrees.after + borrowed)
  }
  const inflationAfter = (at: number): number => {
    if (events.before === 0 || events.after === 0 || own.after <= own.before) return own.after
    const exposure = { before: arms.before.denominator, after: arms.after.denominator }
    const ratio = Math.exp(at)
    const level = (ratio * (events.before + events.after)) / (exposure.before + ratio * exposure.after)
    return Math.max(own.before, 1 + (own.after - 1) * Math.min(1, level / arms.after.estimate))
  }
  const weight = { before: 1 / Math.max(events.before, 0.5), after: 1 / Math.max(events.after, 0.5) }
  const total = weight.before + weight.after
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
    degreesOfFreedom: satterthwaite([
      { variance: own.before * weight.before, degreesOfFreedom: degrees.before + MODEL_DEGREES },
      { variance: inflationAfter(0) * weight.after, degreesOfFreedom: degrees.after + MODEL_DEGREES },
      { variance: added * total, degreesOfFreedom: between?.degreesOfFreedom ?? 1 },
    ]),
  }
}

function inflation(arm: RatioOfSums, share: boolean): number {
  const model = (arm.estimate / arm.denominator) * (share ? 1 - arm.estimate : 1)
  return model > 0 ? Math.max(1, arm.variance / model) : 1
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
