import type { Cell } from '../../schemas/cell.ts'
import { mergeHistogram } from '../../schemas/histogram.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { duration } from '../jobs/words.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import { type Counted, countEvidence, countReference } from './count-evidence.ts'
import { type Level, levelEvidence, levelReference } from './level-evidence.ts'
import { beyondOf, thresholdOf } from './slow-values.ts'
import type { SignalEvidence } from './watch-evidence.ts'

/** Somewhere else where an incident may show, if it is not the release's. */
export interface Place {
  readonly kind: 'old version' | 'instance' | 'callee' | 'dependency' | 'host' | 'neighbour'
  readonly name: string
  /** Failed and slow requests (calls to it), minute by minute, from well before the incident on. */
  readonly failed: readonly Counted[]
  readonly slow: readonly Counted[]
  /** Of what has no requests of its own: its gauges by title. */
  readonly levels: ReadonlyMap<string, readonly Level[]>
  /** What was deployed there in the same window. */
  readonly deployment: OtherDeployment | null
  /** True: the release itself asks more of it than before (calls per request, CPU), so that its trouble may be the release's doing. */
  readonly loadedByRelease: boolean
}

export interface OtherDeployment {
  readonly id: string
  readonly service: string
  readonly version: string
  /** Seconds. */
  readonly startedAt: number
}

export interface Blame {
  /** `release`: nothing speaks against it; `shared`: another deployment may be it as well, or likelier; `elsewhere`: not about the release. */
  readonly of: 'release' | 'shared' | 'elsewhere'
  /** One sentence. */
  readonly summary: string
  /** Another deployment that is likelier than this one. */
  readonly likelier: OtherDeployment | null
}

export interface BlameInput {
  readonly service: string
  readonly version: string
  /** Seconds. */
  readonly startedAt: number
  /** The reason that leads. */
  readonly lead: Pick<SignalEvidence, 'signal' | 'kind' | 'ratio' | 'since'>
  /** Seconds. */
  readonly now: number
  readonly places: readonly Place[]
  /** Deployments of other services in the same window, with how they are related. */
  readonly deployments: readonly (OtherDeployment & { readonly relation: 'callee' | 'caller' | 'other' })[]
}

/** Natural logarithm of the e-value from which on a place is said to show it too. */
const SHOWS = Math.log(100)
/** Of the log of the incident's own factor, what a place must show to have the same. */
const ALIKE = 1 / 3
/** An instance with so much of what is too much, at no more than so much of the traffic, has it alone. */
const ALONE = 0.8
const ALONE_TRAFFIC = 0.67
/** Seconds around a start in which an incident is put down to it. */
const NEAR = 600

/** Minutes of a place's requests, counted as failed and as slow beyond what 95 % of its own used to take. */
export function placeMinutes(cells: readonly Cell[], until: number): Pick<Place, 'failed' | 'slow'> {
  const merged = mergeCells([cells])
  const before = new Map<number, number>()
  for (const cell of merged) {
    if (cell.time < until && cell.histogram !== undefined) mergeHistogram(before, cell.histogram)
  }
  const threshold = before.size === 0 ? undefined : thresholdOf(before, 0.95)
  return {
    failed: merged
      .filter((cell) => cell.count > 0)
      .map((cell) => ({ time: cell.time, events: cell.bad, exposure: cell.count })),
    slow:
      threshold === undefined
        ? []
        : merged.flatMap((cell) =>
            cell.histogram === undefined ? [] : [{ time: cell.time, ...beyondOf(cell.histogram, threshold) }],
          ),
  }
}

interface Shown {
  readonly place: Place
  /** What is worse there, in words. */
  readonly what: string
}

/**
 * Whose an incident is: the release's, another deployment's, or nobody's release. Something that shows in the same minutes where the release is not (the old version,
 * a neighbour that has nothing to do with it, what it depends on, a host, a single instance) is not about the release.
 */
