import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import { alertWords } from '../jobs/headline.ts'
import type { SignalEvidence, WatchEvidence } from './watch-evidence.ts'
import { undecidedAtEnd } from './watch-state.ts'

const MINUTE = 60

/** A series as it is stored. */
export function watched(one: SignalEvidence, evidence: WatchEvidence, now: number): Watch['signals'][number] {
  const { weight, recovered: _, soundAtEnd: __, moreMinutes, since, logE, ...rest } = one
  return {
    ...rest,
    logE: finite(logE),
    logENeeded: weight > 0 ? evidence.threshold - Math.log(weight) : null,
    interval:
      one.interval === null || !one.interval.every(Number.isFinite)
        ? null
        : [one.interval[0], one.interval[1]],
    since: iso(since),
    decidedBy: moreMinutes === null ? null : iso(now + moreMinutes * MINUTE),
  }
}

export function rankOf({ logE, weight }: SignalEvidence): number {
  return Number.isFinite(logE) && weight > 0 ? Math.max(0, logE + Math.log(weight)) : 0
}

export function headlineOf(
  deployment: Deployment,
  state: Watch['state'],
  incident: Incident | undefined,
  evidence: WatchEvidence | undefined,
): string {
  const name = `${deployment.service} ${deployment.version}`
  if (incident?.status === 'firing') return incident.summary
  switch (state) {
    case 'no_data':
      return evidence === undefined
        ? `${name} is the first that was seen: later releases are compared with it.`
        : `${name} cannot be judged: there is no telemetry.`
    case 'healthy':
      return `${name} is no worse than what it replaced.`
    case 'inconclusive': {
      const open = undecidedAtEnd(evidence)
      return `Nothing was shown to be worse in ${name}; not decided: ${open.slice(0, 3).join(', ')}.`
    }
    case 'rolled_back':
      return `${name} was rolled back${afterAlert(deployment, incident)}.`
    case 'superseded':
      return `${name} was superseded by the next release${afterAlert(deployment, incident)}.`
    case 'regressed':
    case 'watching':
      return `${name} is being watched: nothing is worse so far.`
  }
}

/** What had been worse, since the state does not tell. */
function afterAlert(deployment: Deployment, incident: Incident | undefined): string {
  return incident === undefined ? '' : ` after the alert "${alertWords(deployment, incident)}"`
}

export function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

export function iso(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString()
}
