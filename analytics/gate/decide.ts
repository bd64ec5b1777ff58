import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { GateDecision, GateEvidence } from '../../schemas/contracts/gate.ts'
import type { Mark } from '../../schemas/contracts/mark.ts'
import type { DeploymentState, Report } from '../../schemas/contracts/report.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import type { Policy } from '../../schemas/gate.ts'
import { policyStateOf } from './policy.ts'
import { isReportOf, reportStanding } from './report-standing.ts'
import { questioned, type Standing } from './standing.ts'
import { isWatchOf, watchStanding } from './watch-standing.ts'

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
  /** What the monitor knows of it; absent where it does not watch. */
  readonly watch?: Watch | undefined
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

/**
 * The decision of a gate: pure, so that the same knowledge always gives the same answer. It only reads the one test that each deployment has
 * (the monitor's watch, else its report); it tests nothing itself, so asking often costs nothing in false alarms.
 */
export function decideGate(told: GateView): Decided {
  const { deployment, now, until } = told
  const over = now >= until
  if (deployment === undefined) return waiting(told, over, 'no_data', unknownRelease(told), null, [], [])
  const standing = standingOf(told, deployment)
  if (standing === undefined) {
    const known = { at: iso(now + 2 * MINUTE), minutes: 2, missing: ['the first report'] }
    const reasons = [`Deployed at ${deployment.startedAt}; nothing has been compared since.`]
    return waiting(told, over, 'no_data', reasons, known, [], [])
  }
  // Where every signal is on trial, so is the gate: it passes whatever it finds, and what it would have blocked is kept.
  const view = standing.isAllOnTrial ? { ...told, policy: SHADOWED } : told
  const { state, evidence, seenMinutes, finalAt, missing } = standing
  const trial = state === 'regressed' ? [] : trialOf(standing)
  const found = state === 'rolled_back' || state === 'superseded' ? undefined : view.foundRegressed
  if (state !== 'regressed' && found !== undefined) {
    const reasons = [
      `This deployment was found regressed at ${found.at}: asking again is no second chance.`,
      ...found.reasons,
    ]
    return settle(view, 'regressed', reasons, evidence, trial)
  }
  if (state !== 'watching') return settle(view, state, standing.reasons, evidence, trial)

  const early = view.earlyMinutes > 0 && seenMinutes >= view.earlyMinutes
  if (early && missing?.length === 0) {
    const reasons = [
      `The critical signals are shown to be sound after ${Math.round(seenMinutes)} minutes; the watch goes on until ${iso(finalAt)}.`,
    ]
    return settle(view, 'healthy', reasons, evidence, trial)
  }
  if (standing.isSilent) {
    const reasons = [
      `No telemetry of ${view.version} has come since it was deployed at ${deployment.startedAt}.`,
    ]
    return waiting(view, over, 'no_data', reasons, null, evidence, trial)
  }
  return waiting(
    view,
    over,
    'watching',
    [openReason(view, standing)],
    timeToKnow(view, standing),
    evidence,
    trial,
  )
}

const SHADOWED: Policy = {
  regressed: 'shadow',
  rolledBack: 'shadow',
  inconclusive: 'shadow',
  superseded: 'shadow',
  noData: 'shadow',
  watching: 'shadow',
}

/** By the monitor where it watches, else by the report. */
function standingOf(
  { watch, report, isOnTrial, now }: GateView,
  deployment: Deployment,
): Standing | undefined {
  const own = report !== undefined && isReportOf(report, deployment) ? report : undefined
  const standing =
    watch !== undefined && isWatchOf(watch, deployment, now)
      ? watchStanding(watch, own, isOnTrial)
      : own && reportStanding(own, isOnTrial)
  // Whether the versions may be compared is in the report alone.
  const doubt = own?.comparability?.find(({ doubtful }) => doubtful)
  return standing === undefined || doubt === undefined ? standing : questioned(standing, doubt.summary)
}

function trialOf({ trial }: Standing): Decided['shadow'] {
  const [first] = trial
  if (first === undefined) return []
  const signals = [...new Set(trial.map(({ signal }) => signal))]
  return [{ outcome: 'regressed', signals, reason: first.summary }]
}

function openReason({ earlyMinutes }: GateView, { missing, seenMinutes, finalAt }: Standing): string {
  if (missing === undefined) return 'Nothing could be compared yet.'
  if (missing.length > 0) return `Not decided yet: ${list(missing.map(({ name }) => name))}.`
  return earlyMinutes === 0
    ? `Nothing has got worse so far; the watch ends at ${iso(finalAt)}.`
    : `Nothing has got worse so far, in ${Math.round(seenMinutes)} of the ${earlyMinutes} minutes that a decision needs.`
}

function waiting(
  view: GateView,
  over: boolean,
  outcome: 'no_data' | 'watching',
  reasons: readonly string[],
  known: GateDecision['known'],
  evidence: readonly GateEvidence[],
  shadow: Decided['shadow'],
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

/** How long until what is missing is decided, and at most until the watch ends. */
function timeToKnow(
  { now, earlyMinutes }: GateView,
  { missing = [], seenMinutes, at, finalAt }: Standing,
): GateDecision['known'] {
  const last = Math.max(0, (finalAt - now) / MINUTE)
  const passed = (now - at) / MINUTE
  const paces = missing.map(({ minutes }) => minutes)
  const isKnown = earlyMinutes > 0 && paces.every((pace) => pace !== null)
  const pace = isKnown
    ? Math.max(1, earlyMinutes - seenMinutes, ...paces.map((minutes) => Number(minutes) - passed))
    : last
  const minutes = Math.ceil(Math.min(pace, last))
  return { at: iso(now + minutes * MINUTE), minutes, missing: missing.map(({ name }) => name) }
}

function list(names: readonly string[]): string {
  const rest = names.length - 4
  return `${names.slice(0, 4).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