export function blameOf(input: BlameInput): Blame {
  const { lead, places } = input
  const alone = instanceAlone(
    places.filter(({ kind }) => kind === 'instance'),
    lead,
  )
  const shown = places
    .filter(({ kind }) => kind !== 'instance')
    .flatMap((place): Shown[] => {
      const what = shows(place, input)
      return what === null ? [] : [{ place, what }]
    })
  const own = (kind: Place['kind']) => shown.find(({ place }) => place.kind === kind)
  const rival = likelierDeployment(input, shown)
  if (rival !== null) return rival
  const old = own('old version')
  if (old !== undefined) {
    return elsewhere(`the old version ${old.place.name} shows it too, in the same minutes (${old.what})`)
  }
  if (alone !== undefined)
    return elsewhere(`only instance ${alone} has it, and others with the same version do not`)
  for (const kind of ['callee', 'dependency', 'host', 'neighbour'] as const) {
    const found = shown.find(
      ({ place }) => place.kind === kind && !place.loadedByRelease && place.deployment === null,
    )
    if (found !== undefined)
      return elsewhere(
        `${SAID[kind](found.place.name, input.service)} got worse in the same minutes (${found.what})`,
      )
  }
  const loaded = shown.find(({ place }) => place.loadedByRelease)
  const side = places.find(
    (place) => place.kind === 'old version' && place.failed.some(({ time }) => time >= lead.since),
  )
  const late = lead.since - input.startedAt
  const when = late > 3600 ? `; it began ${duration(late)} after the release` : ''
  if (loaded !== undefined) {
    return {
      of: 'release',
      summary: `${loaded.place.name} is worse too (${loaded.what}), and the release asks more of it than before${when}`,
      likelier: null,
    }
  }
  return {
    of: 'release',
    summary:
      side === undefined
        ? `nothing else is known to have changed${when}`
        : `the old version ${side.name} does not show it in the same minutes${when}`,
    likelier: null,
  }
}

const SAID: Record<
  'callee' | 'dependency' | 'host' | 'neighbour',
  (name: string, service: string) => string
> = {
  callee: (name, service) => `${name}, which ${service} calls,`,
  dependency: (name, service) => `${name}, which ${service} depends on,`,
  host: (name) => `the host ${name}`,
  neighbour: (name, service) => `${name}, which has nothing to do with ${service},`,
}

function elsewhere(why: string): Blame {
  return { of: 'elsewhere', summary: `probably not this release: ${why}`, likelier: null }
}

/** Another deployment in the same window: by what is known of it, likelier, or as likely. */
function likelierDeployment(input: BlameInput, shown: readonly Shown[]): Blame | null {
  const { lead } = input
  const near = (startedAt: number) => {
    const after = lead.since - startedAt
    // What begins before a start is not its doing; two minutes are the coarseness of minutes.
    return after < -120 ? 0 : Math.exp(-Math.max(0, after) / NEAR)
  }
  const own = 2 * near(input.startedAt) + 0.2
  let best: { score: number; other: BlameInput['deployments'][number] } | undefined
  for (const other of input.deployments) {
    const worse = shown.some(({ place }) => place.deployment?.id === other.id)
    const related = other.relation === 'callee' ? 1 : other.relation === 'caller' ? 0.3 : 0.2
    const score = (related + (worse ? 1.5 : 0)) * near(other.startedAt)
    if (score > (best?.score ?? 0)) best = { score, other }
  }
  if (best === undefined || best.score < own / 3) return null
  const { other, score } = best
  const relation =
    other.relation === 'callee'
      ? `, which ${input.service} calls,`
      : other.relation === 'caller'
        ? `, which calls ${input.service},`
        : ''
  const gap = lead.since - other.startedAt
  const when = gap < 60 ? 'when it began' : `${duration(gap)} before it began`
  const likelier = score > own
  return {
    of: 'shared',
    summary: likelier
      ? `${other.service} ${other.version}${relation} was deployed ${when} and is likelier than ${input.service} ${input.version}`
      : `${other.service} ${other.version}${relation} was deployed ${when} and may be it as well; ${input.service} ${input.version} is likelier`,
    likelier: likelier
      ? { id: other.id, service: other.service, version: other.version, startedAt: other.startedAt }
      : null,
  }
}

/** Seconds by which an incident may have begun before the moment that its own evidence points to: those lie up to an hour apart. */
export const EARLIER = 1800
/** Minutes before now at which it may have begun, besides that moment. */
const BEGINNINGS = [30, 15, 10, 5, 3, 2, 1] as const

