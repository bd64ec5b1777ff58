import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Watch, WatchEvent } from '../../schemas/contracts/watch.ts'
import { ownerOf } from '../alerts/alerts.ts'
import { reportUrl } from '../alerts/links.ts'
import { onTrial } from '../gate/policy.ts'
import { duration } from '../jobs/words.ts'
import { loadCells, loadCellsOf } from '../queries/cells.ts'
import type { CellSet } from '../queries/series-set.ts'
import { loadRelations, type Relations } from '../releases/relations.ts'
import { type Blame, blameOf, type OtherDeployment } from './blame.ts'
import { timesOf } from './cell-minutes.ts'
import { DeploymentWatch } from './deployment-watch.ts'
import { loadDetails } from './evidence-details.ts'
import {
  type IncidentMemory,
  MOST_REASONS,
  NO_DETAILS,
  NO_MEMORY,
  nextIncident,
  reasonsOf,
} from './incident.ts'
import { loadPlaces } from './places.ts'
import {
  type Joined,
  knownAtStart,
  RELATED_AGAIN,
  relatedMoment,
  relatedSignals,
} from './related-services.ts'
import { endingOf, sinceRollback } from './rollback.ts'
import { isSilence, silenceIncident } from './silence.ts'
import { watchEventId } from './stored-watches.ts'
import { readBefore, type WatchOptions } from './watch-before.ts'
import type { SignalEvidence, WatchEvidence } from './watch-evidence.ts'
import { finite, headlineOf, iso, rankOf, watched } from './watch-row.ts'
import { undecided, watchState } from './watch-state.ts'

export interface JudgeInput {
  /** As it is now stored. */
  readonly deployment: Deployment
  readonly deployments: readonly Deployment[]
  /** Its incident as it is stored. */
  readonly known: Incident | undefined
  /** Seconds. */
  readonly completeTo: number
  readonly now: number
}

export interface Judged {
  readonly watch: Watch
  readonly events: readonly WatchEvent[]
  /** To be stored; undefined: as it was. */
  readonly incident: Incident | undefined
  readonly changed: boolean
  readonly done: boolean
}

const MINUTE = 60
/** Seconds without telemetry that are noticed, where there was some each minute. */
const NOTICED = 120
/** Seconds before an incident's surroundings are looked at again. */
const LOOK_AROUND = 60
/** Series in the stored watch. */
const MOST_SIGNALS = 120
/** Callers and callees that were not there before, and may join. */
const MOST_JOINED = 8
/** Seconds that all has to be as it was before it is said to be. */
const NORMAL_FOR = 60
/** Seconds after a rollback in which things should be back to normal. */
const ROLLED_BACK_WITHIN = 1800

/** A deployment that is watched: evidence in memory, made from telemetry; everything else from and for the store. */
export class OpenWatch {
  deployment: Deployment
  /** Seconds: newest telemetry of the service, whatever its version, and of the version that is watched. */
  lastSeen: number
  #ownSeen: number
  /** Milliseconds. */
  storedAt = 0
  isWorse = false
  readonly #options: WatchOptions
  readonly #relations: { readonly callers: string[]; readonly callees: string[] }
  /** The time before, which those that join are compared with; seconds. */
  readonly #before: { readonly from: number; readonly to: number }
  readonly #joined: Joined[] = []
  #lookedForRelated: number
  readonly #baseline: string | null
  readonly #watch: DeploymentWatch | undefined
  /** True: the service had telemetry in nearly every minute before. */
  readonly #steady: boolean
  readonly #minutes: number
  readonly #steps: readonly number[]
  #aftermath: { readonly at: number; readonly watch: DeploymentWatch; normalSince: number | null } | undefined
  /** How often it has served again after what looked like a rollback, and whether it looks so now. */
  #returns: number
  #wasRolledBack: boolean
  #memory: IncidentMemory
  #stepsNoted: number
  #silentSince: number | null = null
  #blame: Blame | null = null
  #details = NO_DETAILS
  #lookedAround = 0
  #reasonsLookedInto = ''
  #state: Watch['state'] = 'watching'
  readonly #opened: boolean

