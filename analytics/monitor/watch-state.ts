import type { DeploymentState } from '../../schemas/contracts/report.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'
import type { SignalEvidence, WatchEvidence } from './watch-evidence.ts'

export interface StateInput {
  readonly firing: boolean
  /** Whether the incident that fires is put down to something else than the release. */
  readonly elsewhere: boolean
  readonly over: 'rolled back' | 'superseded' | null
  /** Nothing was there before the deployment to compare with. */
  readonly first: boolean
  /** No telemetry of the version has come for longer than silence may last. */
  readonly silent: boolean
  /** The watch window is over. */
  readonly closed: boolean
  readonly evidence: WatchEvidence | undefined
}

/** The state of a watched deployment. What people decided (a rollback, the next release) comes before what telemetry shows. */
export function watchState(input: StateInput): DeploymentState {
  if (input.over === 'rolled back') return 'rolled_back'
  if (input.over === 'superseded') return 'superseded'
  if (input.firing && !input.elsewhere) return 'regressed'
  if (input.first || input.silent) return 'no_data'
  if (!input.closed) return 'watching'
  return undecidedAtEnd(input.evidence).length === 0 ? 'healthy' : 'inconclusive'
}

/** Shown to be no worse by what matters or, where traffic is too light for that, by the tolerable factor (../verdict.ts). */
export function isSound({
  decided,
  interval,
}: {
  readonly decided: 'worse' | 'not_worse' | 'open'
  readonly interval: readonly [number, number] | null
}): boolean {
  return (
    decided === 'not_worse' ||
    (decided === 'open' && interval !== null && interval[1] <= VERDICT_DEFAULTS.tolerable)
  )
}

/** Critical signals of the service as a whole that are not shown to be sound at any look. */
export function undecided(evidence: WatchEvidence | undefined): readonly string[] {
  return criticalThat(evidence, (one) => !isSound(one))
}

/** The same at the end of the watch, by the error of that one look. */
export function undecidedAtEnd(evidence: WatchEvidence | undefined): readonly string[] {
  return criticalThat(evidence, (one) => one.decided === 'worse' || !one.soundAtEnd)
}

function criticalThat(
  evidence: WatchEvidence | undefined,
  isMeant: (one: SignalEvidence) => boolean,
): readonly string[] {
  if (evidence === undefined) return ['everything']
  return evidence.signals
    .filter((one) => one.relation === 'own' && one.dimension === '' && one.criticality === 'critical')
    .filter(isMeant)
    .map(({ title }) => title.toLowerCase())
}
