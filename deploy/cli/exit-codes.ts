import type { DeploymentState } from '../../schemas/contracts/report.ts'
import type { ErrorCode } from '../../schemas/errors.ts'

/**
 * What the exit code says. A pipeline may treat 0 as go, 1 as stop, 2 as ask again later, 3 as nothing to go by,
 * and 4 and more as "Postflight could not answer".
 */
export const EXIT = {
  healthy: 0,
  regressed: 1,
  undecided: 2,
  noData: 3,
  failed: 4,
  usage: 5,
  unreachable: 6,
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

export function exitCodeOfState(state: DeploymentState): number {
  return STATES[state]
}

export function exitCodeOfError(code: ErrorCode): number {
  if (code === 'RELEASE_NOT_FOUND' || code === 'REPORT_NOT_READY' || code === 'DEPLOYMENT_NOT_FOUND')
    return EXIT.noData
  if (code === 'SERVICE_NOT_FOUND') return EXIT.noData
  if (code === 'CONFIG_INVALID' || code === 'INVALID_REQUEST') return EXIT.usage
  if (code === 'STORE_UNREACHABLE' || code === 'UNAUTHENTICATED') return EXIT.unreachable
  return EXIT.failed
}
