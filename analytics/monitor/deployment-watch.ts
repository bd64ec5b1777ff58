import type { CellSet } from '../queries/series-set.ts'
import { timesOf } from './cell-minutes.ts'
import { reasonsOf } from './incident.ts'
import { countedSignals, freshKinds, SignalWatch, weightOf } from './signal-watch.ts'
import type { WatchEvidence, WatchedService, WatchPlan } from './watch-evidence.ts'

/** Shares of a deployment's error: its own service's series, those of callers and callees, of those that come later, and kinds of events that were not there before. */
const SHARE = { own: 0.7, related: 0.1, joining: 0.05, fresh: 0.15 } as const

/**
 * A deployment while it is watched: what was before it, and what each minute since has added. Pure: cells in, evidence out; the same cells in other
 * portions give the same evidence.
 */
export class DeploymentWatch {
  readonly plan: WatchPlan
  readonly #groups: SignalWatch[]
  readonly #own: WatchedService | undefined
  #joined = 0
  #requests = 0
  /** Of minutes that are not complete. */
  #openRequests = 0
  #share: number | null = null

  /** @param services with the cells of the time before of each, by name of the service */
  constructor(plan: WatchPlan, services: readonly WatchedService[], before: ReadonlyMap<string, CellSet>) {
    this.plan = plan
    this.#own = services.find(({ relation }) => relation === 'own')
    const known = services.map((of) => {
      const set = before.get(of.service) ?? new Map()
      return { of, set, signals: countedSignals(of, set) }
    })
    const sum = (own: boolean) =>
      known
        .filter(({ of }) => (of.relation === 'own') === own)
        .flatMap(({ signals }) => signals)
        .reduce((total, signal) => total + weightOf(signal), 0)
    const totals = { own: sum(true), related: sum(false) }
    const kinds = this.#own?.signals.filter(freshKinds).length ?? 0
    this.#groups = known.flatMap(({ of, set, signals }) => {
      const own = of.relation === 'own'
      // Exceptions and messages may come where there were none.
      const counted = own
        ? of.signals.filter((signal) => signals.includes(signal) || freshKinds(signal))
        : signals
      return counted.map((signal) => {
        const known = signals.includes(signal)
        const share = known
          ? (weightOf(signal) / (own ? totals.own : totals.related)) * (own ? SHARE.own : SHARE.related)
          : 0
        return new SignalWatch(of, signal, plan, set, { share, fresh: SHARE.fresh / Math.max(1, kinds) })
      })
    })
  }

  /**
   * Watches another service from now on. What it did before it was chosen is no evidence, so that choosing costs nothing, and each one that joins has half of the share that
   * is left for all that may.
   * @param before its cells of the time before the deployment
   * @param from seconds, a whole minute: its evidence begins here
   * @param since its cells from then on, as {@link take} gets them
   */
  join(
    of: WatchedService,
    before: CellSet,
    from: number,
    since: CellSet,
    completeTo: number,
    to: number,
  ): void {
    this.#joined += 1
    const share = SHARE.joining * 0.5 ** this.#joined
    const signals = countedSignals(of, before)
    const total = signals.reduce((sum, signal) => sum + weightOf(signal), 0)
    const { startedAt, minutes: length } = this.plan
    const plan = {
      ...this.plan,
      startedAt: from,
      minutes: Math.max(1, length - Math.floor((from - startedAt) / 60)),
      warmUpMinutes: 0,
    }
    const minutes = timesOf(since)
    for (const signal of signals) {
      const group = new SignalWatch(of, signal, plan, before, {
        share: (share * weightOf(signal)) / total,
        fresh: 0,
      })
      group.take(since, minutes, from, completeTo, to)
      this.#groups.push(group)
    }
  }

  /**
   * Takes what a look has read.
   * @param sets by name of the service: cells from `from` on
   * @param from seconds: the first minute that was not complete at the last look
   * @param completeTo seconds: minutes before are complete and are not read again
   * @param to seconds: end of the newest, partial minute
   */
  take(sets: ReadonlyMap<string, CellSet>, from: number, completeTo: number, to: number): void {
    const alive = new Map<string, ReadonlySet<number>>()
    for (const group of this.#groups) {
      const set = sets.get(group.of.service) ?? new Map()
      const minutes = alive.get(group.of.service) ?? timesOf(set)
      alive.set(group.of.service, minutes)
      group.take(set, minutes, from, completeTo, to)
    }
    this.#countRequests(sets, completeTo)
  }

  #countRequests(sets: ReadonlyMap<string, CellSet>, completeTo: number): void {
    const own = this.#own
    if (own === undefined) return
    const all = new Map<string, number>()
    this.#openRequests = 0
    for (const versions of (sets.get(own.service)?.get('server.request') ?? new Map()).values()) {
      for (const [version, cells] of versions) {
        for (const cell of cells) {
          all.set(version, (all.get(version) ?? 0) + cell.count)
          if (version !== own.version || cell.time < this.plan.startedAt - 60) continue
          if (cell.time < completeTo) this.#requests += cell.count
          else this.#openRequests += cell.count
        }
      }
    }
    const total = [...all.values()].reduce((sum, count) => sum + count, 0)
    this.#share = total === 0 || own.version === null ? null : (all.get(own.version) ?? 0) / total
  }

  /** Requests of the version that is judged, as far as minutes are complete. */
  get requests(): number {
    return this.#requests
  }

  /** @param now seconds */
  evidence(now: number): WatchEvidence {
    const response = this.#groups.find(({ of, signal }) => of === this.#own && signal.id === 'latency.server')
    const served = {
      requests: this.#requests + this.#openRequests,
      seconds: response?.median ?? null,
    }
    const signals = this.#groups.flatMap((group) => group.evidence(now, served))
    let sum = 0
    for (const { logE, weight } of signals) if (weight > 0) sum += weight * Math.exp(Math.min(600, logE))
    const threshold = Math.log(1 / this.plan.alpha)
    const logE = Math.log(sum)
    const evidence: WatchEvidence = {
      logE,
      threshold,
      crossed: logE >= threshold,
      signals,
      requests: this.#requests,
      share: this.#share,
    }
    // What an incident names is not open, though by itself it may not be enough for a page yet.
    const named = new Set(reasonsOf(evidence))
    return {
      ...evidence,
      signals: signals.map((one) => (named.has(one) ? { ...one, decided: 'worse', moreMinutes: null } : one)),
    }
  }
}
