import { sequenceHalfWidth } from '../stats/asymptotic-confidence-sequence.ts'
import { logCountEvidence } from '../stats/count-e-process.ts'
import { LOG_EFFECTS, LOG_WEIGHTS } from '../stats/effect-prior.ts'
import { logMixture } from '../stats/log-mixture.ts'
import { normalUpperQuantile } from '../stats/normal.ts'
import { addPairedEvidence } from '../stats/paired-count-e-process.ts'
import { pairedDispersion } from './accumulate.ts'
import type { Part, Plan } from './plan.ts'
import type { PartState } from './state.ts'

export interface Effect {
  /** `rate`, `ratio`, `mean`, `p50`, `p90`, `p99`: of quantiles the share of values above where it was before. */
  readonly statistic: string
  /** After by before (or new by old version); of a gauge on a linear scale the difference. NaN: nothing yet. */
  readonly estimate: number
  /** Confidence sequence at 1 - alpha: it holds the truth at all times at once. See {@link effectOf} for where it is exact. */
  readonly interval: readonly [number, number]
  /** Events (of a gauge spans) so far, and how many the baseline or the old version beside lets expect. */
  readonly events: number
  readonly expected: number
}

/** Effect at which confidence sequences of means are tightest. */
const TIGHTEST = 0.3
const LEAST_LOG = -7
const MOST_LOG = 12

/**
 * Effect so far with its confidence sequence. Counts: the edges that the one-sided e-processes at alpha / 2 do not reject, so exact where
 * they are; side by side on the totals, at the share of exposure that gives the Mantel-Haenszel ratio, which is exact while the
 * new version's share of traffic stays the same. Gauges: the asymptotic sequence, and the baseline's own error (Bonferroni).
 */
export function effectOf(plan: Plan, part: Part, sums: PartState): Effect {
  if (part.quantity.of === 'mean') return effectOfMean(plan, part, sums)
  const paired = plan.design === 'side-by-side'
  const matched = paired ? matchedExposure(sums) : sums.expected
  const expected = paired ? sums.besideEvents * matched : sums.expected
  if (!(sums.exposure > 0)) return nothing(part, sums.events, expected)
  const limit = Math.log(2 / plan.alpha)
  const dispersion = paired ? pairedDispersion(part, sums) : part.baseline.dispersion
  const wealth = new Float64Array(LOG_EFFECTS.length)
  const evidence = (edge: number, up: boolean): number => {
    if (!paired) {
      const { drift } = part.baseline
      return logCountEvidence({ events: sums.events, expected: edge * expected, dispersion, drift }, up)
    }
    wealth.fill(0)
    const counts = {
      events: sums.events,
      exposure: matched,
      besideEvents: sums.besideEvents,
      besideExposure: 1,
    }
    addPairedEvidence(wealth, 0, counts, edge, dispersion, up)
    return logMixture(wealth, LOG_WEIGHTS)
  }
  const low = crossing((log) => evidence(Math.exp(log), true) >= limit)
  const high = crossing((log) => evidence(Math.exp(log), false) < limit)
  return {
    statistic: part.statistic,
    estimate: expected > 0 ? sums.events / expected : Number.POSITIVE_INFINITY,
    interval: [
      low <= LEAST_LOG ? 0 : Math.exp(low),
      high >= MOST_LOG ? Number.POSITIVE_INFINITY : Math.exp(high),
    ],
    events: sums.events,
    expected,
  }
}

/** Exposure of the new version by that of the old one at which the totals have the ratio that the spans have. */
function matchedExposure(sums: PartState): number {
  const plain = sums.exposure / sums.besideExposure
  if (!(sums.ratioTop > 0 && sums.ratioBottom > 0)) return plain
  return (sums.events / sums.besideEvents) * (sums.ratioBottom / sums.ratioTop)
}

function effectOfMean(plan: Plan, part: Part, sums: PartState): Effect {
  if (sums.expected === 0) return nothing(part, 0, 0)
  const arms = plan.design === 'side-by-side' ? 2 : 1
  const mean = sums.events / sums.expected
  const half =
    sequenceHalfWidth(
      (arms * part.baseline.dispersion) / sums.expected,
      TIGHTEST * part.unit,
      plan.alpha / 2,
    ) +
    part.baseline.drift * normalUpperQuantile(plan.alpha / 4)
  const shown = (x: number): number =>
    part.quantity.of === 'mean' && part.quantity.scale === 'log' ? Math.exp(x) : x
  return {
    statistic: part.statistic,
    estimate: shown(mean),
    interval: [shown(mean - half), shown(mean + half)],
    events: sums.expected,
    expected: sums.expected,
  }
}

function nothing(part: Part, events: number, expected: number): Effect {
  return {
    statistic: part.statistic,
    estimate: Number.NaN,
    interval: [part.quantity.of === 'mean' ? Number.NEGATIVE_INFINITY : 0, Number.POSITIVE_INFINITY],
    events,
    expected,
  }
}

/** Where a predicate that holds for small log ratios stops holding. */
function crossing(holds: (log: number) => boolean): number {
  let low = LEAST_LOG
  let high = MOST_LOG
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2
    if (holds(middle)) low = middle
    else high = middle
  }
  return (low + high) / 2
}
