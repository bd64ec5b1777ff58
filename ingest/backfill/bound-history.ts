import { boundOf, historyOf, isBounded } from '../../schemas/signals/bounded-dimension.ts'
import type { Measure } from '../../schemas/signals/measure.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { sqlString } from '../../schemas/signals/sql.ts'
import { keepsStreams, streamLevel, streamsOf } from '../../schemas/signals/stream-level.ts'
import { type CountedRows, dimensionRecords, streamRecords } from '../../schemas/signals/views.ts'
import { fillLookup, keepDimensions } from '../../schemas/store/kept-dimensions.ts'
import { fillInstances } from '../../schemas/store/kept-instances.ts'
import { TABLES } from '../cardinality/bounded-tables.ts'
import type { Rest } from '../cardinality/rest.ts'
import {
  countStreams,
  leaveOut,
  leftOut,
  levelFor,
  STREAM_TABLES,
  streamsByLevel,
  streamsKey,
} from '../cardinality/streams.ts'
import { DAY, dayOf, HOUR, MINUTE } from '../cardinality/time.ts'
import { HistoryInstances } from './bound-history-instances.ts'
import type { HistoryBounds, TaskSpan } from './history-bounds.ts'
import { polite } from './polite.ts'
import type { BackfillTask } from './tasks.ts'

interface Day {
  /** `boundOf` the measure. */
  readonly bound: string
  readonly measure: Measure
  /** All that are bounded together. */
  readonly tasks: readonly BackfillTask[]
  /** Seconds since the epoch. */
  readonly from: number
  readonly to: number
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string
}

/**
 * Bounds the past as views bound the present: a day (UTC) on which a service has too many values or streams keeps those that its raw rows of that day have most records
 * of, and a sample of streams. What is kept is decided once for a day, at the first span that shows it, and written down before any span of the day is done for good.
 */
export class HistoryBounder {
  readonly #of: HistoryBounds
  readonly #told = new Map<string, readonly Rest[]>()
  readonly #instances: HistoryInstances

  constructor(of: HistoryBounds) {
    this.#of = of
    this.#instances = new HistoryInstances(of)
  }

