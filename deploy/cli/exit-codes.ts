import type { Gate } from '../../schemas/contracts/gate.ts'
import type { DeploymentState } from '../../schemas/contracts/report.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import type { ErrorCode } from '../../schemas/errors.ts'

/**
 * What the exit code says, the same for all commands. A pipeline may treat 0 as go, 1 as stop, 2 as ask again later, 3 as nothing to go by,
 * and 4 and more as "Postflight could not answer". 64 is EX_USAGE of sysexits.h.
 */
export const EXIT = {
  healthy: 0,
  regressed: 1,
  undecided: 2,
  noData: 3,
  failed: 4,
  unreachable: 6,
  usage: 64,
} as const

/** `superseded` and `rolled_back` name no fault that was found: nobody may take them for healthy. */
const STATES: Record<DeploymentState, number> = {
  healthy: EXIT.healthy,
  regressed: EXIT.regressed,
  rolled_back: EXIT.regressed,
  inconclusive: EXIT.undecided,
  watching: EXIT.undecided,
  superseded: EXIT.undecided,
  no_data: EXIT.noData,
}

/**
 * As a gate would end by the same knowledge: an alert that fires is ahead of the report, unless the watch puts it down to something else than the release.
 * @param fires an alert of the deployment that people are told of
 */
export function exitCodeOfReport(
  state: DeploymentState,
  { watch }: { readonly watch: Pick<Watch, 'state'> | null },
  fires: boolean,
): number {
  return fires && (watch === null || watch.state === 'regressed') ? EXIT.regressed : STATES[state]
}

/** A gate that passes is 0 whatever it rests on: the policy has said so. */
export function exitCodeOfGate({ decision, outcome }: Pick<Gate, 'decision' | 'outcome'>): number {
  if (decision === 'pass') return EXIT.healthy
  return decision === 'hold' ? EXIT.undecided : STATES[outcome]
}

export function exitCodeOfError(code: ErrorCode): number {
  if (code === 'RELEASE_NOT_FOUND' || code === 'REPORT_NOT_READY' || code === 'DEPLOYMENT_NOT_FOUND')
    return EXIT.noData
  if (code === 'SERVICE_NOT_FOUND' || code === 'SIGNAL_NOT_FOUND') return EXIT.noData
  if (code === 'CONFIG_INVALID' || code === 'INVALID_REQUEST') return EXIT.usage
  if (code === 'STORE_UNREACHABLE' || code === 'UNAUTHENTICATED') return EXIT.unreachable
  return EXIT.failed
}
