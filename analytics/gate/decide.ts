import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { GateDecision, GateEvidence } from '../../schemas/contracts/gate.ts'
import type { Mark } from '../../schemas/contracts/mark.ts'
import type { DeploymentState, Report, Verdict } from '../../schemas/contracts/report.ts'
import type { Policy } from '../../schemas/gate.ts'
import { topVerdicts } from '../jobs/headline.ts'
import { decidingVerdicts, isBounded, isMeasured, missingForHealth, stateWithout } from './health.ts'
import { policyStateOf } from './policy.ts'

/** What is known when a gate decides. All instants in milliseconds. */
export interface GateView {
  readonly service: string
  readonly environment: string
  readonly version: string
  readonly now: number
  /** Infinity: its caller waits, as long as it wants to. */
  readonly until: number
  readonly since: number
  /** The newest deployment of the release that may be meant. */
  readonly deployment: Deployment | undefined
  readonly report: Report | undefined
  /** When an earlier gate found this very deployment regressed: asking again gives no other chance. */
  readonly foundRegressed: { readonly at: string; readonly reasons: readonly string[] } | undefined
  /** Deployments of the release that are not meant: older than `since`, over before the gate was opened, or elsewhere. */
  readonly others: readonly Deployment[]
  readonly policy: Policy
  readonly isOnTrial: (signal: string) => boolean
  /** Somebody said that the deployment was called regressed by mistake: that blocks nothing any more. */
  readonly cleared?: Pick<Mark, 'by' | 'at' | 'note'> | undefined
  /** Minutes of evidence that a pass before the watch's end needs; 0: never. */
  readonly earlyMinutes: number
}

export interface Decided extends GateDecision {
  /** What would have been blocked, had it not been on trial. */
  readonly shadow: readonly {
    readonly outcome: DeploymentState
    readonly signals: readonly string[]
    readonly reason: string
  }[]
}

const MINUTE = 60_000
const MOST_REASONS = 5
const MOST_EVIDENCE = 20

/**
 * The decision of a gate: pure, so that the same knowledge always gives the same answer. It only reads the one test that each deployment has
 * (its report); it tests nothing itself, so asking often costs nothing in false alarms.
 */
export function decideGate(told: GateView): Decided {
  const { deployment, report, now, until } = told
  const view = isAllOnTrial(told) ? { ...told, isOnTrial: () => false, policy: SHADOWED } : told
  const over = now >= until
  if (deployment === undefined) return waiting(view, over, 'no_data', unknownRelease(view), null, [])
  if (report === undefined || !isOf(report, deployment)) {
    return waiting(
      view,
      over,
      'no_data',
      [`Deployed at ${deployment.startedAt}; nothing has been compared since.`],
      { at: deployment.startedAt, minutes: 2, missing: ['the first report'] },
      [],
    )
  }
  const { state, onTrial } = stateWithout(report, view.isOnTrial)
  const evidence = evidenceOf(report, view.isOnTrial)
  const trial =
    onTrial.length === 0 || state === 'regressed'
      ? []
      : [
          {
            outcome: 'regressed' as const,
            signals: [...new Set(onTrial.map(({ signal }) => signal))],
            reason: onTrial[0]?.summary ?? '',
          },
        ]
  const found = state === 'rolled_back' || state === 'superseded' ? undefined : view.foundRegressed
  if (state !== 'regressed' && found !== undefined) {
    const reasons = [
      `This deployment was found regressed at ${found.at}: asking again is no second chance.`,
      ...found.reasons,
    ]
    return settle(view, 'regressed', reasons, evidence, trial)
  }
  if (state !== 'watching')
    return settle(view, state, reasonsOf(report, state, view.isOnTrial), evidence, trial)

  const verdicts = report.verdicts.filter((verdict) => !view.isOnTrial(verdict.signal))
  const missing = missingForHealth(verdicts, isBounded)
  const seen = (Date.parse(report.windows.after.to) - Date.parse(report.windows.after.from)) / MINUTE
  const early = view.earlyMinutes > 0 && seen >= view.earlyMinutes
  if (early && missing?.length === 0) {
    const reasons = [
      `The critical signals are shown to be sound after ${Math.round(seen)} minutes; the watch goes on until ${report.windows.finalAt}.`,
    ]
    return settle(view, 'healthy', reasons, evidence, trial)
  }
  const silent = report.adoption.requests === 0 && report.verdicts.every(({ after }) => after.count === 0)
  if (silent) {
    const reasons = [
      `No telemetry of ${view.version} has come since it was deployed at ${deployment.startedAt}.`,
    ]
    return waiting(view, over, 'no_data', reasons, null, evidence, trial)
  }
  const known = timeToKnow(report, missing ?? [], view, early ? 0 : view.earlyMinutes - seen)
  const reasons = [
    missing === undefined
      ? 'Nothing could be compared yet.'
      : missing.length > 0
        ? `Not decided yet: ${list(missing.map(nameOf))}.`
        : view.earlyMinutes === 0
          ? `Nothing has got worse so far; the watch ends at ${report.windows.finalAt}.`
          : `Nothing has got worse so far, in ${Math.round(seen)} of the ${view.earlyMinutes} minutes that a decision needs.`,
  ]
  return waiting(view, over, 'watching', reasons, known, evidence, trial)
}