  /** What was put together or left out on the days that this has seen. */
  get rests(): readonly Rest[] {
    return [...this.#told.values(), this.#instances.rests].flat()
  }

  /** Before anything is counted: a server that was started anew has forgotten what is kept. */
  async open(): Promise<void> {
    await fillLookup(this.#of.store)
    await fillInstances(this.#of.store)
  }

  /**
   * Looks at the cells of a span that was counted just now; a span lies within a day.
   * @param pending spans whose cells are not there, or will be counted again; with this one
   * @returns true: values are put together from now on, and the span is to be counted again
   */
  async look(span: TaskSpan, pending: readonly TaskSpan[]): Promise<boolean> {
    const instances = await this.#instances.look(span, pending)
    return (await this.#lookAtMeasure(span, pending)) || instances
  }

  async #lookAtMeasure({ task, from }: TaskSpan, pending: readonly TaskSpan[]): Promise<boolean> {
    const { of: measure } = task
    if (measure === undefined || !(isBounded(measure) || keepsStreams(measure.cells))) return false
    const begin = Math.floor(from / DAY) * DAY
    const bound = boundOf(measure)
    const isOfBound = (one: BackfillTask) => one.of !== undefined && boundOf(one.of) === bound
    const tasks = this.#of.tasks.filter(isOfBound)
    const day = { bound, measure, tasks, from: begin, to: begin + DAY, day: dayOf(begin) }
    const levels = keepsStreams(measure.cells) ? await this.#boundStreams(day) : false
    const values = isBounded(measure)
      ? await this.#boundValues(
          day,
          pending.filter((span) => isOfBound(span.task)),
        )
      : false
    const key = `${bound} ${day.day}`
    if (values || levels || !this.#told.has(key)) this.#told.set(key, await this.#tell(day))
    return values
  }

  async #boundValues(day: Day, pending: readonly TaskSpan[]): Promise<boolean> {
    const { store, most } = this.#of
    const key = historyOf(day.bound)
    const { where, params, table } = cellsOf(day)
    const services = await store.query<{ service: string }>(
      `SELECT toString(service) AS service FROM ${table} AS cells WHERE ${where}
      AND service NOT IN (SELECT service FROM kept_dimension WHERE measure = {key:String} AND day = toDate({day:String}) AND dimension = {other:String})
      GROUP BY service HAVING uniq(dimension) > {most:UInt32}`,
      { ...params, key, day: day.day, other: OTHER, most },
      { settings: polite(1) },
    )
    if (services.length === 0) return false
    const names = services.map(({ service }) => service)
    const [there, frequent] = [await this.#valuesThere(day, names, pending), await this.#frequent(day, names)]
    const rows = names.flatMap((service) => {
      const counted = there.get(service) ?? []
      // Of an older Postflight, which bounded nothing: `--again` does.
      if (counted.length > 2 * most) return []
      const values = new Set([OTHER, ...counted, ...(frequent.get(service) ?? [])])
      return [...values].map((dimension) => ({
        measure: key,
        service,
        day: day.day,
        dimension,
        since: day.from,
      }))
    })
    await keepDimensions(store, rows)
    return rows.length > 0
  }

  /** Values that the day's other cells have: those stay as they are. */
  async #valuesThere(
    day: Day,
    services: readonly string[],
    pending: readonly TaskSpan[],
  ): Promise<Map<string, string[]>> {
    const { where, params, table } = cellsOf(day)
    const spans = pending.map(
      ({ task, from, to }) =>
        `(origin = ${sqlString(task.origins.history)} AND time >= toDateTime(${Math.floor(from / HOUR) * HOUR}) AND time < toDateTime(${to}))`,
    )
    const rows = await this.#of.store.query<{ service: string; names: string[] }>(
      `SELECT toString(service) AS service, groupUniqArray({limit:UInt32})(toString(dimension)) AS names FROM ${table} AS cells
      WHERE ${where} AND has({services:Array(String)}, service) AND NOT (${['false', ...spans].join(' OR ')}) GROUP BY service`,
      { ...params, services, limit: 2 * this.#of.most + 1 },
      { settings: polite(1) },
    )
    return new Map(rows.map(({ service, names }) => [service, names]))
  }

  /** By the raw rows of the day: as views do, half of the room for the most frequent, the rest for those with a share of one in so many. */
  async #frequent(day: Day, services: readonly string[]): Promise<Map<string, string[]>> {
    const { store, most, threads } = this.#of
    const rows = await store.query<{ service: string; total: number; top: [number, string][] }>(
      `SELECT toString(service) AS service, sum(n) AS total, groupArraySorted({most:UInt32})((-toInt64(n), dimension)) AS top FROM (
        SELECT service, dimension, sum(records) AS n FROM (${rawOf(day, dimensionRecords)})
        WHERE has({services:Array(String)}, service) AND dimension != {other:String} GROUP BY service, dimension
      ) GROUP BY service`,
      { services, most, other: OTHER },
      { settings: polite(threads) },
    )
    return new Map(
      rows.map(({ service, total, top }) => [
        service,
        top.filter(([n], at) => at < Math.ceil(most / 2) || -n * most >= total).map(([, name]) => name),
      ]),
    )
  }

  /** Streams are left out by themselves, so cells that are there can be taken away, whoever counted them. */
  async #boundStreams(day: Day): Promise<boolean> {
    const { store, mostStreams } = this.#of
    const cells = day.measure.cells as keyof typeof STREAM_TABLES
    const { where, params } = cellsOf(day)
    const left = await leftOut(store, streamsKeyOf, day.day)
    const known = [...left.keys()].filter((key) => key.startsWith(`${day.bound} `))
    let changed = false
    const counts = await streamsByLevel(store, cells, { where, params }, { most: mostStreams, known })
    for (const { levels, ...of } of counts) {
      const before = left.get(streamsKey(of)) ?? 0
      const level = levelFor(levels, before, mostStreams)
      await leaveOut(store, { ...of, measure: streamsKeyOf(of.measure) }, day.day, [before, level], day.from)
      changed ||= level > before
      // What was counted before this was known, or when a run ended between the two.
      if (levels.slice(0, level).some((streams) => streams > 0))
        await store.command(
          `DELETE FROM ${cells} WHERE ${where} AND service = {service:String} AND ${STREAM_TABLES[cells]} AND ${streamLevel('stream')} < {level:UInt8}`,
          { ...params, service: of.service, level },
        )
    }
    return changed
  }

