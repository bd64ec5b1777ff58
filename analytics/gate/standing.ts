import type { GateEvidence } from '../../schemas/contracts/gate.ts'
import type { DeploymentState } from '../../schemas/contracts/report.ts'

/** How a deployment stands by the one test that it has, without the signals on trial. Gates read it and test nothing themselves. */
export interface Standing {
  readonly state: DeploymentState
  /** In words, most important first. */
  readonly reasons: readonly string[]
  readonly evidence: readonly GateEvidence[]
  /** Got worse, but on trial. */
  readonly trial: readonly { readonly signal: string; readonly summary: string }[]
  /** What keeps it from being called sound now, with the minutes that it takes from `at` on at this pace; undefined where nothing was measured. */
  readonly missing: readonly { readonly name: string; readonly minutes: number | null }[] | undefined
  /** Minutes of evidence. */
  readonly seenMinutes: number
  /** When it was looked at, and when the watch ends; milliseconds. */
  readonly at: number
  readonly finalAt: number
  /** Nothing of the version has come since it was deployed. */
  readonly isSilent: boolean
  /** Nothing else is left to judge by. */
  readonly isAllOnTrial: boolean
}

/**
 * The standing where old and new version may not be comparable (a sample-ratio mismatch): nothing is sound before that is explained, and what got worse stays worse.
 * @param doubt why, in words
 */
export function questioned(standing: Standing, doubt: string): Standing {
  const comparable = { name: 'whether the versions are comparable', minutes: null }
  return {
    ...standing,
    state: standing.state === 'healthy' ? 'inconclusive' : standing.state,
    reasons: standing.state === 'healthy' ? [doubt, ...standing.reasons] : standing.reasons,
    missing: standing.missing === undefined ? undefined : [comparable, ...standing.missing],
  }
}

/** Comparisons of a decision that are kept. */
export const MOST_EVIDENCE = 20
/** Reasons in words that are given. */
export const MOST_REASONS = 5
