import { randomUUID } from 'node:crypto'
import type { Config } from '../../schemas/config.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Gate, NewGate } from '../../schemas/contracts/gate.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Policy } from '../../schemas/gate.ts'
import type { Store } from '../../schemas/store/client.ts'
import { readReport } from '../jobs/stored-reports.ts'
import { marksOf } from '../marks/stored-marks.ts'
import { readWatches } from '../monitor/stored-watches.ts'
import { isSameVersion } from '../releases/same-version.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { type Decided, decideGate } from './decide.ts'
import { onTrial, policyFor, waitMinutesFor } from './policy.ts'
import { keepShadowEvents } from './shadow-events.ts'
import { firstRegressed, openGates, readGate, type StoredGate, storeGate } from './stored-gates.ts'

export interface GatesOptions {
  readonly store: Store
  readonly config: Pick<Config, 'gate' | 'shadow' | 'api'>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

const MINUTE = 60_000

/** Gates of pipelines: opened, asked again until they are settled, and decided without being asked when their time is over. */
export class Gates {
  readonly #options: GatesOptions

  constructor(options: GatesOptions) {
    this.#options = options
  }

  async open(asked: NewGate): Promise<Gate> {
    const { store, config, clock } = this.#options
    const now = clock()
    const of = { service: asked.service, environment: asked.environment }
    const minutes = asked.waitMinutes ?? waitMinutesFor(config.gate, of)
    const since = asked.since ?? iso(now - config.gate.sinceMinutes * MINUTE)
    const blank = gateOf(asked, {
      id: randomUUID(),
      openedAt: iso(now),
      until: iso(now + minutes * MINUTE),
      since,
      policy: policyFor(config.gate, of, asked.policy),
    })
    const newest = (await this.#deployments(blank)).find(({ startedAt }) => startedAt >= since)
    const isOver = newest !== undefined && (await this.#isOver(newest))
    return await this.#decide({ gate: blank, ignoring: isOver ? newest.id : '' }, store)
  }

  /** The gate as of now. @throws PostflightError NOT_FOUND */
  async read(id: string): Promise<Gate> {
    return await this.#asOfNow(await readGate(this.#options.store, id))
  }

  /** The decision as of now for a caller that waits by itself and asks again; nothing is opened. */
  async evaluate(asked: Pick<NewGate, 'service' | 'environment' | 'version' | 'since'>): Promise<Gate> {
    const { config, clock } = this.#options
    const now = clock()
    const gate = gateOf(asked, {
      id: '',
      openedAt: iso(now),
      until: iso(now),
      since: asked.since ?? iso(now - config.gate.sinceMinutes * MINUTE),
      policy: policyFor(config.gate, asked),
    })
    return (await this.#judge({ gate, ignoring: '' }, Number.POSITIVE_INFINITY)).gate
  }

  /** The newest version that was deployed into an environment, for callers that do not know it. */
  async newestVersion(service: string, environment: string): Promise<string | undefined> {
    return (await allDeployments(this.#options.store, { service, environment })).at(-1)?.version
  }

  /** Settles gates that nobody asks for any more. */
  async settleOpen(): Promise<void> {
    for (const open of await openGates(this.#options.store)) await this.#asOfNow(open)
  }

  async #asOfNow(stored: StoredGate): Promise<Gate> {
    if (stored.gate.settled) return stored.gate
    return await this.#decide(stored, this.#options.store)
  }

  async #decide(stored: StoredGate, store: Store): Promise<Gate> {
    const { gate, changed } = await this.#judge(stored, Date.parse(stored.gate.until))
    // A gate that waits need not be written each time that it is asked for.
    if (changed) await storeGate(store, { ...stored, gate }, this.#options.clock())
    return gate
  }

  async #judge(stored: StoredGate, until: number): Promise<{ gate: Gate; changed: boolean }> {
    const { store, config, clock } = this.#options
    const before = stored.gate
    const now = clock()
    const of = { service: before.service, environment: before.environment }
    const known = await this.#deployments(before)
    const recent = known.filter(({ startedAt }) => startedAt >= before.since)
    // One that was over when it was asked counts only if no other came.
    const meant = recent.find(({ id }) => id !== stored.ignoring) ?? (now >= until ? recent[0] : undefined)
    const report = meant === undefined ? undefined : await this.#report(meant.id)
    const found = meant === undefined ? undefined : await firstRegressed(store, meant.id)
    const watch = meant === undefined ? undefined : (await readWatches(store, [meant.id])).get(meant.id)
    const marks = meant === undefined ? [] : await marksOf(store, meant.id)
    const cleared = marks.find(({ signal, mark }) => signal === '' && mark === 'false_alarm')
    const others = meant === undefined ? await this.#elsewhere(before) : []
    const decided = decideGate({
      ...of,
      version: before.version,
      now,
      until,
      since: Date.parse(before.since),
      deployment: meant,
      report,
      watch,
      foundRegressed:
        found === undefined ? undefined : { at: found.decidedAt ?? found.openedAt, reasons: found.reasons },
      others,
      policy: before.policy as Policy,
      cleared,
      isOnTrial: onTrial(config.shadow, of, 'gate'),
      earlyMinutes: config.gate.earlyMinutes,
    })
    const { shadow, ...decision } = decided
    await this.#keep(shadow, meant, now)
    const path = `/releases/${encodeURIComponent(before.service)}/${encodeURIComponent(before.version)}`
    const gate: Gate = {
      ...before,
      ...decision,
      deploymentId: meant?.id ?? null,
      deployedAt: meant?.startedAt ?? null,
      baselineVersion: report?.baselineVersion ?? watch?.baselineVersion ?? null,
      reportedAt: report?.computedAt ?? null,
      decidedAt: decision.settled ? iso(now) : null,
      link: `${config.api.publicUrl.replace(/\/+$/, '')}${path}?environment=${encodeURIComponent(before.environment)}`,
    }
    return { gate, changed: gate.settled || gate.deploymentId !== before.deploymentId || before.link === '' }
  }

  async #keep(shadow: Decided['shadow'], deployment: Deployment | undefined, now: number): Promise<void> {
    if (deployment === undefined) return
    const { service, environment, version } = deployment
    await keepShadowEvents(
      this.#options.store,
      shadow.map(({ outcome, signals, reason }) => ({
        deploymentId: deployment.id,
        service,
        environment,
        version,
        action: 'block',
        outcome,
        signals: [...new Set(signals)],
        reason,
        at: iso(now),
      })),
    )
  }

  /** Deployments of the release there, newest first. */
  async #deployments(of: Pick<Gate, 'service' | 'environment' | 'version'>): Promise<Deployment[]> {
    const { service, environment } = of
    const all = await allDeployments(this.#options.store, { service, environment })
    return all.filter(({ version }) => isSameVersion(version, of.version)).reverse()
  }

  async #elsewhere({ service, version }: Pick<Gate, 'service' | 'version'>): Promise<Deployment[]> {
    const all = await allDeployments(this.#options.store, { service })
    return all.filter((deployment) => deployment.version === version).reverse()
  }

  /** Rolled back or superseded: what is deployed next is meant, if it comes. */
  async #isOver(deployment: Deployment): Promise<boolean> {
    if (deployment.status === 'rolled_back') return true
    const state = (await this.#report(deployment.id))?.state
    return state === 'rolled_back' || state === 'superseded'
  }

  async #report(deploymentId: string): Promise<Report | undefined> {
    try {
      return await readReport(this.#options.store, deploymentId)
    } catch (error) {
      if (error instanceof PostflightError && error.code === 'REPORT_NOT_READY') return undefined
      throw error
    }
  }
}

function gateOf(
  asked: Pick<NewGate, 'service' | 'environment' | 'version'>,
  told: Pick<Gate, 'id' | 'openedAt' | 'until' | 'since' | 'policy'>,
): Gate {
  return {
    ...told,
    service: asked.service,
    environment: asked.environment,
    version: asked.version,
    decision: 'hold',
    step: 'hold',
    outcome: 'watching',
    meaning: null,
    settled: false,
    reasons: [],
    evidence: [],
    known: null,
    deploymentId: null,
    deployedAt: null,
    baselineVersion: null,
    reportedAt: null,
    decidedAt: null,
    link: '',
  }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