  private constructor(
    options: WatchOptions,
    of: {
      readonly deployment: Deployment
      readonly relations: Relations
      readonly baseline: string | null
      readonly watch: DeploymentWatch | undefined
      readonly steady: boolean
      readonly lastSeen: number
      readonly ownSeen: number
      readonly stored: Watch | undefined
      readonly before: { readonly from: number; readonly to: number }
      /** Seconds. */
      readonly now: number
    },
  ) {
    const { monitor } = options.config
    const own = monitor.services[of.deployment.service]
    this.#options = options
    this.deployment = of.deployment
    this.#relations = { callers: [...of.relations.callers], callees: [...of.relations.callees] }
    this.#before = of.before
    this.#lookedForRelated = relatedMoment(of.deployment, of.now)
    this.#baseline = of.baseline
    this.#watch = of.watch
    this.#steady = of.steady
    this.lastSeen = of.lastSeen
    this.#ownSeen = of.ownSeen
    this.#minutes = own?.watchMinutes ?? monitor.watchMinutes
    this.#steps = (own?.steps ?? monitor.steps).filter((step) => step <= this.#minutes).sort((a, b) => a - b)
    this.#memory = of.stored?.memory ?? NO_MEMORY
    this.#stepsNoted = of.stored?.memory.stepsNoted ?? 0
    this.#returns = of.stored?.memory.returns ?? 0
    this.#wasRolledBack = (of.stored?.rollback ?? null) !== null
    this.#state = of.stored?.state ?? 'watching'
    this.#blame = of.stored?.blame ?? null
    this.#opened = of.stored !== undefined
  }

  /**
   * Reads the time before, and all that has come since.
   * @param stored what an earlier process knew of it
   * @param completeTo milliseconds: minutes before are complete
   * @param to milliseconds: end of the newest minute
   */
  static async open(
    options: WatchOptions,
    deployment: Deployment,
    previous: Deployment | undefined,
    stored: Watch | undefined,
    completeTo: number,
    to: number,
  ): Promise<OpenWatch> {
    const { store, catalogue } = options
    const startedAt = Date.parse(deployment.startedAt)
    const joined = stored?.memory.joined ?? []
    const [{ set, baseline, plan, window }, relations] = await Promise.all([
      readBefore(options, deployment, previous),
      stored === undefined
        ? loadRelations(store, deployment, {
            from: startedAt / 1000 - 1800,
            to: Math.min(to / 1000, startedAt / 1000 + 1800),
          })
        : knownAtStart(stored, joined),
    ])
    const related = [...relations.callers, ...relations.callees]
    const start = Math.floor(startedAt / 60_000) * MINUTE
    const between = { environment: deployment.environment, from: start, to: Math.max(start, to / 1000) }
    const [before, own, others] = await Promise.all([
      related.length === 0
        ? new Map<string, CellSet>()
        : loadCellsOf(store, catalogue, related, {
            environment: deployment.environment,
            from: window.from,
            to: start,
            signals: relatedSignals(catalogue),
            flat: true,
          }),
      loadCells(store, catalogue, { ...between, service: deployment.service }),
      related.length === 0
        ? new Map<string, CellSet>()
        : loadCellsOf(store, catalogue, related, {
            ...between,
            signals: relatedSignals(catalogue),
            flat: true,
          }),
    ])
    const watch =
      baseline === null
        ? undefined
        : new DeploymentWatch(
            plan,
            [
              {
                service: deployment.service,
                relation: 'own',
                signals: catalogue.signals,
                version: deployment.version,
                baseline,
              },
              ...(['callee', 'caller'] as const).flatMap((relation) =>
                (relation === 'callee' ? relations.callees : relations.callers).map((service) => ({
                  service,
                  relation,
                  signals: relatedSignals(catalogue),
                  version: null,
                  baseline: null,
                })),
              ),
            ],
            new Map([...before, [deployment.service, set]]),
          )
    watch?.take(
      new Map([...others, [deployment.service, own]]),
      start,
      Math.max(start, completeTo / 1000),
      to / 1000,
    )
    const hour = new Set([...timesOf(set)].filter((time) => time >= start - 3600))
    const open = new OpenWatch(options, {
      before: { from: window.from, to: start },
      now: to / 1000 - MINUTE,
      deployment,
      relations,
      baseline,
      watch,
      steady: hour.size >= 54,
      lastSeen: newestOf([...timesOf(set), ...timesOf(own)]),
      ownSeen: newestOf(timesOf(own, deployment.version)),
      stored,
    })
    for (const one of joined) await open.#join(one, Math.max(start, completeTo / 1000), to / 1000)
    return open
  }

