import type { Deployment } from '../../schemas/contracts/deployment.ts'
import { reasonKey } from './incident.ts'
import { isHalfBack } from './series-watch.ts'
import type { WatchEvidence } from './watch-evidence.ts'

/**
 * Evidence from after a rollback. What is left then may be chance: it says nothing by itself, and is nearer to the time before than to what was rolled back. A new kind of event
 * that the old version has as well, less often, did not come with the release alone.
 * @param after of the version that serves again
 * @param evidence of the one that was rolled back
 */
export function sinceRollback(after: WatchEvidence, evidence: WatchEvidence): WatchEvidence {
  const worst = new Map(evidence.signals.map((one) => [reasonKey(one), one.after]))
  const signals = after.signals.map((one) => ({
    ...one,
    recovered:
      one.recovered ||
      (one.exposure > 0 &&
        (one.fresh || one.logE <= 0) &&
        isHalfBack(one.before, worst.get(reasonKey(one)) ?? one.before, one.after)),
  }))
  return { ...evidence, crossed: after.crossed, signals }
}

/** How a deployment ended by people's decision: told, or seen in the telemetry. */
export function endingOf(
  deployment: Deployment,
  deployments: readonly Deployment[],
): {
  readonly kind: 'rolled back' | 'superseded'
  readonly at: number | undefined
  readonly by: string
} | null {
  const next = deployments.find(
    (other) =>
      other.service === deployment.service &&
      other.environment === deployment.environment &&
      Date.parse(other.startedAt) > Date.parse(deployment.startedAt),
  )
  const back = next?.attributes['rollback'] === 'true' || next?.version === deployment.previousVersion
  const told = deployment.sources?.findLast(({ status }) => status === 'rolled_back')?.at
  const when = next?.startedAt ?? told
  const at = when === undefined ? undefined : Date.parse(when) / 1000
  if (deployment.status === 'rolled_back' || (next !== undefined && back)) {
    return { kind: 'rolled back', at, by: next?.version ?? '' }
  }
  return next === undefined ? null : { kind: 'superseded', at, by: next.version }
}
