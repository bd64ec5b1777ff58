import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { updateNulls } from '../baselines/nulls.ts'
import { discoverDeployments } from '../releases/discover-deployments.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { floorMinute, windowSettings } from '../windows/deployment-windows.ts'
import { buildReport } from './report.ts'
import { type ReportMark, reportMarks } from './stored-reports.ts'
import { reportDuration, reportsComputed, roundDuration, roundsFailed, tracer } from './telemetry.ts'

/** Who is told of each new report: the alerts. */
export type OnReport = (report: Report, watchEnd: number) => Promise<void>

export interface AnalysisOptions {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly config: Config
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  readonly onReport?: OnReport
  /** Called at the end of each look, with all deployments: for what depends on later deployments. */
  readonly onRound?: (deployments: readonly Deployment[]) => Promise<void>
}

export interface RoundOutcome {
  readonly discovered: number
  readonly reported: number
  readonly final: number
  readonly nulls: number
}

export interface Analysis {
  /** One look at everything; looks never overlap. */
  round(): Promise<RoundOutcome>
  /** Looks every `analysis.intervalSeconds` until stopped. */
  start(): void
  /** Resolves when the look that is under way has ended. */
  stop(): Promise<void>
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Reports under way at once. */
const CONCURRENCY = 3
/** Quiet moments made for a service in one look. */
const NULLS_A_ROUND = 4
/** Quiet moments made before a deployment's first report. */
const NULLS_A_REPORT = 12
/** A watched deployment is looked at again no more often than its data change: once a minute. */
const LOOK_AGAIN = MINUTE
/** A final report that found no data is made again this often where some has come since: history may be loaded after deployments were told. */
const CAME_LATE_AGAIN = 10 * MINUTE

/** The report's rhythm: discovers deployments, reports on those that are watched, and keeps the quiet past up to date. */
export function createAnalysis(options: AnalysisOptions): Analysis {
  const arrivals = new Arrivals()
  let running: Promise<RoundOutcome> | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = true

  const round = (): Promise<RoundOutcome> => {
    running ??= look(options, arrivals).finally(() => {
      running = undefined
    })
    return running
  }
  const tick = async (): Promise<void> => {
    try {
      await round()
    } catch (error) {
      roundsFailed.add(1)
      options.logger.error({ err: error }, 'A look at the deployments failed; the next one tries again')
    }
    if (!stopped) timer = setTimeout(tick, options.config.analysis.intervalSeconds * 1000)
  }
  return {
    round,
    start: () => {
      if (!stopped) return
      stopped = false
      timer = setTimeout(tick, 0)
    },
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running?.catch(() => {})
    },
  }
}

/** When a service's newest telemetry last moved on: how to tell "all there" from "still being loaded". */
class Arrivals {
  readonly #newest = new Map<string, { time: number; since: number }>()

  /** @returns newest telemetry (milliseconds) and for how long it has not moved */
  note(key: string, time: number, now: number): { readonly newest: number; readonly still: number } {
    const known = this.#newest.get(key)
    if (known !== undefined && known.time === time) return { newest: time, still: now - known.since }
    this.#newest.set(key, { time, since: now })
    return { newest: time, still: 0 }
  }
}

interface Freshness {
  /** Milliseconds up to when the data of a service are complete. */
  readonly watermark: number
  /** First and last telemetry of each of its versions, milliseconds. */
  readonly versions: ReadonlyMap<string, { readonly first: number; readonly last: number }>
}

async function look(options: AnalysisOptions, arrivals: Arrivals): Promise<RoundOutcome> {
  const { store, config, catalogue, clock } = options
  const began = performance.now()
  return await tracer.startActiveSpan('postflight.analysis.round', async (span) => {
    try {
      const now = clock()
      const discovered = await discoverDeployments(store, now)
      const [deployments, marks, freshness] = await Promise.all([
        allDeployments(store),
        reportMarks(store),
        readFreshness(store, config, arrivals, now),
      ])
      const changed = new Set(discovered.map((deployment) => deployment.id))
      const due = dueReports({ deployments, marks, freshness, config, now, changed })
      let reported = 0
      let final = 0
      // Of one service in order of time, so that each report finds the quiet past that the one before has made.
      const services = new Map<string, Due[]>()
      for (const item of due) {
        const key = keyOf(item.deployment)
        const list = services.get(key)
        if (list === undefined) services.set(key, [item])
        else list.push(item)
      }
      await inParallel([...services.values()], CONCURRENCY, async (items) => {
        for (const item of items) {
          const started = performance.now()
          const { deployment } = item
          if (!marks.has(deployment.id)) {
            await updateNulls(
              store,
              catalogue,
              config,
              deployment,
              Date.parse(deployment.startedAt),
              NULLS_A_REPORT,
            )
          }
          const report = await buildReport(store, catalogue, config, deployment, item.asOf)
          reportDuration.record((performance.now() - started) / 1000)
          reportsComputed.add(1, { state: report.state })
          reported += 1
          if (!report.provisional) final += 1
          options.logger.debug(
            { deployment: deployment.id, state: report.state, provisional: report.provisional },
            report.headline,
          )
          await options.onReport?.(report, item.watchEnd)
        }
      })
      await options.onRound?.(deployments)
      const nulls = await keepNulls(options, deployments, freshness)
      return { discovered: discovered.length, reported, final, nulls }
    } finally {
      roundDuration.record((performance.now() - began) / 1000)
      span.end()
    }
  })
}

