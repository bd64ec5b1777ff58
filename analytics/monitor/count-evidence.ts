import type { Aligned } from '../compare/align.ts'
import { logAbsentEvidence } from '../stats/absent-before.ts'
import { logCountEvidence } from '../stats/count-e-process.ts'
import { logMixture } from '../stats/log-mixture.ts'
import { type Baseline, countBaseline } from './baseline.ts'
import { leastDrift, leastDriftBeyond } from './least-drift.ts'

/** Events of a span of time and what they are out of: requests, calls, minutes. */
export interface Counted {
  /** Start, seconds. */
  readonly time: number
  readonly events: number
  /** >= 0 */
  readonly exposure: number
}

/** What is known of a count before the release. */
export interface CountReference extends Baseline {
  readonly events: number
  readonly exposure: number
}

const STEP = 60

/**
 * What the time before says of a count.
 * @param minutes in order of time
 * @param of events are a part of the exposure, or the values beyond a quantile of the time before, or neither
 * @param sway of values beyond a quantile: how far their share moves (log scale) with a level that is not known better
 * @returns undefined without any exposure
 */
export function countReference(
  minutes: readonly Counted[],
  of: 'share' | 'beyond' | 'count',
  sway = 0,
): CountReference | undefined {
  let events = 0
  let exposure = 0
  for (const minute of minutes) {
    events += minute.events
    exposure += minute.exposure
  }
  if (exposure <= 0) return undefined
  // Half an event stands in for none, and its level may be anything.
  if (events === 0) return { level: 0.5 / exposure, dispersion: 1, drift: Math.SQRT2, events, exposure }
  const aligned = alignedOf(minutes)
  const { length } = aligned.numerator
  const { level, dispersion, drift } = countBaseline(aligned, of !== 'count')
  return {
    level,
    // Parts of all spread less than a count; a monitor does not bet on it.
    dispersion: Math.max(1, dispersion),
    drift: Math.max(drift, of === 'beyond' ? leastDriftBeyond(length, sway) : leastDrift(length)),
    events,
    exposure,
  }
}

function alignedOf(minutes: readonly Counted[]): Aligned {
  const start = (minutes[0] as Counted).time
  const length = Math.round(((minutes.at(-1) as Counted).time - start) / STEP) + 1
  const numerator = new Float64Array(length)
  const denominator = new Float64Array(length)
  for (const minute of minutes) {
    const at = Math.round((minute.time - start) / STEP)
    numerator[at] = minute.events
    denominator[at] = minute.exposure
  }
  return { numerator, denominator, start, step: STEP }
}

/**
 * A group that runs beside the new version drifts with it, but is not quite like it (standard deviation, log scale). A judgement: what two groups of one
 * version differ by for good is below every smallest effect that matters, and half as much again costs a quarter more at 10 events a minute to see x1.25.
 */
const COHORT = 0.035

/**
 * Logarithm of the e-value against "the level is no worse than before, but for how levels drift by themselves" (stats/count-e-process.ts).
 * @param beside the old version in the same minutes: what both share says nothing of the release
 */
export function countEvidence(
  reference: CountReference,
  events: number,
  exposure: number,
  direction: 'up' | 'down',
  beside: { readonly events: number; readonly exposure: number } = NOBODY,
): number {
  if (exposure <= 0) return 0
  const up = direction === 'up'
  const counted = logCount(reference, events, exposure, up, beside)
  if (!up || reference.events > 0) return counted
  // Where there was none before, a level that may be anything explains whatever comes; that something came up is shown by its bursts.
  const ofBeside = { events: beside.events / BURST, exposure: beside.exposure }
  const cameUp = logAbsentEvidence(events / BURST, exposure, reference.exposure, ofBeside)
  return logMixture([counted, cameUp], HALVES)
}

/** Events of what was never seen that come together: one user's retries, one broken record. It has shown no dispersion of its own. */
export const BURST = 8
/** Of a minute's events so many are one burst, and no more than one: what comes up by itself comes once a minute for a while, retries come together. */
const BURST_OF_MINUTE = 4

/** Bursts in one minute, 0 to 1. */
export function burstsOf(events: number): number {
  return Math.min(1, events / BURST_OF_MINUTE)
}

const HALVES = [-Math.LN2, -Math.LN2] as const

function logCount(
  reference: CountReference,
  events: number,
  exposure: number,
  up: boolean,
  beside: { readonly events: number; readonly exposure: number },
): number {
  const { dispersion } = reference
  const { level, drift, told } = levelBeside(reference, beside)
  if (told >= MANY) return logCountEvidence({ events, expected: level * exposure, dispersion, drift }, up)
  return logCountEvidence(
    {
      events,
      expected: reference.level * exposure,
      dispersion,
      drift: reference.drift,
      beside: { events: beside.events, expected: reference.level * beside.exposure },
    },
    up,
  )
}

const NOBODY = { events: 0, exposure: 0 }

/** Standard errors from what was known before at which the old version says that something has happened to both. */
const MOVED = 1.5

/**
 * Events that have told of a level from which on its posterior is log-normal enough. Of fewer a log-normal of the same spread has far too heavy a tail: that the old
 * version beside had none of a hundred requests rules out that one in four fails anyway, and would count for little.
 */
const MANY = 20

/**
 * The level that the new version is held against, the standard deviation of its logarithm, and how many events have told of it: what was known before, and what the old version has in the
 * same minutes, as the posterior of a gamma level. In the ratio of predictive probabilities the old version's own cancels, so that the evidence stays a
 * martingale while both drift alike. Where the old version has moved further than levels drift, what was before says nothing any more.
 */
export function levelBeside(
  reference: CountReference,
  beside: { readonly events: number; readonly exposure: number },
): { readonly level: number; readonly drift: number; readonly told: number } {
  if (beside.exposure <= 0) return { ...reference, told: Number.POSITIVE_INFINITY }
  const counted = reference.dispersion / (beside.events + 0.5)
  const now = (beside.events + 0.5) / beside.exposure
  const off = Math.log(now / reference.level)
  if (off > MOVED * Math.sqrt(reference.drift ** 2 + counted)) {
    return { level: now, drift: Math.sqrt(counted + COHORT ** 2), told: Number.POSITIVE_INFINITY }
  }
  const shape = 1 / reference.drift ** 2
  const events = shape + beside.events / reference.dispersion
  const level = events / (shape / reference.level + beside.exposure / reference.dispersion)
  return { level, drift: Math.sqrt(1 / events + COHORT ** 2), told: events }
}
