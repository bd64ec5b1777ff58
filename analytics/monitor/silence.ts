import type { Config } from '../../schemas/config.ts'
import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import { firingOf } from '../alerts/alerts.ts'

export interface SilenceInput {
  readonly deployment: Deployment
  readonly known: Incident | undefined
  /** Seconds: since when silence has lasted longer than it may; null: it has not. */
  readonly silentSince: number | null
  readonly settings: Pick<Config['monitor'], 'silence'>
  readonly owner: string
  readonly shadow: boolean
  readonly link: string
  readonly now: number
}

/** The reason of an incident that is about silence, and of no other. */
const REASON = 'silence'

/** Whether an incident is about silence alone. */
export function isSilence({ reasons }: Pick<Incident, 'reasons'>): boolean {
  return reasons.length > 0 && reasons.every(({ signal }) => signal === REASON)
}

/** Silence of a deployment that is watched, as the policy wants it: opens its incident, and ends it when telemetry is back. Undefined: nothing has changed. */
export function silenceIncident(input: SilenceInput): Incident | undefined {
  const { deployment, known, silentSince, settings, now } = input
  const at = new Date(Math.round(now * 1000)).toISOString()
  const own = known?.status === 'firing' && isSilence(known)
  if (silentSince === null) {
    if (!own || known === undefined) return undefined
    return {
      ...known,
      status: 'resolved',
      endsAt: at,
      updatedAt: at,
      revision: known.revision + 1,
      resolution: 'telemetry is back',
    }
  }
  if (settings.silence === 'ignore' || known?.status === 'firing') return undefined
  const since = new Date(silentSince * 1000).toISOString().slice(11, 16)
  const summary = `no telemetry since ${since}Z: it may be down, or unable to send`
  return {
    ...firingOf(deployment, at),
    severity: settings.silence,
    revision: (known?.revision ?? 0) + 1,
    startsAt: known?.startsAt ?? at,
    summary: `${deployment.service} ${deployment.version}: ${summary}`,
    reasons: [{ signal: REASON, dimension: '', summary }],
    link: input.link,
    links: [],
    owner: input.owner,
    shadow: input.shadow,
  }
}
