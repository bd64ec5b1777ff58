import type { BadDirection, SmallestEffect } from '../../schemas/signals/signal.ts'
import type { Calibration } from '../stats/placebo.ts'
import type { Aligned } from './align.ts'

/** What would have changed at this time of day without the release, on the log scale. */
export interface SeasonShift {
  readonly shift: number
  /** Of what was fitted, and of one more occasion around it: no other drift need be added. */
  readonly variance: number
  readonly degreesOfFreedom: number
  /** Quiet moments that it is known from. */
  readonly count: number
}

/** From effects at quiet moments: their season, and what is left of them. */
export interface SeasonalNull {
  readonly shift: SeasonShift
  /** Whether there is a season; where not, counts keep their exact tests. */
  readonly evident: boolean
  readonly calibration: Calibration
}

/** One series' own weeks before a release. */
export interface Past {
  /** A gauge's means by minutes, or events by exposure, or sums of values' logarithms by values. */
  readonly line: Aligned
  /** The line is of logarithms: levels are geometric means. */
  readonly logs?: boolean
  /** Seconds since the epoch: the release, or the end of the last whole slot before it. */
  readonly to: number
  /** Length of the slots that windows are made of; a whole number of the line's steps. */
  readonly slotSeconds: number
  /** Seconds: what else was released in that time. */
  readonly releases?: readonly number[]
  /** The window after in the line's terms, where its cells added up are not (standard-past.ts). */
  readonly after?: Aligned
}

export interface CompareOptions {
  readonly smallestEffect: SmallestEffect
  readonly bad: BadDirection
  /** Two-sided error of the interval, e.g. 0.01. */
  readonly alpha: number
  /** Studentised effects of placebos (`Measured.studentised` at moments without a release), or what was made of them. */
  readonly null?: readonly number[] | Calibration
  /** What this comparison finds at this time of day by itself, known from many quiet moments (stats/season.ts): the effect becomes the difference from it. */
  readonly season?: SeasonalNull
  /** Before/after, gauges, and rates and geometric means of events enough: forecasts from it take the place of model, season and calibration. */
  readonly past?: Past
  /** `side-by-side`: both arms in the same minutes, so what they share cancels. Default `before-after`. */
  readonly design?: 'before-after' | 'side-by-side'
  /** Length of a cell; default 60. */
  readonly stepSeconds?: number
}

export interface ArmSize {
  /** Cells' worth of time from the first to the last one with data. */
  readonly minutes: number
  /** Events (bad events for a ratio, values for a distribution, samples for a gauge). */
  readonly events: number
  /** Denominator: requests, seconds, events, values. */
  readonly exposure: number
}

export interface Measured {
  readonly kind: 'measured'
  /** Name and version of the method, e.g. `rate-conditional-quasi-poisson@1`. */
  readonly method: string
  /** What the effect is of: `rate`, `ratio`, `mean`, `geometric mean`, `p50`, `p95`, `p99`, `growth`, `level`. */
  readonly statistic: string
  readonly effect: {
    /** After by before, > 0; half an event stands in for none. */
    readonly ratio: number
    /** After minus before, in the unit. */
    readonly difference: number
    readonly before: number
    readonly after: number
  }
  /** Of `effect.ratio`, at confidence 1 - alpha. The upper bound may be Infinity. */
  readonly interval: readonly [number, number]
  /** Of `effect.difference`, likewise. */
  readonly differenceInterval: readonly [number, number]
  readonly confidence: number
  /** Of the logarithm of the ratio (of the difference where `scale` says so), calibration included. */
  /** Of the effect, for adding it to others: half a 95 % interval by 1.96, so that heavier tails count as wider. */
  readonly deviation: number
  readonly standardError: number
  readonly scale: 'log' | 'linear'
  readonly degreesOfFreedom: number
  /** Effect by its uncalibrated standard error: what placebos collect. Positive when after is higher. */
  readonly studentised: number
  /** The effect on the scale of the test that `studentised` is of; default: that of `effect`. */
  readonly studentisedEffect?: number
  /** Two-sided. */
  readonly pValue: number
  /** One-sided towards the bad direction (two-sided where both are bad). */
  readonly pWorse: number
  /** The smallest `pWorse` that so few events could have had, whatever side they fell on; absent: no such bound. */
  readonly attainable?: number
  /** One-sided towards the good direction (1 where both are bad). */
  readonly pBetter: number
  /** Two one-sided tests against the smallest effect that matters: small when the change is shown to be less. */
  readonly pEquivalence: number
  /** One-sided: small when it is shown not to be worse by what matters. */
  readonly pNotWorse: number
  /** Whether the point estimate lies beyond the smallest effect that matters, and on which side. */
  readonly beyond: 'worse' | 'better' | 'no'
  /** Ratio that would have been found with probability 0.8 at this alpha (>= 1, up or down alike). */
  readonly smallestSeen: number
  /** Minutes more of the window after until a change of the smallest effect can be told; Infinity: time alone can't. */
  readonly moreMinutes: number
  /** The same in exposure of the window after (requests, values), at the present pace. */
  readonly moreExposure: number
  readonly n: { readonly before: ArmSize; readonly after: ArmSize }
  /** Variance by that of independent events, >= 1. */
  readonly dispersion: number
  readonly autocorrelation: number
  /** Standard deviation between windows of the before period (log scale); undefined: too few windows to tell. */
  readonly drift: number | undefined
  readonly placebos: number
  readonly controls: number
  /** What a forecast from the series' own past made of its level, where one was made. */
  readonly forecast?: {
    /** Signed normal score of the window. */
    readonly score: number
    /** How far a change of the level has to go to be seen with probability 0.8 at this alpha: logarithm of the ratio; null: not on the log scale. */
    readonly reach: number | null
  }
  readonly details?: Readonly<Record<string, unknown>>
}

export interface Undecidable {
  readonly kind: 'undecidable'
  readonly reason:
    | 'no data before'
    | 'no data after'
    | 'no data'
    | 'too few minutes'
    | 'too few values'
    | 'no earlier starts'
  /** What it would take, in words. */
  readonly needs: string
}

export type Comparison = Measured | Undecidable
