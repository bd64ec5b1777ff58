import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { GateEvidence } from '../../schemas/contracts/gate.ts'
import type { DeploymentState, Report } from '../../schemas/contracts/report.ts'
import { topVerdicts } from '../jobs/headline.ts'
import { nameWithin } from '../jobs/words.ts'
import { decidingVerdicts, isBounded, isMeasured, missingForHealth, stateWithout } from './health.ts'
import { MOST_EVIDENCE, MOST_REASONS, type Standing } from './standing.ts'

const MINUTE = 60_000

/** A report counts only for the deployment as it is known now, and with evidence from after its start. */
export function isReportOf(report: Report, deployment: Deployment): boolean {
  return (
    report.deployment.id === deployment.id &&
    report.deployment.startedAt === deployment.startedAt &&
    Date.parse(report.computedAt) > Date.parse(deployment.startedAt) &&
    (report.deployment.status === deployment.status || deployment.status !== 'rolled_back')
  )
}

/** The standing by the report, where the monitor does not watch. */
export function reportStanding(report: Report, isOnTrial: (signal: string) => boolean): Standing {
  const isAllOnTrial = report.verdicts.length > 0 && report.verdicts.every(({ signal }) => isOnTrial(signal))
  const onTrial = isAllOnTrial ? () => false : isOnTrial
  const judged = stateWithout(report, onTrial)
  const rest = report.verdicts.filter((verdict) => !onTrial(verdict.signal))
  return {
    state: judged.state,
    reasons: reasonsOf(report, judged.state, onTrial),
    evidence: evidenceOf(report, onTrial),
    trial: judged.onTrial,
    missing: missingForHealth(rest, isBounded)?.map((verdict) => ({
      name: nameWithin(verdict),
      minutes: verdict.needs?.moreMinutes ?? null,
    })),
    seenMinutes: (Date.parse(report.windows.after.to) - Date.parse(report.windows.after.from)) / MINUTE,
    at: Date.parse(report.computedAt),
    finalAt: Date.parse(report.windows.finalAt),
    isSilent: report.adoption.requests === 0 && report.verdicts.every(({ after }) => after.count === 0),
    isAllOnTrial,
  }
}

function reasonsOf(report: Report, state: DeploymentState, isOnTrial: (signal: string) => boolean): string[] {
  const verdicts = report.verdicts.filter((verdict) => !isOnTrial(verdict.signal))
  if (state === 'regressed')
    return topVerdicts(verdicts, 'regressed')
      .slice(0, MOST_REASONS)
      .map(({ summary }) => summary)
  if (state === report.state) return [report.headline]
  return state === 'healthy'
    ? ['Nothing got worse but what is on trial.']
    : [`Without what is on trial it is ${state.replace('_', ' ')}.`]
}

function evidenceOf(report: Report, isOnTrial: (signal: string) => boolean): GateEvidence[] {
  const worse = report.verdicts.filter(
    ({ word, criticality }) => word === 'regressed' && criticality !== 'info',
  )
  const deciding = decidingVerdicts(report.verdicts).filter(isMeasured)
  return [...new Set([...worse, ...deciding])].slice(0, MOST_EVIDENCE).map((verdict) => ({
    signal: verdict.signal,
    title: verdict.title,
    dimension: verdict.dimension,
    criticality: verdict.criticality,
    unit: verdict.unit,
    word: verdict.word,
    summary: verdict.summary,
    effectRatio: verdict.effectRatio,
    effectDifference: verdict.effectDifference,
    interval: verdict.interval,
    intervalOf: verdict.intervalOf,
    compared: verdict.compared,
    confidence: verdict.confidence,
    before: { value: verdict.before.value, count: verdict.before.count },
    after: { value: verdict.after.value, count: verdict.after.count },
    shadow: isOnTrial(verdict.signal),
  }))
}
