import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import type { Alert, Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import type { Watch, WatchEvent } from '../../schemas/contracts/watch.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { regressionId, reportIncident } from '../alerts/alerts.ts'
import { listAlerts, storeIncident } from '../alerts/stored-alerts.ts'
import { isHistory } from '../jobs/report.ts'
import { monitorLookDuration, monitorWatches } from '../jobs/telemetry.ts'
import { loadCellsOf } from '../queries/cells.ts'
import type { CellSet } from '../queries/series-set.ts'
import { discoverDeployments } from '../releases/discover-deployments.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { floorMinute } from '../windows/deployment-windows.ts'
import { OpenWatch } from './open-watch.ts'
import { relatedSignals } from './related-services.ts'
import { SelfWatch } from './self-watch.ts'
import { readUnendedWatches, readWatches, storeWatchEvents, storeWatches } from './stored-watches.ts'

export interface MonitorOptions {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly config: Config
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Address under which people reach the pages, without a slash at the end. */
  readonly publicUrl: string
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  /** Told of each change of an incident, so that it is delivered at once. */
  readonly onChange?: () => void
}

export interface LookOutcome {
  readonly watching: number
  /** Watches that were opened, of those that wait to be. */
  readonly opened: number
  readonly waiting: number
  readonly incidents: number
}

export interface Monitor {
  /** One look at everything that is watched; looks never overlap. */
  look(this: void): Promise<LookOutcome>
  /** The full verdict, when the report is final, opens or ends what the monitor did not. */
  onReport(this: void, report: Report, watchEnd: number): Promise<void>
  start(): void
  /** Resolves when the look that is under way has ended. */
  stop(): Promise<void>
}

const MINUTE = 60_000
/** Milliseconds of a look in which watches are opened; the others wait for the next one. */
const OPENING = 5_000
/** Watches that are opened or judged at once: most of the time they wait for the store. */
const AT_ONCE = 4
/** Telemetry of a service that is older is of the past, and still being loaded. */
const LIVE = 10 * MINUTE
/** Milliseconds between two rows of a watch that has not changed. */
const STORE_EVERY = MINUTE
/** Minutes are read again for so long (milliseconds) although telemetry should be there by then. */
const LATEST = 150_000
/** Milliseconds between two counts of what came later than that. */
const RECOUNT_EVERY = 10 * MINUTE
/** Milliseconds between two questions whether a version has left, or is back. */
const TURNED_EVERY = 20_000
/** How long an incident may keep a watch open past its end. */
const LONGEST = 7 * 24 * 60 * MINUTE

/**
 * Watches every deployment from its first minute on: reads what each look has added, asks whether anything is worse, and keeps the one incident that a deployment may
 * have. All that it decides is in the store, with ids made from the deployment; evidence is made again from telemetry after a restart. So it may be killed at any
 * moment, and two of it come to the same.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const running = new RunningMonitor(options)
  let timer: NodeJS.Timeout | undefined
  let stopped = true
  let looking: Promise<LookOutcome> | undefined
  const look = (): Promise<LookOutcome> => {
    looking ??= running.look().finally(() => {
      looking = undefined
    })
    return looking
  }
  const self = new SelfWatch(options)
  const tick = async (): Promise<void> => {
    const began = options.clock()
    try {
      await look()
      await self.looked(running.newest)
    } catch (error) {
      options.logger.error({ err: error }, 'The monitor could not look; it tries again')
    }
    const interval = options.config.monitor.intervalSeconds * 1000
    if (!stopped) timer = setTimeout(tick, Math.max(250, interval - (options.clock() - began)))
  }
  return {
    look,
    onReport: async (report, watchEnd) => await running.onReport(report, watchEnd),
    start: () => {
      if (!stopped || !options.config.monitor.enabled) return
      stopped = false
      self.start()
      timer = setTimeout(tick, 0)
    },
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      self.stop()
      await looking?.catch(() => {})
    },
  }
}

class RunningMonitor {
  readonly #options: MonitorOptions
  readonly #watches = new Map<string, OpenWatch>()
  /** Deployments whose watch is over. */
  readonly #done = new Set<string>()
  #versions = new Set<string>()
  /** Minutes before this (milliseconds) are in all watches. */
  #completeTo: number | undefined
  #recounted = 0
  #discovered = 0
  #stamp = 0
  /** Newest telemetry of anything that is watched (milliseconds); undefined: nothing is. */
  newest: number | undefined

  constructor(options: MonitorOptions) {
    this.#options = options
  }

  async look(): Promise<LookOutcome> {
    const { store, clock } = this.#options
    const began = performance.now()
    const now = clock()
    await this.#discover(now)
    const [deployments, { items: firing }, unended] = await Promise.all([
      allDeployments(store),
      listAlerts(store, { status: 'firing' }),
      readUnendedWatches(store, now - LONGEST),
    ])
    const begun = new Set([...firing.map(({ deploymentId }) => deploymentId), ...unended])
    const due = this.#due(deployments, begun, now)
    // Clocks may be set back; what is in the watches stays there.
    const completeTo = Math.max(
      this.#completeTo ?? 0,
      floorMinute(now - Math.max(LATEST, this.#options.config.analysis.latenessSeconds * 1000)),
    )
    await this.#read(completeTo, now)
    const alerting = new Set(firing.map(({ deploymentId }) => deploymentId))
    const opened = await this.#open(due, deployments, alerting, completeTo, now)
    const incidents = await this.#judge(deployments, completeTo, now)
    if (now - this.#recounted >= RECOUNT_EVERY) {
      this.#recounted = now
      await this.#recount(completeTo)
    }
    monitorLookDuration.record((performance.now() - began) / 1000)
    monitorWatches.record(this.#watches.size)
    return { watching: this.#watches.size, opened, waiting: due.length - opened, incidents }
  }

  /** A version that was not there at the last look is a deployment at once, not at the next report; and one that has left a rollback. */
  async #discover(now: number): Promise<void> {
    const rows = await this.#options.store.query<{ service: string; environment: string; version: string }>(
      `SELECT DISTINCT service, environment, version FROM version_1h WHERE time >= toDateTime({from:UInt32}) AND version != 'unknown'`,
      { from: Math.floor(now / 1000) - 2 * 3600 },
    )
    const versions = new Set(rows.map((row) => JSON.stringify([row.service, row.environment, row.version])))
    const isNew = [...versions].some((version) => !this.#versions.has(version))
    const hasTurned =
      now - this.#discovered >= TURNED_EVERY &&
      [...this.#watches.values()].some((watch) => watch.mayHaveTurned)
    if (isNew || hasTurned) {
      await discoverDeployments(this.#options.store, now)
      this.#discovered = now
    }
    this.#versions = versions
  }

  /**
   * Deployments that are to be watched and are not yet, newest first.
   * @param begun those with an incident that has not ended, or a watch that somebody has begun and not ended
   */
  #due(deployments: readonly Deployment[], begun: ReadonlySet<string>, now: number): readonly Deployment[] {
    const newest = new Map<string, string>()
    for (const deployment of deployments) {
      // A return to an older version is looked at as the end of what it undoes.
      if (deployment.attributes['rollback'] !== 'true') newest.set(keyOf(deployment), deployment.id)
    }
    return deployments
      .filter((deployment) => {
        const startedAt = Date.parse(deployment.startedAt)
        if (this.#watches.has(deployment.id) || startedAt > now) return false
        // Whatever has become of a deployment since, its watch and its incident are not forgotten.
        if (begun.has(deployment.id) && startedAt > now - LONGEST) return true
        return (
          newest.get(keyOf(deployment)) === deployment.id &&
          !this.#done.has(deployment.id) &&
          startedAt > now - this.#watchMinutes(deployment) * MINUTE
        )
      })
      .reverse()
  }

  #watchMinutes({ service }: Deployment): number {
    const { monitor } = this.#options.config
    return monitor.services[service]?.watchMinutes ?? monitor.watchMinutes
  }

  /** What every open watch has not seen yet, in a few statements for all of them. */
  async #read(completeTo: number, now: number): Promise<void> {
    const from = this.#completeTo
    this.#completeTo = completeTo
    if (this.#watches.size === 0 || from === undefined) {
      this.newest = undefined
      return
    }
    let newest = 0
    const environments = Map.groupBy(this.#watches.values(), (watch) => watch.deployment.environment)
    for (const [environment, watches] of environments) {
      const sets = await this.#readEnvironment(environment, watches, from, now)
      for (const watch of watches) {
        const own = sets.own.get(watch.deployment.service)
        const merged = new Map<string, CellSet>([
          ...sets.related,
          ...(own === undefined ? [] : [[watch.deployment.service, own] as const]),
        ])
        watch.take(merged, from / 1000, completeTo / 1000, ceilMinute(now) / 1000)
        newest = Math.max(newest, watch.lastSeen)
      }
    }
    this.newest = newest * 1000
  }

  async #readEnvironment(
    environment: string,
    watches: readonly OpenWatch[],
    from: number,
    now: number,
  ): Promise<{ readonly own: ReadonlyMap<string, CellSet>; readonly related: ReadonlyMap<string, CellSet> }> {
    const { store, catalogue } = this.#options
    const window = { environment, from: from / 1000, to: ceilMinute(now) / 1000 }
    const own = [...new Set(watches.map((watch) => watch.deployment.service))]
    const related = [...new Set(watches.flatMap((watch) => watch.related))]
    const [ownSets, relatedSets] = await Promise.all([
      loadCellsOf(store, catalogue, own, window),
      related.length === 0
        ? new Map<string, CellSet>()
        : loadCellsOf(store, catalogue, related, {
            ...window,
            signals: relatedSignals(catalogue),
            flat: true,
          }),
    ])
    return { own: ownSets, related: relatedSets }
  }

  async #open(
    due: readonly Deployment[],
    deployments: readonly Deployment[],
    /** Those with an incident that fires: they are looked at until it ends. */
    alerting: ReadonlySet<string>,
    completeTo: number,
    now: number,
  ): Promise<number> {
    if (due.length === 0) return 0
    const { store } = this.#options
    const [known, live] = await Promise.all([
      readWatches(
        store,
        due.map(({ id }) => id),
      ),
      this.#liveServices(now),
    ])
    const until = performance.now() + OPENING
    let opened = 0
    // What is being loaded of the past is not watched; what was told and sends nothing is, since silence is a verdict.
    const wanted = due.filter(
      (deployment) => live.has(keyOf(deployment)) || deployment.source === 'api' || known.has(deployment.id),
    )
    for (const some of batches(wanted)) {
      if (opened > 0 && performance.now() > until) break
      await Promise.all(
        some.map(async (deployment) => {
          const previous = previousOf(deployment, deployments)
          const stored = known.get(deployment.id)
          const end = Date.parse(deployment.startedAt) + this.#watchMinutes(deployment) * MINUTE
          // A watch that ended while nobody looked is judged on its own time.
          const to = alerting.has(deployment.id)
            ? ceilMinute(now)
            : Math.min(ceilMinute(now), Math.ceil(end / MINUTE) * MINUTE)
          const complete = Math.min(completeTo, to)
          const watch = await OpenWatch.open(this.#options, deployment, previous, stored, complete, to)
          this.#watches.set(deployment.id, watch)
          opened += 1
        }),
      )
    }
    return opened
  }

  async #liveServices(now: number): Promise<ReadonlySet<string>> {
    const rows = await this.#options.store.query<{ service: string; environment: string }>(
      `SELECT service, environment FROM version_1h WHERE time >= toDateTime({hour:UInt32}) GROUP BY service, environment
      HAVING max(last_time) >= toDateTime({from:UInt32})`,
      { hour: Math.floor(now / 1000) - 2 * 3600, from: Math.floor((now - LIVE) / 1000) },
    )
    return new Set(rows.map(keyOf))
  }

  /** Judges every watch, and keeps what has changed. @returns incidents that changed */
  async #judge(deployments: readonly Deployment[], completeTo: number, now: number): Promise<number> {
    const { store, onChange } = this.#options
    if (this.#watches.size === 0) return 0
    const { items } = await listAlerts(store)
    const alerts = new Map(items.map((alert) => [alert.id, alert]))
    const rows: Watch[] = []
    const events: WatchEvent[] = []
    let changed = 0
    for (const some of batches([...this.#watches.values()])) {
      const outcomes = await Promise.all(
        some.map(async (watch) => {
          const { id } = watch.deployment
          const deployment = deployments.find((other) => other.id === id) ?? watch.deployment
          const judged = await watch.judge({
            deployment,
            deployments,
            known: incidentOf(alerts.get(regressionId(id))),
            completeTo: completeTo / 1000,
            now: now / 1000,
          })
          return { watch, deployment, judged }
        }),
      )
      const incidents = outcomes.flatMap(({ judged }) => judged.incident ?? [])
      for (const incident of incidents) {
        changed += 1
        // Two rows of one moment: the later one has to count.
        this.#stamp = Math.max(this.#stamp + 1, now)
        await storeIncident(store, incident, this.#stamp)
        this.#options.logger.warn(
          { alert: incident.id, status: incident.status, link: incident.link },
          incident.summary,
        )
      }
      // Who is to be told hears of it before the other watches are judged.
      if (incidents.length > 0) onChange?.()
      for (const { watch, deployment, judged } of outcomes) {
        events.push(...judged.events)
        if (judged.events.length > 0 || judged.changed || now - watch.storedAt >= STORE_EVERY) {
          rows.push(judged.watch)
          watch.storedAt = now
        }
        if (judged.done || now - Date.parse(deployment.startedAt) > LONGEST) {
          this.#watches.delete(deployment.id)
          this.#done.add(deployment.id)
        }
      }
    }
    // Incidents first: what the timeline tells of has happened.
    await storeWatchEvents(store, events)
    await storeWatches(store, rows)
    return changed
  }

  /** Telemetry that came later than looks wait for: what misses some is opened anew from all there is. */
  async #recount(completeTo: number): Promise<void> {
    const watches = [...this.#watches.values()]
    if (watches.length === 0) return
    const from = Math.min(...watches.map((watch) => Date.parse(watch.deployment.startedAt)))
    const rows = await this.#options.store.query<{
      service: string
      environment: string
      version: string
      requests: number
    }>(
      `SELECT service, environment, version, sum(count) AS requests FROM signal_1m
      WHERE service IN ({services:Array(String)}) AND measure = 'server.request' AND traffic = 'users'
        AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})
      GROUP BY service, environment, version`,
      {
        services: [...new Set(watches.map((watch) => watch.deployment.service))],
        from: Math.max(0, Math.floor(from / MINUTE) * 60 - 60),
        to: completeTo / 1000,
      },
    )
    const stored = new Map(
      rows.map((row) => [JSON.stringify([row.service, row.environment, row.version]), row.requests]),
    )
    for (const watch of watches) {
      const { service, environment, version } = watch.deployment
      const requests = stored.get(JSON.stringify([service, environment, version])) ?? 0
      // The next look opens it again.
      if (requests > watch.requests * 1.002 + 5) this.#watches.delete(watch.deployment.id)
    }
  }

  async onReport(report: Report, watchEnd: number): Promise<void> {
    const { store, clock, config, onChange } = this.#options
    if (report.provisional || !config.monitor.enabled) return
    const { id } = report.deployment
    const { items } = await listAlerts(store, { deploymentId: id })
    const known = items.find((alert) => alert.id === regressionId(id))
    const now = clock()
    const open = this.#watches.get(id)
    if (report.state === 'regressed' && known === undefined && !isHistory(watchEnd, now)) {
      const { publicUrl } = this.#options
      const found = reportIncident(report, { publicUrl, settings: config.alerts }, now)
      const shadow = config.monitor.services[report.deployment.service]?.shadow ?? config.monitor.shadow
      // Hours have passed and no look had found it: work for the day.
      await storeIncident(store, { ...found, severity: 'ticket', shadow }, now)
      onChange?.()
    } else if (report.state !== 'regressed' && known?.status === 'firing' && open?.isWorse !== true) {
      const endsAt = new Date(now).toISOString()
      await storeIncident(
        store,
        {
          ...(incidentOf(known) as Incident),
          status: 'resolved',
          endsAt,
          updatedAt: endsAt,
          revision: known.revision + 1,
          resolution: report.state.replaceAll('_', ' '),
        },
        now,
      )
      onChange?.()
    }
  }
}

/** An alert without what people and receivers did about it. */
function incidentOf(alert: Alert | undefined): Incident | undefined {
  if (alert === undefined) return undefined
  const { acknowledged: _, mutedUntil: __, deliveries: ___, ...incident } = alert
  return incident
}

/** The deployment that was there before: what was rolled back in between does not count. */
function previousOf(deployment: Deployment, deployments: readonly Deployment[]): Deployment | undefined {
  return deployments.findLast(
    (other) =>
      keyOf(other) === keyOf(deployment) &&
      other.id !== deployment.id &&
      Date.parse(other.startedAt) < Date.parse(deployment.startedAt),
  )
}

function batches<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, i) =>
    all.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
  )
}

function keyOf(of: { readonly service: string; readonly environment: string }): string {
  return JSON.stringify([of.service, of.environment])
}

function ceilMinute(time: number): number {
  return floorMinute(time) + MINUTE
}