/** What got worse at a place since the incident began, in words; null: nothing like it. */
function shows(place: Place, { lead, now }: BlameInput): string | null {
  const recent = BEGINNINGS.map((minutes) => Math.floor(now / 60) * 60 - minutes * 60)
  for (const since of [lead.since, ...recent.filter((time) => time > lead.since - EARLIER)]) {
    const what = showsSince(place, lead, since, SHOWS + Math.log(1 + BEGINNINGS.length))
    if (what !== null) return what
  }
  return null
}

function showsSince(place: Place, lead: BlameInput['lead'], since: number, needed: number): string | null {
  const factor = Math.max(1.2, Math.exp(ALIKE * Math.log(Math.max(1, lead.ratio ?? 3))))
  for (const [minutes, name] of [
    [place.failed, 'failed requests'],
    [place.slow, 'slow requests'],
  ] as const) {
    const reference = countReference(
      minutes.filter(({ time }) => time < since - 60),
      'share',
    )
    if (reference === undefined) continue
    const { events, exposure } = sumOf(minutes, since)
    if (exposure <= 0 || events < 5 || events / exposure < factor * reference.level) continue
    if (countEvidence(reference, events, exposure, 'up') >= needed)
      return `${name} ${percent(reference.events / reference.exposure)} -> ${percent(events / exposure)}`
  }
  for (const [title, levels] of place.levels) {
    const before = levels.filter(({ time }) => time < since - 60)
    const reference = levelReference(before)
    const after = levels.filter(({ time }) => time >= since)
    if (reference === undefined || after.length === 0) continue
    const mean = meanOf(after)
    // Of a level that wanders slowly the long run says more than some minutes can vary: together no more than each of them does.
    const spread = meanOf(before.map((level) => ({ mean: (level.mean - reference.level) ** 2 })))
    const dispersion = Math.min(reference.dispersion, after.length * spread)
    if (
      mean >= 1.15 * reference.level &&
      levelEvidence({ ...reference, dispersion }, mean, after.length, 'up') >= needed
    )
      return `${title} up ${(mean / reference.level).toPrecision(2)}x`
  }
  return null
}

function meanOf(levels: readonly Pick<Level, 'mean'>[]): number {
  return levels.reduce((sum, { mean }) => sum + mean, 0) / levels.length
}

/** The one instance that has nearly all of what is too much. */
function instanceAlone(instances: readonly Place[], lead: BlameInput['lead']): string | undefined {
  if (instances.length < 2) return undefined
  for (const minutes of ['failed', 'slow'] as const) {
    const sums = instances.map((place) => ({ place, ...sumOf(place[minutes], lead.since) }))
    const exposure = sums.reduce((sum, one) => sum + one.exposure, 0)
    const events = sums.reduce((sum, one) => sum + one.events, 0)
    const [worst] = sums
      .filter((one) => one.exposure > 0)
      .sort((a, b) => b.events / b.exposure - a.events / a.exposure)
    // Those without a name count against the others, but are not one.
    if (worst === undefined || worst.place.name === OTHER) continue
    if (worst.events < 10 || worst.exposure > ALONE_TRAFFIC * exposure) continue
    const rest = { events: events - worst.events, exposure: exposure - worst.exposure }
    const usual = (rest.events + 0.5) / Math.max(1, rest.exposure)
    const excess = worst.events - usual * worst.exposure
    const before = lead.ratio === null ? 0 : events / exposure / lead.ratio
    const restExcess = Math.max(0, rest.events - before * rest.exposure)
    if (
      excess > 0 &&
      excess >= ALONE * (excess + restExcess) &&
      excess > 5 * Math.sqrt(usual * worst.exposure + 1)
    )
      return worst.place.name
  }
  return undefined
}

function sumOf(
  minutes: readonly Counted[],
  from: number,
): { readonly events: number; readonly exposure: number } {
  let events = 0
  let exposure = 0
  for (const minute of minutes) {
    if (minute.time < Math.floor(from / 60) * 60) continue
    events += minute.events
    exposure += minute.exposure
  }
  return { events, exposure }
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`
}
