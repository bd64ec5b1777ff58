import type { RatioOfSums } from '../stats/ratio-of-sums.ts'

export interface Pair {
  readonly before: number
  readonly after: number
}

/** Shares of all events that the arms are expected to have. */
export interface ExpectedShares extends Pair {
  /** Variance of the events after, given all, by that of as many independent ones with this share: 1, or less where the share moves meanwhile. */
  readonly evenness: number
}

/** Events of two arms, and how they are expected to be split between them. */
export interface CountSplit {
  readonly events: Pair
  readonly exposure: Pair
  /** Log ratio of the rates; of what has no event half a one is taken. */
  readonly estimate: number
  /** @param at the log ratio */
  readonly expected: (at: number) => ExpectedShares
  /** Events whose shares of the exposures have that ratio, and by what the variance of their log ratio is to be multiplied. */
  readonly proportions: { readonly events: Pair; readonly factor: number }
}

/** The two windows as wholes. */
export function splitOfSums(before: RatioOfSums, after: RatioOfSums): CountSplit {
  const events = { before: before.numerator, after: after.numerator }
  const exposure = { before: before.denominator, after: after.denominator }
  // Half an event where there is none, so that a ratio exists; tests and intervals do not use it.
  const half = events.before === 0 || events.after === 0 ? 0.5 : 0
  const silent = events.before + events.after === 0
  return {
    events,
    exposure,
    estimate: silent
      ? 0
      : Math.log((events.after + half) / exposure.after / ((events.before + half) / exposure.before)),
    expected: (at) => {
      const scaled = Math.exp(at) * exposure.after
      const all = scaled + exposure.before
      return { before: exposure.before / all, after: scaled / all, evenness: 1 }
    },
    proportions: { events, factor: 1 },
  }
}
