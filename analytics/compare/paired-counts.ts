import { crossCorrelationScore } from '../stats/cross-correlation.ts'
import { differencesVariance } from '../stats/paired-difference.ts'
import { stratifiedRatio } from '../stats/stratified-ratio.ts'
import type { Aligned } from './align.ts'
import type { CountSplit, Pair } from './count-split.ts'
import { sharedStrata } from './shared-strata.ts'

/** What two arms' counts of the same minutes say of their ratio, whatever moved both. */
export interface PairedCounts extends CountSplit {
  /** Variance of the events after, given each stratum's events, by that of independent ones; at least 1. */
  readonly inflation: number
  readonly degreesOfFreedom: number
  /** Whether both rates evidently go up and down together. */
  readonly together: boolean
}

/**
 * Standard errors of a correlation from which on it is evident. Without it the smaller of two estimates of an error would be taken whichever it is, which is too small, most of all where one arm has
 * few events: its minutes say little of whether it goes with the other's (test/evaluation, part E).
 */
const EVIDENT = 2

/**
 * @param shares of bad events, where events are a part of the exposure; 0 where they are rates
 * @returns undefined where the arms share too few minutes, or one has no events in them
 */
export function pairedCounts(before: Aligned, after: Aligned, shares: Pair): PairedCounts | undefined {
  const strata = sharedStrata(before, after)
  if (strata === undefined) return undefined
  const { estimate, expected, residuals, ...events } = stratifiedRatio(strata)
  if (events.after === 0 || events.before === 0) return undefined
  const own = expected(estimate)
  // Of bad events the variance is less by what they take away from each other.
  const left = (1 - shares.after) * own.before + (1 - shares.before) * own.after
  const { variance, degreesOfFreedom } = differencesVariance(residuals, strata.filled)
  const around = (counts: Float64Array, exposures: Float64Array, rate: number): Float64Array =>
    counts.map((count, i) => count - rate * (exposures[i] as number))
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
  const exposure = { before: sum(strata.exposureBefore), after: sum(strata.exposureAfter) }
  const share = {
    after: events.after / exposure.after,
    before: events.after / exposure.after / Math.exp(estimate),
  }
  const bad = { after: events.after, before: exposure.before * Math.min(1, share.before) }
  const plain = (1 - share.after) / bad.after + (1 - bad.before / exposure.before) / bad.before
  return {
    events,
    exposure,
    proportions: { events: bad, factor: plain > 0 ? left / own.information / plain : 1 },
    estimate,
    expected: (at) => {
      const { after: mine, before: rest, information } = expected(at)
      const all = events.before + events.after
      return { after: mine, before: rest, evenness: information / (all * mine * rest) }
    },
    inflation: Math.max(1, variance / (own.information * left)),
    degreesOfFreedom,
    together:
      crossCorrelationScore(
        around(strata.after, strata.exposureAfter, events.after / exposure.after),
        around(strata.before, strata.exposureBefore, events.before / exposure.before),
      ) > EVIDENT,
  }
}