async function readFreshness(
  store: Store,
  config: Config,
  arrivals: Arrivals,
  now: number,
): Promise<ReadonlyMap<string, Freshness>> {
  const rows = await store.query<{
    service: string
    environment: string
    version: string
    first: number
    last: number
  }>(
    `SELECT service, environment, version, 1000 * toUnixTimestamp(min(first_time)) AS first, 1000 * toUnixTimestamp(max(last_time)) AS last
    FROM version_1h GROUP BY service, environment, version`,
  )
  const lateness = config.analysis.latenessSeconds * 1000
  return new Map(
    [...Map.groupBy(rows, keyOf)].map(([key, all]) => {
      const { newest, still } = arrivals.note(key, Math.max(...all.map(({ last }) => last)), now)
      const versions = new Map(all.map(({ version, first, last }) => [version, { first, last }]))
      return [key, { watermark: watermarkOf(newest, still, lateness, now), versions }]
    }),
  )
}

/**
 * Up to when data are complete. Telemetry of now is, but for what may be late. Telemetry of the past is being loaded, in some order: an hour
 * short of the newest, until nothing more has come for as long as telemetry may be late.
 */
export function watermarkOf(newest: number, still: number, lateness: number, now: number): number {
  const live = now - lateness
  if (now - newest <= Math.max(10 * MINUTE, 2 * lateness)) return live
  return still >= Math.max(lateness, MINUTE) ? live : newest - HOUR
}

interface Due {
  readonly deployment: Deployment
  /** The moment that the report is made for: now, or when the data of the past were complete. */
  readonly asOf: number
  readonly watchEnd: number
}

/** Deployments that need a report now, oldest first. */
export function dueReports(input: {
  readonly deployments: readonly Deployment[]
  readonly marks: ReadonlyMap<string, ReportMark>
  readonly freshness: ReadonlyMap<string, Freshness>
  readonly config: Config
  readonly now: number
  /** Deployments that discovery has just added or changed. */
  readonly changed: ReadonlySet<string>
}): readonly Due[] {
  const lateness = input.config.analysis.latenessSeconds * 1000
  const nextStart = new Map<string, number>()
  const due: Due[] = []
  for (const deployment of [...input.deployments].reverse()) {
    const key = keyOf(deployment)
    const start = Date.parse(deployment.startedAt)
    const settings = windowSettings(input.config.analysis, deployment.environment)
    const next = nextStart.get(key)
    nextStart.set(key, start)
    const watchEnd = Math.min(
      floorMinute(start) + settings.watchMinutes * MINUTE,
      next === undefined ? Number.POSITIVE_INFINITY : floorMinute(next),
    )
    const mark = input.marks.get(deployment.id)
    const watermark = input.freshness.get(key)?.watermark ?? input.now - lateness
    const complete = watermark >= watchEnd
    if (mark !== undefined) {
      const rolledBack = deployment.status === 'rolled_back' && mark.state !== 'rolled_back'
      // Another start lays other windows, whoever told of it.
      const moved = input.changed.has(deployment.id) || mark.startedAt !== start
      const seen = input.freshness.get(key)?.versions.get(deployment.version)
      const cameLate =
        mark.state === 'no_data' &&
        input.now - mark.computedAt >= CAME_LATE_AGAIN &&
        seen !== undefined &&
        seen.first < watchEnd &&
        seen.last >= floorMinute(start)
      if (!rolledBack && !moved && !cameLate) {
        if (!mark.provisional) continue
        if (!complete && input.now - mark.computedAt < LOOK_AGAIN / 2) continue
      }
    }
    // Of the past that is still being loaded, a report before it is complete would be thrown away.
    if (!complete && input.now - watchEnd > DAY) continue
    due.push({ deployment, watchEnd, asOf: complete ? input.now : Math.min(input.now, watermark + lateness) })
  }
  return due.reverse()
}

async function keepNulls(
  options: AnalysisOptions,
  deployments: readonly Deployment[],
  freshness: ReadonlyMap<string, Freshness>,
): Promise<number> {
  const pairs = new Map<string, { service: string; environment: string }>()
  for (const { service, environment } of deployments)
    pairs.set(keyOf({ service, environment }), { service, environment })
  let made = 0
  for (const [key, of] of pairs) {
    const watermark = freshness.get(key)?.watermark
    if (watermark === undefined) continue
    made += await updateNulls(options.store, options.catalogue, options.config, of, watermark, NULLS_A_ROUND)
  }
  return made
}

async function inParallel<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
}

function keyOf(of: { readonly service: string; readonly environment: string }): string {
  return JSON.stringify([of.service, of.environment])
}
