import { logMeanEvidence } from '../stats/normal-e-process.ts'
import { type Baseline, meanBaseline } from './baseline.ts'
import { leastDrift } from './least-drift.ts'

/** Mean of a gauge's samples in a minute. */
export interface Level {
  /** Seconds. */
  readonly time: number
  readonly mean: number
}

/** What is known of a gauge before the release. */
export interface LevelReference extends Baseline {
  /** What an effect of 1 is: the level itself. */
  readonly unit: number
}

const STEP = 60
/** Fewer minutes before say nothing about a level. */
const FEWEST = 10

/** What the time before says of a gauge. @param minutes in order of time */
export function levelReference(minutes: readonly Level[]): LevelReference | undefined {
  const first = minutes[0]
  const last = minutes.at(-1)
  if (first === undefined || last === undefined || minutes.length < FEWEST) return undefined
  const length = Math.round((last.time - first.time) / STEP) + 1
  const numerator = new Float64Array(length)
  const denominator = new Float64Array(length)
  for (const minute of minutes) {
    const at = Math.round((minute.time - first.time) / STEP)
    numerator[at] = minute.mean
    denominator[at] = 1
  }
  const { level, dispersion, drift } = meanBaseline({ numerator, denominator, start: first.time, step: STEP })
  const unit = Math.abs(level) || Math.sqrt(dispersion) || 1
  return {
    level,
    dispersion: Math.max(dispersion, (0.01 * unit) ** 2),
    drift: Math.max(drift, leastDrift(minutes.length) * unit),
    unit,
  }
}

/** Two groups of instances of one version differ by so much of their level (standard deviation). */
const COHORT = 0.1
/** See count-evidence.ts. */
const MOVED = 1.5
const NOBODY = { mean: 0, minutes: 0 }

/**
 * Logarithm of the e-value against "the level is no worse than before, but for how it drifts by itself" (stats/normal-e-process.ts).
 * @param mean over the minutes since the release
 * @param beside mean of the old version in the same minutes
 */
export function levelEvidence(
  reference: LevelReference,
  mean: number,
  minutes: number,
  direction: 'up' | 'down',
  beside: { readonly mean: number; readonly minutes: number } = NOBODY,
): number {
  if (minutes <= 0) return 0
  const { level, drift } = levelBesideOf(reference, beside)
  return logMeanEvidence(
    { excess: mean - level, variance: reference.dispersion / minutes, drift },
    reference.unit,
    direction === 'up',
  )
}

/** The level that the new version is held against, and its standard deviation. */
export function levelBesideOf(
  reference: LevelReference,
  beside: { readonly mean: number; readonly minutes: number },
): { readonly level: number; readonly drift: number } {
  if (beside.minutes <= 0) return reference
  const own = reference.dispersion / beside.minutes
  if (Math.abs(beside.mean - reference.level) > MOVED * Math.sqrt(reference.drift ** 2 + own)) {
    return { level: beside.mean, drift: Math.sqrt(own + (COHORT * reference.unit) ** 2) }
  }
  const before = 1 / reference.drift ** 2
  const now = beside.minutes / reference.dispersion
  return {
    level: (before * reference.level + now * beside.mean) / (before + now),
    drift: Math.sqrt(1 / (before + now) + (COHORT * reference.unit) ** 2),
  }
}
