import { conditionalInterval, conditionalMidP } from '../stats/conditional-binomial.ts'
import { ratioInterval, ratioScore } from '../stats/miettinen-nurminen.ts'
import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'
import type { RatioOfSums } from '../stats/ratio-of-sums.ts'
import type { Aligned } from './align.ts'
import type { CompareOptions } from './comparison.ts'

/**
 * A count's variance is bounded below by its model, so its error is better known than the minutes alone tell. How much better
 * is a judgement, not a derivation: eight minutes' worth, and test/evaluation measures the false alarms that it leads to.
 */
export const MODEL_DEGREES = 8
/** Scores beyond this are all the same certainty, and infinite ones cannot be stored. */
const LARGEST_SCORE = 37

export type Arms = { readonly before: RatioOfSums; readonly after: RatioOfSums }
export type Pair = { readonly before: number; readonly after: number }

/** Counts and exposures divided by the dispersion under the hypothesis that the log ratio is `at`. */
export type Effective = { readonly counts: Pair; readonly all: Pair }

export function rateTest(effective: (at: number) => Effective, exposure: Pair, estimate: number) {
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

export function proportionTest(effective: (at: number) => Effective, estimate: number) {
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

/** Whether events take away from each other so much that a share is not a rate, and there are enough for a score. */
export function isProportion(pooled: number, { counts, all }: Effective): boolean {
  return (
    pooled > 0.1 &&
    Math.min(counts.before, counts.after, all.before - counts.before, all.after - counts.after) >= 10
  )
}

export function clampScore(score: number): number {
  return Math.max(-LARGEST_SCORE, Math.min(LARGEST_SCORE, score))
}

/** Mid-p of all events on one side: given their number and the exposures no allocation is more extreme, and dispersion only adds. */
export function attainable(events: number, shareAfter: number, bad: CompareOptions['bad']): number {
  const share =
    bad === 'up' ? shareAfter : bad === 'down' ? 1 - shareAfter : Math.min(shareAfter, 1 - shareAfter)
  return share ** events / 2
}

export function sizeOf(aligned: Aligned, arm: RatioOfSums) {
  return { minutes: aligned.numerator.length, events: arm.numerator, exposure: arm.denominator }
}
