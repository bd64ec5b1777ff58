import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { firingOf } from '../alerts/alerts.ts'
import { phrase } from '../jobs/words.ts'
import { eBenjaminiHochberg } from '../stats/e-benjamini-hochberg.ts'
import type { Blame } from './blame.ts'
import { byHarm } from './harm.ts'
import type { SignalEvidence, WatchEvidence } from './watch-evidence.ts'

/** What is kept of an incident between two looks, besides the alert itself: all that a restart needs. */
export interface IncidentMemory {
  /** Seconds since when nothing is worse any more; null: something is. */
  readonly calmSince: number | null
  /** How often it has ended: each time it takes longer to end the next. */
  readonly ended: number
  /** Seconds: no new evidence is asked for before the watch has seen so much since the last end. */
  readonly endedAt: number | null
}

export const NO_MEMORY: IncidentMemory = { calmSince: null, ended: 0, endedAt: null }

/** What is known of reasons besides numbers, by {@link reasonKey}. */
export interface Details {
  readonly more: ReadonlyMap<string, string>
  /** Of kinds of events that came with the release, those that had been there long before. */
  readonly resurfaced: ReadonlySet<string>
  /** Ids of traces that show them. */
  readonly traces: ReadonlyMap<string, string>
}

export const NO_DETAILS: Details = { more: new Map(), resurfaced: new Set(), traces: new Map() }

export interface IncidentInput {
  readonly deployment: Deployment
  readonly catalogue: Catalogue
  readonly evidence: WatchEvidence
  readonly known: Incident | undefined
  readonly memory: IncidentMemory
  /** Whose it is, asked only where there is something to blame. */
  readonly blame: Blame | null
  readonly criticality: 'critical' | 'normal' | 'low'
  readonly owner: string
  readonly shadow: boolean
  /** The deployment was rolled back, or the next one has begun. */
  readonly over: 'rolled back' | 'superseded' | null
  readonly details: Details
  /** Where the evidence is shown. */
  readonly link: string
  /** Seconds. */
  readonly now: number
  /** Seconds after which a calm incident ends. */
  readonly calmSeconds: number
}

export interface IncidentOutcome {
  /** To be stored; undefined: nothing has changed. */
  readonly incident: Incident | undefined
  readonly memory: IncidentMemory
  /** For the timeline. */
  readonly event: 'opened' | 'grown' | 'reopened' | 'resolved' | null
}

/** Reasons that an incident names. */
export const MOST_REASONS = 5
/** False-discovery rate of the reasons that an incident names. */
const REASONS_FDR = 0.05
/** Harm by which an incident must have grown for people to hear of it again. */
const GROWN = 3

export function reasonKey(of: Pick<SignalEvidence, 'service' | 'signal' | 'dimension'>): string {
  return JSON.stringify([of.service, of.signal, of.dimension])
}

/** Series that are worse, those that harm most first; the service as a whole gives way to the dimensions that say the same more precisely. */
export function reasonsOf(evidence: WatchEvidence): readonly SignalEvidence[] {
  if (!evidence.crossed) return []
  const adjusted = eBenjaminiHochberg(evidence.signals.map(({ logE }) => Math.exp(Math.min(600, logE))))
  const worse = evidence.signals.filter(
    (one, at) => (adjusted[at] as number) <= REASONS_FDR && one.weight > 0,
  )
  return worse
    .filter(
      (one) =>
        one.dimension !== '' ||
        !worse.some(
          (other) => other.service === one.service && other.signal === one.signal && other.dimension !== '',
        ),
    )
    .sort(byHarm)
}

/** The next state of a deployment's incident: opens, grows, calms down, ends, and opens again only against more than before. */
export function nextIncident(input: IncidentInput): IncidentOutcome {
  const { known, memory, evidence, now } = input
  const reasons = reasonsOf(evidence)
  const firing = known?.status === 'firing'
  if (!firing) {
    const again = known !== undefined
    // Each end makes the next beginning harder: ten times the evidence, from minutes after the end alone.
    const fresh = memory.endedAt === null || reasons.some((one) => one.since > (memory.endedAt as number))
    const crossed = evidence.crossed && evidence.logE >= evidence.threshold + memory.ended * Math.LN10
    if (
      !crossed ||
      reasons.length === 0 ||
      !fresh ||
      input.over !== null ||
      reasons.every((one) => one.recovered)
    ) {
      return { incident: undefined, memory, event: null }
    }
    const incident = written(input, reasons, {
      startsAt: known?.startsAt ?? iso(now),
      revision: (known?.revision ?? 0) + 1,
    })
    return { incident, memory: { ...memory, calmSince: null }, event: again ? 'reopened' : 'opened' }
  }
  const current = known as Incident
  const worse = evidence.signals.filter((one) => current.reasons.some((reason) => sameReason(reason, one)))
  const calm = worse.every((one) => one.recovered) && reasons.every((one) => one.recovered)
  const calmSince = calm ? (memory.calmSince ?? now) : null
  const wait =
    input.over === null
      ? input.calmSeconds * 2 ** Math.min(4, memory.ended)
      : Math.min(120, input.calmSeconds)
  if (input.over === 'superseded' || (calmSince !== null && now - calmSince >= wait)) {
    const resolution = resolutionOf(input.over, input, calmSince)
    const incident: Incident = {
      ...current,
      status: 'resolved',
      endsAt: iso(now),
      updatedAt: iso(now),
      revision: current.revision + 1,
      resolution,
    }
    return { incident, memory: { calmSince: null, ended: memory.ended + 1, endedAt: now }, event: 'resolved' }
  }
  const next = { ...memory, calmSince }
  if (reasons.length === 0 || calm) return { incident: undefined, memory: next, event: null }
  const rewritten = written(input, reasons, { startsAt: current.startsAt, revision: current.revision })
  if (!hasGrown(current, rewritten)) return { incident: undefined, memory: next, event: null }
  return { incident: { ...rewritten, revision: current.revision + 1 }, memory: next, event: 'grown' }
}

