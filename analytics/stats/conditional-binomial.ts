import { incompleteBeta } from './incomplete-beta.ts'

export interface RateArms {
  /** Events after and before; need not be whole, so that overdispersed counts can come divided by their dispersion. */
  readonly after: number
  readonly before: number
  /** Exposures in the same unit, > 0 (requests, minutes, expected events). */
  readonly exposureAfter: number
  readonly exposureBefore: number
}

/**
 * Mid-p tails of the exact conditional test of a ratio of two Poisson rates: given the sum of the events, those of the
 * second arm are binomial. `upper` is small when the rate after is higher than `ratio` times the rate before.
 * Source: Przyborowski and Wilenski (1940); mid-p after Lancaster (1961). The incomplete beta function carries the
 * binomial sums over to counts that are not whole.
 * @param ratio the rate ratio under test, > 0
 */
export function conditionalMidP(arms: RateArms, ratio = 1): { upper: number; lower: number } {
  const { after, before, exposureAfter, exposureBefore } = arms
  const scaled = ratio * exposureAfter
  const share = scaled / (scaled + exposureBefore)
  const rest = exposureBefore / (scaled + exposureBefore)
  return binomialMidP({ after, before }, { after: share, before: rest })
}

/** The same for given shares of the events that are expected in either arm; they add up to 1. */
export function binomialMidP(
  { after, before }: { readonly after: number; readonly before: number },
  expected: { readonly after: number; readonly before: number },
): { upper: number; lower: number } {
  if (after + before <= 0) return { upper: 0.5, lower: 0.5 }
  const { after: share, before: rest } = expected
  const atLeast = after <= 0 ? 1 : incompleteBeta(share, after, before + 1, rest)
  const above = before <= 0 ? 0 : incompleteBeta(share, after + 1, before, rest)
  const atMost = before <= 0 ? 1 : incompleteBeta(rest, before, after + 1, share)
  const below = after <= 0 ? 0 : incompleteBeta(rest, before + 1, after, share)
  return { upper: (atLeast + above) / 2, lower: (atMost + below) / 2 }
}

/**
 * Interval of the rate ratio by inversion of {@link conditionalMidP}.
 * @param tail probability left out on each side, 0 to 0.5
 * @param expected shares of the events for each ratio, where they are not those of the exposures
 * @returns lower bound (0 without events after), upper bound (Infinity without events before)
 */
export function conditionalInterval(
  arms: RateArms,
  tail: number,
  expected?: (ratio: number) => { readonly after: number; readonly before: number },
): [number, number] {
  const at = (log: number): { upper: number; lower: number } => {
    const ratio = Math.exp(log)
    return expected === undefined ? conditionalMidP(arms, ratio) : binomialMidP(arms, expected(ratio))
  }
  const low = arms.after <= 0 ? 0 : solve((log) => at(log).upper < tail)
  const high = arms.before <= 0 ? Number.POSITIVE_INFINITY : solve((log) => at(log).lower >= tail)
  return [low, high]
}

/** Where a predicate that holds for small log ratios stops holding. */
function solve(holds: (logRatio: number) => boolean): number {
  let low = -60
  let high = 60
  for (let i = 0; i < 44; i++) {
    const middle = (low + high) / 2
    if (holds(middle)) low = middle
    else high = middle
  }
  return Math.exp((low + high) / 2)
}