  /** Writes down how much of a day is not told apart or not kept. */
  async #tell(day: Day): Promise<readonly Rest[]> {
    const { store } = this.#of
    const rests = [
      ...(isBounded(day.measure) ? await this.#valueRests(day) : []),
      ...(keepsStreams(day.measure.cells) ? await this.#streamRests(day) : []),
    ]
    if (rests.length > 0)
      await store.insert(
        'dimension_rest',
        rests.map((rest) => ({ ...rest, history: true })),
      )
    return rests
  }

  async #valueRests(day: Day): Promise<Rest[]> {
    const { store, threads } = this.#of
    const kept = `SELECT service, dimension FROM kept_dimension WHERE measure = {key:String} AND day = toDate({day:String})`
    const params = { key: historyOf(day.bound), day: day.day, other: OTHER }
    const services = await store.query(`${kept} AND dimension = {other:String} LIMIT 1`, params)
    if (services.length === 0) return []
    const rows = await store.query<{
      service: string
      kept: number
      values: number
      records: number
      of: number
    }>(
      `SELECT toString(service) AS service, countIf(named) AS kept, countIf(NOT named) AS values, sumIf(n, NOT named) AS records, sum(n) AS of FROM (
        SELECT service, dimension, sum(records) AS n, (service, dimension) IN (${kept} AND dimension != {other:String}) AS named
        FROM (${rawOf(day, dimensionRecords)})
        WHERE service IN (SELECT service FROM (${kept} AND dimension = {other:String})) GROUP BY service, dimension
      ) GROUP BY service ORDER BY service`,
      params,
      { settings: polite(threads) },
    )
    return rows.map((row) => ({ ...row, ...aboutDay(day), streams: false }))
  }

  async #streamRests(day: Day): Promise<Rest[]> {
    const left = await leftOut(this.#of.store, streamsKeyOf, day.day)
    const rests = []
    for (const [key, level] of left) {
      if (!key.startsWith(`${day.bound} `)) continue
      const service = key.slice(day.bound.length + 1)
      const counts = await countStreams(this.#of.store, rawOf(day, streamRecords), service, level)
      rests.push({ service, ...aboutDay(day), streams: true, ...counts })
    }
    return rests
  }
}

const streamsKeyOf = (bound: string) => historyOf(streamsOf(bound))

function aboutDay({ bound, from }: Day) {
  return { measure: bound, at: from, minutes: DAY / MINUTE, full: false }
}

/** Cells of the past of a day: SQL over `cells`. */
function cellsOf({ bound, measure, from, to }: Day) {
  const { table, measure: name } = TABLES[measure.cells as keyof typeof TABLES]
  const where = `${name} = {bound:String} AND endsWith(origin, ':history') AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})`
  return { table, where, params: { bound, from, to } }
}

/** The raw rows of a day that the past is counted from. */
function rawOf({ tasks, from, to }: Day, read: (measure: Measure, rows: CountedRows) => string): string {
  return tasks
    .flatMap(({ of, table: { source }, until }) =>
      of === undefined || until <= from
        ? []
        : [
            read(of, {
              since: from,
              until: Math.min(to, until),
              ...(source === undefined ? {} : { source }),
            }),
          ],
    )
    .join('\nUNION ALL\n')
}