/** People hear of an incident again when it has a worse severity, or a reason among the first that they do not know. */
function hasGrown(current: Incident, next: Incident): boolean {
  const rank = { note: 0, ticket: 1, page: 2 } as const
  if (rank[next.severity] > rank[current.severity]) return true
  const known = new Set(current.reasons.map(({ signal }) => signal))
  return next.reasons.slice(0, GROWN).some(({ signal }) => !known.has(signal))
}

function written(
  input: IncidentInput,
  reasons: readonly SignalEvidence[],
  of: { readonly startsAt: string; readonly revision: number },
): Incident {
  const { deployment, blame } = input
  const told = reasons.slice(0, MOST_REASONS).map((one) => {
    const trace = input.details.traces.get(reasonKey(one))
    return {
      signal: one.signal,
      dimension: one.dimension,
      summary: `${sentence(input, one)}${trace === undefined ? '' : `; trace ${trace}`}`,
    }
  })
  // A title is read, and cut where there is little room: traces are for the reasons and links.
  const [lead] = reasons
  const first = lead === undefined ? '' : sentence(input, lead)
  const more = reasons.length > 1 ? `, and ${reasons.length - 1} more` : ''
  const whose =
    blame === null || (blame.of === 'release' && !blame.summary.includes('old version'))
      ? ''
      : ` (${blame.summary})`
  return {
    ...firingOf(deployment, iso(input.now)),
    severity: severityOf(input, reasons),
    revision: of.revision,
    startsAt: of.startsAt,
    summary: `${deployment.service} ${deployment.version}: ${first}${more}${whose}`,
    reasons: told,
    link: input.link,
    links: linksOf(input, reasons),
    owner: input.owner,
    shadow: input.shadow,
  }
}

/** Factor, up or down, from which on what is major is worth a page. */
const SERIOUS = 2

/** By what the service is worth and how large it is; what is not about the release wakes nobody for the release. */
export function severityOf(
  input: Pick<IncidentInput, 'blame' | 'criticality'>,
  reasons: readonly SignalEvidence[],
): Incident['severity'] {
  const { blame, criticality } = input
  const own = reasons.filter(({ relation }) => relation === 'own')
  const serious = own.some(
    ({ criticality, ratio }) =>
      criticality === 'critical' ||
      (criticality === 'major' && (ratio === null || Math.max(ratio, 1 / ratio) >= SERIOUS)),
  )
  const base = criticality === 'low' ? 'ticket' : serious || criticality === 'critical' ? 'page' : 'ticket'
  if (blame?.of === 'elsewhere' || (blame?.of === 'shared' && blame.likelier !== null)) {
    return base === 'page' ? 'ticket' : 'note'
  }
  return base
}

/** To the traces that show the reasons, where the page of the watch names them. */
function linksOf({ details, link }: IncidentInput, reasons: readonly SignalEvidence[]): Incident['links'] {
  const watch = link.includes('?') ? link.replace('?', '/watch?') : `${link}/watch`
  return reasons.flatMap((one) => {
    const trace = details.traces.get(reasonKey(one))
    if (trace === undefined) return []
    return { title: `${one.dimension || one.title}: trace ${trace}`, url: `${watch}#trace-${trace}` }
  })
}

function sentence(input: IncidentInput, one: SignalEvidence): string {
  const signal = input.catalogue.signal(one.signal)
  const said = phrase({
    signal,
    dimension: one.dimension,
    statistic: one.kind === 'distribution' ? 'p95' : 'mean',
    before: one.fresh ? 0 : one.before,
    after: one.after,
    ratio: one.ratio ?? Number.POSITIVE_INFINITY,
    fact: one.fresh ? (input.details.resurfaced.has(reasonKey(one)) ? 'resurfaced' : 'new') : null,
  })
  const where = one.relation === 'own' ? '' : `${one.service} (${one.relation}): `
  const more = input.details.more.get(reasonKey(one))
  return `${where}${said}${more === undefined ? '' : `; ${more}`}`
}

function sameReason(reason: Incident['reasons'][number], one: SignalEvidence): boolean {
  return reason.signal === one.signal && reason.dimension === one.dimension
}

function resolutionOf(over: IncidentInput['over'], input: IncidentInput, calmSince: number | null): string {
  if (over === 'superseded') return 'superseded by the next release'
  if (over === 'rolled back') {
    const minutes = Math.max(0, Math.round((input.now - (calmSince ?? input.now)) / 60))
    return `rolled back, and back to normal for ${minutes} min`
  }
  return 'back to normal'
}

function iso(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString()
}