  /** Callers and callees that are watched. */
  get related(): readonly string[] {
    return [...this.#relations.callers, ...this.#relations.callees]
  }

  get requests(): number {
    return this.#watch?.requests ?? 0
  }

  /** Takes what a look has read: see {@link DeploymentWatch.take}. */
  take(sets: ReadonlyMap<string, CellSet>, from: number, completeTo: number, to: number): void {
    this.#watch?.take(sets, from, completeTo, to)
    this.#aftermath?.watch.take(sets, from, completeTo, to)
    const own = sets.get(this.deployment.service) ?? new Map()
    this.lastSeen = Math.max(this.lastSeen, newestOf(timesOf(own)))
    this.#ownSeen = Math.max(this.#ownSeen, newestOf(timesOf(own, this.deployment.version)))
  }

  /** True: only other versions have sent anything of late, so it may have been rolled back; or it has sent something since it was. */
  get mayHaveTurned(): boolean {
    const { at } = this.#aftermath ?? {}
    if (at !== undefined) return this.#ownSeen > at
    return this.#ownSeen > 0 && this.lastSeen - this.#ownSeen >= NOTICED
  }

  async judge(input: JudgeInput): Promise<Judged> {
    const { config, catalogue, publicUrl } = this.#options
    const { deployment, known, now } = input
    this.deployment = deployment
    const events: WatchEvent[] = []
    const note = (
      kind: WatchEvent['kind'],
      what: string | number,
      summary: string,
      signals: Watch['signals'] = [],
    ) => {
      const id = watchEventId(deployment.id, kind, what)
      // A millisecond each, so that the timeline keeps their order.
      const at = iso(now + events.length / 1000)
      events.push({ id, deploymentId: deployment.id, at, kind, summary, signals: signals.slice(0, 10) })
    }
    const startedAt = Date.parse(deployment.startedAt) / 1000
    const end = startedAt + this.#minutes * MINUTE
    const closed = now >= end
    const firing = known?.status === 'firing'
    // What came after its end says nothing of the watch, but whether an incident is over.
    const at = closed && !firing ? end : now
    if (!this.#opened && this.storedAt === 0) {
      const against = this.#baseline === null ? 'nothing to compare with' : `compared with ${this.#baseline}`
      note(
        'opened',
        '',
        `${deployment.service} ${deployment.version} is watched for ${duration(this.#minutes * MINUTE)}, ${against}`,
      )
    }
    await this.#joinNew({ ...input, now: at }, note)
    const ending = endingOf(deployment, input.deployments)
    if (ending === null && this.#wasRolledBack) {
      this.#returns += 1
      note('returned', this.#returns, `${deployment.version} serves again: it was paused, not rolled back`)
      this.#wasRolledBack = false
      this.#aftermath = undefined
      // It is judged by all that it does, as before the pause.
      this.#memory = { ...this.#memory, calmSince: null, endedAt: null }
    }
    if (ending?.kind === 'rolled back' && this.#aftermath === undefined && this.#watch !== undefined) {
      await this.#watchAftermath(ending.at ?? now, input)
      this.#wasRolledBack = true
      note(
        'rolled_back',
        this.#returns === 0 ? '' : this.#returns,
        `${deployment.version} was rolled back${this.#baseline === null ? '' : ` to ${this.#baseline}`}`,
      )
    }
    if (ending?.kind === 'superseded')
      note('superseded', '', `${ending.by} began: the watch of ${deployment.version} ends`)
    const evidence = this.#watch?.evidence(at)
    const after = this.#aftermath?.watch.evidence(now)
    this.#noteSilence(at, startedAt, ending !== null, note)
    const silent =
      this.#silentSince !== null && at - this.#silentSince >= config.monitor.silentMinutes * MINUTE

    const reasons = evidence === undefined ? [] : reasonsOf(evidence)
    if (evidence !== undefined && ending === null && (reasons.length > 0 || firing))
      await this.#lookAround(reasons, { ...input, now: at })
    const settings = config.monitor.services[deployment.service]
    const isOnTrial = onTrial(config.shadow, deployment, 'page')
    const onlyTrial = reasons.length > 0 && reasons.every(({ signal }) => isOnTrial(signal))
    const shadow = (settings?.shadow ?? config.monitor.shadow) || onlyTrial
    const link = reportUrl(publicUrl, deployment)
    let incident: Incident | undefined
    // While nothing comes an incident neither ends nor grows, and one about silence is silence's own.
    const isHeld = firing && (this.#silentSince !== null || isSilence(known)) && ending === null
    if (evidence !== undefined && !isHeld) {
      const outcome = nextIncident({
        deployment,
        catalogue,
        evidence: after === undefined ? evidence : sinceRollback(after, evidence),
        known,
        memory: this.#memory,
        blame: this.#blame,
        criticality: settings?.criticality ?? 'normal',
        owner: ownerOf(deployment, config.alerts.owners),
        shadow,
        over: ending?.kind ?? null,
        details: this.#details,
        link,
        now,
        calmSeconds: config.monitor.calmMinutes * MINUTE,
      })
      this.#memory = outcome.memory
      incident = outcome.incident
      if (outcome.event !== null && incident !== undefined) {
        const kind = outcome.event === 'opened' ? 'incident' : outcome.event
        const said = kind === 'resolved' ? `${incident.summary}: ${incident.resolution}` : incident.summary
        note(
          kind,
          incident.revision,
          said,
          reasons.map((one) => watched(one, evidence, now)),
        )
      }
      this.#noteNormality(now, note)
    }
    if (incident === undefined)
      incident = silenceIncident({
        deployment,
        known,
        silentSince: silent ? this.#silentSince : null,
        settings: config.monitor,
        owner: ownerOf(deployment, config.alerts.owners),
        shadow,
        link,
        now,
      })
    const current = incident ?? known
    const open = current?.status === 'firing'
    const state = watchState({
      firing: open && current !== undefined && !isSilence(current),
      elsewhere: this.#blame?.of === 'elsewhere',
      over: ending?.kind ?? null,
      first: this.#baseline === null,
      silent:
        silent ||
        (evidence !== undefined &&
          evidence.requests === 0 &&
          this.lastSeen < startedAt &&
          now - startedAt > config.monitor.silentMinutes * MINUTE),
      closed,
      evidence,
    })
    this.#noteSteps(input.completeTo, startedAt, evidence, note)
    const changed = state !== this.#state
    this.#state = state
    this.isWorse = open
    const aftermathOver = this.#aftermath !== undefined && now - this.#aftermath.at > 2 * ROLLED_BACK_WITHIN
    const done = !open && (ending?.kind === 'superseded' || aftermathOver || (closed && ending === null))
    if (done && ending === null)
      note('closed', '', headlineOf(deployment, state, incident ?? known, evidence))
    return { watch: this.#row(input, evidence, state, incident ?? known), events, incident, changed, done }
  }

  /** Callers and callees that the last minutes' traces show and nobody has watched. */
  async #joinNew({ completeTo, now }: JudgeInput, note: Note): Promise<void> {
    const at = relatedMoment(this.deployment, now)
    if (this.#watch === undefined || at <= this.#lookedForRelated) return
    this.#lookedForRelated = at
    const found = await loadRelations(this.#options.store, this.deployment, {
      from: at - RELATED_AGAIN,
      to: at,
    })
    const known = new Set([...this.related, this.deployment.service])
    const candidates = [
      ...found.callees.map((service): Joined => ({ service, relation: 'callee', at })),
      ...found.callers.map((service): Joined => ({ service, relation: 'caller', at })),
    ]
    for (const one of candidates) {
      if (known.has(one.service) || this.#joined.length >= MOST_JOINED) continue
      known.add(one.service)
      await this.#join(one, completeTo, Math.floor(now / MINUTE) * MINUTE + MINUTE)
      const how = one.relation === 'callee' ? 'it calls' : 'calls it'
      note('joined', one.service, `${one.service}, which ${how}, was not known before and is watched too`)
    }
  }

  async #join(one: Joined, completeTo: number, to: number): Promise<void> {
    const { store, catalogue } = this.#options
    const { service, relation, at } = one
    const signals = relatedSignals(catalogue)
    const load = async (from: number, until: number) => {
      const window = { environment: this.deployment.environment, from, to: until, signals, flat: true }
      return (await loadCellsOf(store, catalogue, [service], window)).get(service) ?? new Map()
    }
    const [before, since] = await Promise.all([
      load(this.#before.from, this.#before.to),
      load(at, Math.max(at, to)),
    ])
    this.#joined.push(one)
    this.#relations[relation === 'callee' ? 'callees' : 'callers'].push(service)
    const of = { service, relation, signals, version: null, baseline: null } as const
    this.#watch?.join(of, before, at, since, Math.max(at, completeTo), Math.max(at, to))
  }

  #noteSilence(now: number, startedAt: number, over: boolean, note: Note): void {
    const quiet = now - this.lastSeen
    if (!this.#steady || over || this.lastSeen === 0) return
    if (this.#silentSince === null && quiet >= NOTICED) {
      this.#silentSince = this.lastSeen + MINUTE
      note(
        'silent',
        this.#silentSince,
        `no telemetry of ${this.deployment.service} since ${iso(this.#silentSince).slice(11, 16)}Z: nothing is judged until it is back`,
      )
    } else if (this.#silentSince !== null && quiet < NOTICED) {
      note(
        'back',
        this.#silentSince,
        `telemetry is back after ${duration(Math.max(0, now - Math.max(startedAt, this.#silentSince)))}`,
      )
      this.#silentSince = null
    }
  }

  #noteNormality(now: number, note: Note): void {
    const aftermath = this.#aftermath
    if (aftermath === undefined) return
    const since = this.#memory.calmSince
    if (since !== null && now - since >= NORMAL_FOR && aftermath.normalSince === null) {
      aftermath.normalSince = since
      note(
        'back_to_normal',
        aftermath.at,
        `back to normal within ${duration(Math.max(0, since - aftermath.at))} of the rollback`,
      )
    } else if (aftermath.normalSince === null && now - aftermath.at > ROLLED_BACK_WITHIN && this.isWorse) {
      note(
        'not_back_to_normal',
        aftermath.at,
        `not back to normal ${duration(ROLLED_BACK_WITHIN)} after the rollback`,
      )
    }
  }

  #noteSteps(completeTo: number, startedAt: number, evidence: WatchEvidence | undefined, note: Note): void {
    for (const step of this.#steps.slice(this.#stepsNoted)) {
      if (completeTo < startedAt + step * MINUTE) return
      this.#stepsNoted += 1
      if (evidence === undefined) continue
      const own = evidence.signals.filter((one) => one.relation === 'own' && one.dimension === '')
      const open = undecided(evidence)
      const worse = reasonsOf(evidence).length
      const standing =
        worse === 0 ? 'nothing is worse' : `${worse} series ${worse === 1 ? 'is' : 'are'} worse`
      const rest = open.length === 0 ? '' : `; not yet known: ${open.slice(0, 3).join(', ')}`
      note(
        'step',
        step,
        `after ${duration(step * MINUTE)}: ${standing}${rest}`,
        own.map((one) => watched(one, evidence, completeTo)),
      )
    }
  }

  async #watchAftermath(at: number, { completeTo, now, deployments }: JudgeInput): Promise<void> {
    const { deployment } = this
    const previous = deployments.findLast(
      (other) =>
        other.service === deployment.service &&
        other.environment === deployment.environment &&
        Date.parse(other.startedAt) < Date.parse(deployment.startedAt),
    )
    const { set, plan } = await readBefore(this.#options, deployment, previous)
    const start = Math.ceil(at / MINUTE) * MINUTE
    const watch = new DeploymentWatch(
      { ...plan, startedAt: start, warmUpMinutes: 0 },
      [
        {
          service: deployment.service,
          relation: 'own',
          signals: this.#options.catalogue.signals,
          version: this.#baseline,
          baseline: this.#baseline,
        },
      ],
      new Map([[deployment.service, set]]),
    )
    const to = Math.max(start, Math.floor(now / MINUTE) * MINUTE + MINUTE)
    const since = await loadCells(this.#options.store, this.#options.catalogue, {
      service: deployment.service,
      environment: deployment.environment,
      from: start,
      to,
    })
    watch.take(new Map([[deployment.service, since]]), start, Math.max(start, completeTo), to)
    this.#aftermath = { at, watch, normalSince: null }
  }

  /** Looks where else the incident shows, and into its reasons. */
  async #lookAround(
    reasons: readonly SignalEvidence[],
    { deployment, deployments, now }: JudgeInput,
  ): Promise<void> {
    const [lead] = reasons
    if (lead === undefined) return
    const key = reasons
      .slice(0, MOST_REASONS)
      .map(({ signal, dimension }) => `${signal} ${dimension}`)
      .join('\n')
    const { store, catalogue } = this.#options
    const details =
      key === this.#reasonsLookedInto ? undefined : loadDetails(store, catalogue, deployment, reasons, now)
    const [found] = await Promise.all([details, this.#findBlame(lead, deployment, deployments, now)])
    this.#reasonsLookedInto = key
    if (found !== undefined) this.#details = found
  }

  /** Who else may have done it. */
  async #findBlame(
    lead: SignalEvidence,
    deployment: Deployment,
    deployments: readonly Deployment[],
    now: number,
  ): Promise<void> {
    const { store, catalogue, config } = this.#options
    if (now - this.#lookedAround < LOOK_AROUND) return
    this.#lookedAround = now
    const startedAt = Date.parse(deployment.startedAt) / 1000
    const others = deployments
      .filter((other) => {
        const at = Date.parse(other.startedAt) / 1000
        return (
          other.environment === deployment.environment &&
          other.service !== deployment.service &&
          at >= Math.min(startedAt, lead.since) - 1800 &&
          at <= now
        )
      })
      .map((other) => ({
        id: other.id,
        service: other.service,
        version: other.version,
        startedAt: Date.parse(other.startedAt) / 1000,
      }))
    const places = await loadPlaces(store, catalogue, {
      deployment,
      baseline: this.#baseline,
      relations: this.#relations,
      evidence: this.#watch?.evidence(now) ?? NO_EVIDENCE,
      others,
      collectors: config.collectors,
      since: lead.since,
      now,
    })
    this.#blame = blameOf({
      service: deployment.service,
      version: deployment.version,
      startedAt,
      lead,
      now,
      places,
      deployments: others.map((other) => ({ ...other, relation: this.#relationOf(other) })),
    })
  }

  #relationOf(other: OtherDeployment): 'callee' | 'caller' | 'other' {
    if (this.#relations.callees.includes(other.service)) return 'callee'
    return this.#relations.callers.includes(other.service) ? 'caller' : 'other'
  }

  #row(
    { deployment, completeTo, now }: JudgeInput,
    evidence: WatchEvidence | undefined,
    state: Watch['state'],
    incident: Incident | undefined,
  ): Watch {
    const startedAt = Date.parse(deployment.startedAt) / 1000
    const next = this.#steps[this.#stepsNoted]
    const signals = [...(evidence?.signals ?? [])].sort(
      (a, b) => rankOf(b) - rankOf(a) || Number(b.dimension === '') - Number(a.dimension === ''),
    )
    return {
      deploymentId: deployment.id,
      service: deployment.service,
      environment: deployment.environment,
      version: deployment.version,
      baselineVersion: this.#baseline,
      state,
      headline: headlineOf(deployment, state, incident, evidence),
      openedAt: deployment.startedAt,
      closesAt: iso(startedAt + this.#minutes * MINUTE),
      lookedAt: iso(now),
      completeTo: iso(completeTo),
      nextStepAt: next === undefined ? null : iso(startedAt + next * MINUTE),
      silentSince: this.#silentSince === null ? null : iso(this.#silentSince),
      share: evidence?.share ?? null,
      requests: evidence?.requests ?? 0,
      logE: finite(evidence?.logE),
      threshold: evidence?.threshold ?? Math.log(1 / this.#options.config.monitor.falsePages),
      blame: this.#blame,
      rollback:
        this.#aftermath === undefined
          ? null
          : {
              at: iso(this.#aftermath.at),
              normalSince: this.#aftermath.normalSince === null ? null : iso(this.#aftermath.normalSince),
            },
      callers: [...this.#relations.callers],
      callees: [...this.#relations.callees],
      signals: signals.slice(0, MOST_SIGNALS).map((one) => watched(one, evidence as WatchEvidence, now)),
      memory: {
        ...this.#memory,
        stepsNoted: this.#stepsNoted,
        joined: [...this.#joined],
        returns: this.#returns,
      },
    }
  }
}

function newestOf(times: Iterable<number>): number {
  let newest = 0
  for (const time of times) if (time > newest) newest = time
  return newest
}

type Note = (
  kind: WatchEvent['kind'],
  what: string | number,
  summary: string,
  signals?: Watch['signals'],
) => void

const NO_EVIDENCE: WatchEvidence = {
  logE: 0,
  threshold: 1,
  crossed: false,
  signals: [],
  requests: 0,
  share: null,
}
