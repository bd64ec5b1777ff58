import type { DeploymentState } from '../../schemas/contracts/report.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'
import type { WatchEvidence } from './watch-evidence.ts'

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
  return undecided(input.evidence).length === 0 ? 'healthy' : 'inconclusive'
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

/** Critical signals of the service as a whole that are not shown to be sound. */
export function undecided(evidence: WatchEvidence | undefined): readonly string[] {
  if (evidence === undefined) return ['everything']
  const critical = evidence.signals.filter(
    (one) => one.relation === 'own' && one.dimension === '' && one.criticality === 'critical',
  )
  return critical.filter((one) => !isSound(one)).map(({ title }) => title.toLowerCase())
}
