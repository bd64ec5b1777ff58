import { LOG_EFFECTS } from '../stats/effect-prior.ts'
import { addPairedEvidence } from '../stats/paired-count-e-process.ts'
import { pairedDispersion } from './accumulate.ts'
import { evidenceOf } from './evidence.ts'
import type { Part, Plan } from './plan.ts'
import type { PartState } from './state.ts'

/** Seconds more, at the present traffic, until the evidence decides if it grows as expected; Infinity: not within a week. */
export interface TimeToDecision {
  /** Until `worse` is shown, if from now on the change is the smallest that matters. */
  readonly worse: number
  /** Until `harmless` is shown, if from now on nothing is different. */
  readonly harmless: number
}

const LONGEST = 7 * 86_400
/** Spans from which on the traffic so far is the present traffic; before, that of the baseline. */
const OWN_PACE_FROM = 5

/**
 * @param sums as of now
 * @param until end of the committed spans, seconds
 * @param limit log e-value that decides
 */
export function timeToDecision(
  plan: Plan,
  sums: readonly PartState[],
  until: number,
  limit: number,
): TimeToDecision {
  const spans = (until - plan.start) / plan.step
  const most = Math.ceil(LONGEST / plan.step)
  const after = (n: number, under: 'nothing' | 'smallest'): readonly PartState[] =>
    sums.map((own, p) => extrapolate(plan, plan.parts[p] as Part, own, spans, n, under))
  const search = (decided: (n: number) => boolean): number => {
    if (decided(0)) return 0
    if (!decided(most)) return Number.POSITIVE_INFINITY
    // Evidence need not grow from the start, where it is against what is supposed here; from there on it does.
    let low = 0
    let high = most
    while (high - low > 1) {
      const middle = low + Math.max(1, Math.floor((high - low) / 8))
      if (decided(middle)) high = middle
      else low = middle
    }
    return high * plan.step
  }
  return {
    worse: search((n) => evidenceOf(plan, after(n, 'smallest')).worse >= limit),
    harmless: search((n) => evidenceOf(plan, after(n, 'nothing')).harmless >= limit),
  }
}

/** The sums that are expected after `n` more spans. */
function extrapolate(
  plan: Plan,
  part: Part,
  sums: PartState,
  spans: number,
  n: number,
  under: 'nothing' | 'smallest',
): PartState {
  if (n === 0) return sums
  const ratio = part.under[under]
  if (part.quantity.of === 'mean') {
    return { ...sums, events: sums.events + n * ratio, expected: sums.expected + n }
  }
  const own = spans >= OWN_PACE_FROM
  const exposure = n * (own ? sums.exposure / spans : part.baseline.pace)
  const { level } = part.baseline
  if (plan.design === 'before-after') {
    return {
      ...sums,
      events: sums.events + ratio * level * exposure,
      exposure: sums.exposure + exposure,
      expected: sums.expected + level * exposure,
    }
  }
  const besideExposure = own ? (n * sums.besideExposure) / spans : exposure
  const besideLevel = sums.besideEvents > 0 ? sums.besideEvents / sums.besideExposure : level
  const wealth = sums.wealth.slice()
  const counts = {
    events: ratio * besideLevel * exposure,
    exposure,
    besideEvents: besideLevel * besideExposure,
    besideExposure,
  }
  part.sides.forEach((side, s) => {
    const dispersion = pairedDispersion(part, sums)
    addPairedEvidence(wealth, s * LOG_EFFECTS.length, counts, side.edge, dispersion, side.up)
  })
  return { ...sums, wealth }
}
