import { logAbsentEvidence } from '../stats/absent-before.ts'

export interface KindSoFar {
  /** Events of a kind (an exception's fingerprint, a message's template) since the release, bursts of one cause as one; it had none before. */
  readonly events: number
  /** Exposure since the release and before it, in one unit (requests, seconds). */
  readonly after: number
  readonly before: number
  /** Those of the old version in the same minutes, 0 if it has left. */
  readonly beside: { readonly events: number; readonly exposure: number }
  /** Kinds that were seen before: so many others might have appeared instead. */
  readonly kinds: number
}

/** Kinds that may appear where hardly any was seen. */
const FEWEST_KINDS = 10

/**
 * Log e-value that a kind of event that was absent before is new with the release, from the first event on. Exact for one kind whose rate did not change (see
 * absent-before.ts); and since it is a new one of all that might have appeared, it is divided by their number, for which
 * those that were seen stand in: so the sum over all new kinds is one e-value for the deployment.
 */
export function logNewKindEvidence(kind: KindSoFar): number {
  return (
    logAbsentEvidence(kind.events, kind.after, kind.before, kind.beside) -
    Math.log(Math.max(FEWEST_KINDS, kind.kinds))
  )
}