const SHADOWED: Policy = {
  regressed: 'shadow',
  rolledBack: 'shadow',
  inconclusive: 'shadow',
  superseded: 'shadow',
  noData: 'shadow',
  watching: 'shadow',
}

/** Where every signal is on trial, so is the gate: it passes whatever it finds, and what it would have blocked is kept. */
function isAllOnTrial({ report, isOnTrial }: GateView): boolean {
  return (
    report !== undefined &&
    report.verdicts.length > 0 &&
    report.verdicts.every(({ signal }) => isOnTrial(signal))
  )
}

/** A report counts only for the deployment as it is known now, and with evidence from after its start. */
function isOf(report: Report, deployment: Deployment): boolean {
  return (
    report.deployment.id === deployment.id &&
    report.deployment.startedAt === deployment.startedAt &&
    Date.parse(report.computedAt) > Date.parse(deployment.startedAt) &&
    (report.deployment.status === deployment.status || deployment.status !== 'rolled_back')
  )
}

function waiting(
  view: GateView,
  over: boolean,
  outcome: 'no_data' | 'watching',
  reasons: readonly string[],
  known: GateDecision['known'],
  evidence: readonly GateEvidence[],
  shadow: Decided['shadow'] = [],
): Decided {
  if (over)
    return settle(
      view,
      outcome,
      [`The time to wait is over. ${reasons[0]}`, ...reasons.slice(1)],
      evidence,
      shadow,
    )
  return {
    decision: 'hold',
    step: 'hold',
    outcome: 'watching',
    meaning: null,
    settled: false,
    reasons: [...reasons],
    evidence: [...evidence],
    known,
    shadow,
  }
}

function settle(
  view: GateView,
  outcome: DeploymentState,
  reasons: readonly string[],
  evidence: readonly GateEvidence[],
  trial: Decided['shadow'],
): Decided {
  const said = outcome === 'healthy' ? null : view.policy[policyStateOf(outcome)]
  const cleared = outcome === 'regressed' && said === 'block' ? view.cleared : undefined
  const meaning = cleared === undefined ? said : 'warn'
  const fails = meaning === 'block'
  return {
    decision: fails ? 'fail' : 'pass',
    step: !fails ? 'promote' : outcome === 'regressed' ? 'roll_back' : 'hold',
    outcome,
    meaning,
    settled: true,
    reasons:
      cleared === undefined
        ? [...reasons]
        : [
            `Marked as a false alarm${cleared.by === '' ? '' : ` by ${cleared.by}`} at ${cleared.at}${cleared.note === '' ? '' : `: ${cleared.note}`}`,
            ...reasons,
          ],
    evidence: [...evidence],
    known: null,
    shadow:
      meaning === 'shadow'
        ? [
            {
              outcome,
              signals: evidence.filter(counts).map(({ signal }) => signal),
              reason: reasons[0] ?? '',
            },
            ...trial,
          ]
        : trial,
  }
}

const counts = (evidence: GateEvidence): boolean => evidence.word === 'regressed' && !evidence.shadow

function unknownRelease(view: GateView): string[] {
  const reasons = [
    `No deployment of ${view.service} ${view.version} in ${view.environment} since ${iso(view.since)} is known.`,
  ]
  for (const other of view.others.slice(0, 3)) {
    const place = other.environment === view.environment ? '' : ` into ${other.environment}`
    const over = other.status === 'rolled_back' ? ', rolled back since' : ''
    reasons.push(`Known: deployed${place} at ${other.startedAt}${over}.`)
  }
  return reasons
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

/** How long until the signals that are missing are decided, and at most until the watch ends. */
function timeToKnow(
  report: Report,
  missing: readonly Verdict[],
  view: GateView,
  moreMinutes: number,
): GateDecision['known'] {
  const last = Math.max(0, (Date.parse(report.windows.finalAt) - view.now) / MINUTE)
  const computed = (view.now - Date.parse(report.computedAt)) / MINUTE
  const paces = missing.map(({ needs }) => needs?.moreMinutes ?? null)
  const known = view.earlyMinutes > 0 && paces.every((pace) => pace !== null)
  const pace = known ? Math.max(1, moreMinutes, ...paces.map((minutes) => Number(minutes) - computed)) : last
  const minutes = Math.ceil(Math.min(pace, last))
  return { at: iso(view.now + minutes * MINUTE), minutes, missing: missing.map(nameOf) }
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
    confidence: verdict.confidence,
    before: { value: verdict.before.value, count: verdict.before.count },
    after: { value: verdict.after.value, count: verdict.after.count },
    shadow: isOnTrial(verdict.signal),
  }))
}

function nameOf({ title, dimension }: Verdict): string {
  return dimension === '' ? title.toLowerCase() : `${title.toLowerCase()} of ${dimension}`
}

function list(names: readonly string[]): string {
  const rest = names.length - 4
  return `${names.slice(0, 4).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
