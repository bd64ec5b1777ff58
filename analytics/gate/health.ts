import type { DeploymentState, Report, Verdict } from '../../schemas/contracts/report.ts'
import { wasWorse } from '../jobs/episodes.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'

/** Signals that decide whether a deployment is healthy: the critical ones, as a whole where they are (as in ../verdict.ts). */
export function decidingVerdicts(verdicts: readonly Verdict[]): readonly Verdict[] {
  const critical = verdicts.filter((verdict) => verdict.criticality === 'critical')
  const whole = critical.filter((verdict) => verdict.dimension === '')
  return whole.length > 0 ? whole : critical.length > 0 ? critical : verdicts
}

/** Whether something was compared at all. */
export function isMeasured(verdict: Verdict): boolean {
  return verdict.method !== 'none'
}

/**
 * Whether a verdict's interval leaves no room for a worsening by the tolerable factor. The interval has 99 %, so one such look is wrong in at
 * most 0.5 % of cases; the minutes of a watch depend on each other so much that all its looks count as five (../jobs/report.ts), which keeps
 * the error of an early "sound" below the 5 % that a final one has.
 */
export function isBounded(verdict: Verdict): boolean {
  if (!isMeasured(verdict)) return false
  const [low, high] = verdict.interval
  const { badDirection, smallestEffect } = verdict
  if (verdict.intervalOf === 'difference') {
    const most = smallestEffect.absolute
    return (
      (badDirection === 'down' || (high !== null && high <= most)) &&
      (badDirection === 'up' || (low !== null && low >= -most))
    )
  }
  const most = VERDICT_DEFAULTS.tolerable
  return (
    (badDirection === 'down' || (high !== null && high <= most)) &&
    (badDirection === 'up' || (low !== null && low >= 1 / most))
  )
}

/** What keeps a deployment from being called sound now; undefined where nothing was measured. */
export function missingForHealth(
  verdicts: readonly Verdict[],
  isSound: (verdict: Verdict) => boolean,
): readonly Verdict[] | undefined {
  const deciding = decidingVerdicts(verdicts)
  const compared = deciding.filter(isMeasured)
  if (compared.length === 0) return undefined
  // One that fell silent with the release is no sign of health; one that never spoke says nothing.
  const silenced = deciding.filter(
    (verdict) => !isMeasured(verdict) && verdict.needs?.reason === 'no data after',
  )
  // What was worse for some minutes is sound by none of the others.
  return [
    ...silenced,
    ...compared.filter((verdict) => wasWorse(verdict.episode, verdict.badDirection) || !isSound(verdict)),
  ]
}

function isRegressed(verdict: Verdict): boolean {
  return verdict.word === 'regressed' && verdict.criticality !== 'info'
}

/** Whether all that a report found worse is on trial. */
export function onlyTrialRegressed(report: Report, isOnTrial: (signal: string) => boolean): boolean {
  const regressed = report.verdicts.filter(isRegressed)
  return regressed.length > 0 && regressed.every(({ signal }) => isOnTrial(signal))
}

export interface Judgement {
  readonly state: DeploymentState
  /** On trial and regressed: they would have counted. */
  readonly onTrial: readonly Verdict[]
}

/** The state of a report if the signals on trial were not there. What the others say stays as the report found it. */
export function stateWithout(report: Report, isOnTrial: (signal: string) => boolean): Judgement {
  const trial = report.verdicts.filter((verdict) => isOnTrial(verdict.signal))
  // Where everything is, there is nothing else to judge by: ../gate/decide.ts.
  if (trial.length === 0 || trial.length === report.verdicts.length)
    return { state: report.state, onTrial: [] }
  const rest = report.verdicts.filter((verdict) => !isOnTrial(verdict.signal))
  const judged = { onTrial: trial.filter(isRegressed) }
  const open = report.state === 'regressed' || report.state === 'inconclusive' || report.state === 'healthy'
  if (!open) return { state: report.state, ...judged }
  if (rest.some(isRegressed)) return { state: 'regressed', ...judged }
  if (report.provisional) return { state: 'watching', ...judged }
  const missing = missingForHealth(
    rest,
    (verdict) => verdict.word === 'unchanged' || verdict.word === 'improved' || isBounded(verdict),
  )
  if (missing === undefined) return { state: 'no_data', ...judged }
  return { state: missing.length === 0 ? 'healthy' : 'inconclusive', ...judged }
}
