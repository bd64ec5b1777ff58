import { LOG_EFFECTS } from '../stats/effect-prior.ts'
import type { Plan } from './plan.ts'

/**
 * Log e-values of one series, natural logarithms. Each e-value has expectation at most 1 under its null hypothesis at every time, so at
 * every look: 1 / alpha is passed, ever, with probability at most alpha. They may be averaged over series (combine.ts) and given to
 * eBenjaminiHochberg.
 */
export interface Evidence {
  /** For a change for the worse, however small. */
  readonly worse: number
  /** For one by more than the smallest effect that matters: what a page should ask for. */
  readonly matters: number
  /** For a change by less than what matters, in every part: what `healthy` should ask for. */
  readonly harmless: number
}

/** Sums of one part, over the spans that are committed. */
export interface PartState {
  /** Events of the new version; of a gauge the sum of its spans' differences from the baseline or from the old version. */
  readonly events: number
  readonly exposure: number
  /** Events that the baseline lets expect (its season included); of a gauge the number of spans. */
  readonly expected: number
  readonly besideEvents: number
  readonly besideExposure: number
  /** Mantel-Haenszel sums of the ratio of rates side by side, and of its variance (Greenland and Robins 1985). */
  readonly ratioTop: number
  readonly ratioBottom: number
  readonly ratioVariance: number
  /** Pearson residuals side by side: spans that have one, and for each length of BLOCKS the sum of the open block and the squares of closed ones. */
  readonly spans: number
  readonly blockSums: readonly number[]
  readonly blockSquares: readonly number[]
  /** Side by side: log wealth, an entry for each side and alternative. */
  readonly wealth: readonly number[]
}

/** Lengths in spans of the blocks by whose sums dependence between spans is measured (batch means). */
export const BLOCKS = [1, 5, 20, 60] as const

/** What a test remembers: a small plain value, the same for the same cells in whatever calls they came. */
export interface State {
  /** Spans that begin before this second are committed. */
  readonly until: number
  readonly parts: readonly PartState[]
  /** Largest log e-values at the ends of committed spans. */
  readonly largest: Evidence
}

export function startState(plan: Plan): State {
  return {
    until: plan.start,
    parts: plan.parts.map((part) => ({
      events: 0,
      exposure: 0,
      expected: 0,
      besideEvents: 0,
      besideExposure: 0,
      ratioTop: 0,
      ratioBottom: 0,
      ratioVariance: 0,
      spans: 0,
      blockSums: BLOCKS.map(() => 0),
      blockSquares: BLOCKS.map(() => 0),
      wealth:
        plan.design === 'side-by-side' && part.quantity.of !== 'mean'
          ? new Array<number>(part.sides.length * LOG_EFFECTS.length).fill(0)
          : [],
    })),
    largest: { worse: 0, matters: 0, harmless: 0 },
  }
}
