import { incompleteGamma } from '../stats/incomplete-gamma.ts'
import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'
import type { Aligned } from './align.ts'
import { besidePosterior, wandering } from './beside.ts'
import type { CompareOptions, Measured } from './comparison.ts'
import {
  type Arms,
  attainable,
  clampScore,
  type Effective,
  isProportion,
  MODEL_DEGREES,
  proportionTest,
  rateTest,
  sizeOf,
} from './count-tests.ts'
import { measured } from './evidence.ts'
import { logMargins } from './margins.ts'

/** Weight below which a belief about the dispersion changes no p that anybody acts on. */
const LIGHTEST = 1e-6

/**
 * Counts of two versions in the same minutes: the exact tests of count-tests.ts, averaged over what the minutes' own differences leave open about the dispersion
 * (beside.ts). What exceeds independent events is a part of the level (variance mu + alpha mu^2, McCullagh and Nelder 1989, section 6.2.3), so it weighs on each tested
 * ratio by the events that this ratio would have had. A dispersion below that of independent events is not believed.
 */
export function countsBeside(
  lines: { readonly before: Aligned; readonly after: Aligned },
  arms: Arms,
  share: boolean,
  options: CompareOptions,
): Measured {
  const events = { before: arms.before.numerator, after: arms.after.numerator }
  const exposure = { before: arms.before.denominator, after: arms.after.denominator }
  const silent = events.before === 0 || events.after === 0
  const half = silent ? 0.5 : 0
  const base = (events.before + half) / exposure.before
  const none = events.before + events.after === 0
  const logRatio = none ? 0 : Math.log((events.after + half) / exposure.after / base)
  const influences = (side: 'before' | 'after') =>
    events[side] === 0
      ? undefined
      : { influence: arms[side].influence, factor: 1 / arms[side].estimate, start: lines[side].start }
  const posterior = none
    ? undefined
    : besidePosterior(influences('before'), influences('after'), lines.before.step)
  const pooled = (events.before + events.after) / (exposure.before + exposure.after)
  const rest = share ? 1 - pooled : 1
  /** Variance of the log ratio, were events independent. */
  const model = (before: number, after: number): number => rest * (1 / before + 1 / after)
  const own = rest * ((events.before > 0 ? 1 / events.before : 0) + (events.after > 0 ? 1 / events.after : 0))
  // A silent version is thought to wander as the other does.
  const sides = silent ? 2 : 1
  const excessOf = (variance: number): number => sides * Math.max(0, variance - own)
  const modelAt = (at: number): number => {
    const by = Math.exp(at) * exposure.after
    const total = Math.max(1, events.before + events.after)
    const after = (total * by) / (exposure.before + by)
    return model(Math.max(1e-9, total - after), Math.max(1e-9, after))
  }
  const effective =
    (excess: number) =>
    (at: number): Effective => {
      const by = 1 + excess / modelAt(at)
      return {
        counts: { before: events.before / by, after: events.after / by },
        all: { before: exposure.before / by, after: exposure.after / by },
      }
    }
  const mean = excessOf(posterior?.variance ?? 0)
  const dispersion = 1 + mean / modelAt(logRatio)
  const proportion = share && isProportion(pooled, effective(mean)(logRatio))
  let notHigher = 0
  const beliefs: { weight: number; test: ReturnType<typeof rateTest> }[] = []
  const { weights, scales } = posterior?.distribution ?? {
    weights: Float64Array.of(1),
    scales: Float64Array.of(0),
  }
  weights.forEach((weight, i) => {
    if (weight < LIGHTEST) return
    const excess = excessOf((posterior?.variance ?? 0) * (scales[i] as number) ** 2)
    const at = effective(excess)
    const { counts, all } = at(logRatio)
    notHigher += weight * incompleteGamma(counts.after + 1, options.smallestEffect.absolute * all.after).upper
    beliefs.push({
      weight,
      test: proportion ? proportionTest(at, logRatio) : rateTest(at, exposure, logRatio),
    })
  })
  const score = (at: number): number => {
    let upper = 0
    let lower = 0
    for (const { weight, test } of beliefs) {
      const own = test.score(at)
      upper += weight * normalUpperTail(own)
      lower += weight * normalUpperTail(-own)
    }
    return clampScore(upper < lower ? normalUpperQuantile(upper) : -normalUpperQuantile(lower))
  }
  const variance = (count: number): number => (rest * dispersion) / Math.max(count, 0.5)
  return measured(
    {
      method: `${share ? 'ratio' : 'rate'}-${proportion ? 'miettinen-nurminen' : 'conditional-mid-p'}-difference-of-minutes@3`,
      statistic: share ? 'ratio' : 'rate',
      before: arms.before.estimate,
      after: arms.after.estimate,
      base,
      effect: logRatio,
      scale: 'log',
      margins: logMargins(options.smallestEffect, base),
      score,
      bounds: (limit) => [
        events.after === 0 ? Number.NEGATIVE_INFINITY : edge(score, limit, logRatio, -1),
        events.before === 0 ? Number.POSITIVE_INFINITY : edge(score, limit, logRatio, 1),
      ],
      // With hardly any events before, the rate after alone can be shown to be less than what matters.
      pNotHigher: Math.min(1, notHigher + LIGHTEST),
      attainable: attainable(
        events.before + events.after,
        exposure.after / (exposure.before + exposure.after),
        options.bad,
      ),
      varianceAfter: variance(events.after),
      varianceRest: variance(events.before),
      degreesOfFreedom:
        Math.min(lines.before.numerator.length, lines.after.numerator.length) - 1 + MODEL_DEGREES,
      n: { before: sizeOf(lines.before, arms.before), after: sizeOf(lines.after, arms.after) },
      dispersion,
      autocorrelation: posterior?.autocorrelation ?? 0,
      wandering: posterior !== undefined && wandering(posterior),
      drift: undefined,
      controls: 0,
    },
    options,
  )
}

/** The effect at which the score has fallen to the limit, on one side of the estimate. */
function edge(score: (at: number) => number, limit: number, estimate: number, side: 1 | -1): number {
  const beyond = (at: number): boolean => -side * score(at) >= limit
  let near = estimate
  let step = 0.5
  while (!beyond(near + side * step) && step < 64) {
    near += side * step
    step *= 2
  }
  let far = near + side * step
  for (let i = 0; i < 30; i++) {
    const middle = (near + far) / 2
    if (beyond(middle)) far = middle
    else near = middle
  }
  return (near + far) / 2
}
