import { INSTANCES } from '../../schemas/signals/bounded-instance.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { sqlString } from '../../schemas/signals/sql.ts'
import { instanceRecords } from '../../schemas/signals/views.ts'
import { type Fleet, keepInstances } from '../../schemas/store/kept-instances.ts'
import type { Rest } from '../cardinality/rest.ts'
import { DAY, dayOf, HOUR, MINUTE } from '../cardinality/time.ts'
import type { HistoryBounds, TaskSpan } from './history-bounds.ts'
import { polite } from './polite.ts'

const FLEET = 'service, environment, version'
const BOUNDED = `SELECT ${FLEET} FROM kept_instance WHERE history AND day = toDate({day:String}) AND instance = {other:String}`
const NAMED = `SELECT ${FLEET}, instance FROM kept_instance WHERE history AND day = toDate({day:String}) AND instance != {other:String}`
const IN_DAY = 'time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})'

/** Bounds instances of the past, as `HistoryBounder` does values: one decision a day (UTC) for all measures, at the first span that shows too many. */
export class HistoryInstances {
  readonly #of: HistoryBounds
  readonly #told = new Map<string, readonly Rest[]>()

  constructor(of: HistoryBounds) {
    this.#of = of
  }

  get rests(): readonly Rest[] {
    return [...this.#told.values()].flat()
  }

  /** @returns true: instances are put together from now on, and the span is to be counted again */
  async look({ task, from }: TaskSpan, pending: readonly TaskSpan[]): Promise<boolean> {
    if (task.cells === 'session') return false
    const begin = Math.floor(from / DAY) * DAY
    const day = { day: dayOf(begin), from: begin, to: begin + DAY, other: OTHER }
    const decided = await this.#bound(task, day, pending)
    if (decided || !this.#told.has(day.day)) this.#told.set(day.day, await this.#tell(day))
    return decided
  }

  async #bound({ cells, measure }: TaskSpan['task'], day: DayParams, pending: readonly TaskSpan[]) {
    const { store, mostInstances: most } = this.#of
    const own = hasMeasure(cells) ? 'measure = {measure:String} AND ' : ''
    const fleets = await store.query<Fleet & Record<string, unknown>>(
      `SELECT ${FLEET} FROM ${cells} WHERE ${own}${IN_DAY} AND endsWith(origin, ':history') AND (${FLEET}) NOT IN (${BOUNDED})
      GROUP BY ${FLEET} HAVING uniq(instance) > {most:UInt32} ORDER BY ${FLEET}`,
      { ...day, measure, most },
      { settings: polite(1) },
    )
    if (fleets.length === 0) return false
    const services = fleets.map(({ service }) => service)
    const [there, frequent] = [
      await this.#instancesThere(day, services, pending),
      await this.#frequent(day, services),
    ]
    const rows = fleets.flatMap((fleet) => {
      const counted = there.get(keyOf(fleet)) ?? []
      // Of an older Postflight, which bounded nothing: `--again` does.
      if (counted.length > 2 * most) return []
      const names = new Set([OTHER, ...counted, ...(frequent.get(keyOf(fleet)) ?? [])])
      return [...names].map((instance) => ({
        ...fleet,
        history: true,
        day: day.day,
        instance,
        since: day.from,
      }))
    })
    await keepInstances(store, rows)
    return rows.length > 0
  }

  /** Instances that the day's other cells have: those stay as they are. */
  async #instancesThere(day: DayParams, services: readonly string[], pending: readonly TaskSpan[]) {
    const tables = [...new Set(this.#of.tasks.map(({ cells }) => cells))].filter(
      (cells) => cells !== 'session',
    )
    const limit = 2 * this.#of.mostInstances + 1
    const there = tables.map((cells) => {
      const spans = pending
        .filter(({ task, from }) => task.cells === cells && from >= day.from && from < day.to)
        .map(({ task, from, to }) => {
          const own = hasMeasure(cells) ? `measure = ${sqlString(task.measure)} AND ` : ''
          return `(${own}origin = ${sqlString(task.origins.history)} AND time >= toDateTime(${Math.floor(from / HOUR) * HOUR}) AND time < toDateTime(${to}))`
        })
      return `SELECT ${FLEET}, toString(instance) AS name FROM ${cells}
        WHERE has({services:Array(String)}, service) AND ${IN_DAY} AND endsWith(origin, ':history') AND instance != {other:String} AND NOT (${['false', ...spans].join(' OR ')})`
    })
    const rows = await this.#of.store.query<Fleet & { names: string[] }>(
      `SELECT ${FLEET}, groupUniqArray({limit:UInt32})(name) AS names FROM (${there.join(' UNION ALL ')}) GROUP BY ${FLEET}`,
      { ...day, services, limit },
      { settings: polite(1) },
    )
    return new Map(rows.map(({ names, ...fleet }) => [keyOf(fleet), names]))
  }

  /** By the raw rows of the day: as views do, half of the room for the most frequent, the rest for those with a share of one in so many. */
  async #frequent(day: DayParams, services: readonly string[]) {
    const { store, mostInstances: most, threads } = this.#of
    const rows = await store.query<Fleet & { total: number; top: [number, string][] }>(
      `SELECT ${FLEET}, sum(n) AS total, groupArraySorted({most:UInt32})((-toInt64(n), instance)) AS top FROM (
        SELECT ${FLEET}, instance, sum(records) AS n FROM (${this.#raw(day)})
        WHERE has({services:Array(String)}, service) AND instance != {other:String} GROUP BY ${FLEET}, instance
      ) GROUP BY ${FLEET}`,
      { services, most, other: OTHER },
      { settings: polite(threads) },
    )
    return new Map(
      rows.map(({ total, top, ...fleet }) => [
        keyOf(fleet),
        top.filter(([n], at) => at < Math.ceil(most / 2) || -n * most >= total).map(([, name]) => name),
      ]),
    )
  }

  /** Writes down how much of a day is not told apart. */
  async #tell(day: DayParams): Promise<readonly Rest[]> {
    const { store, threads } = this.#of
    const bounded = await store.query(`${BOUNDED} LIMIT 1`, { ...day })
    if (bounded.length === 0) return []
    const rows = await store.query<Fleet & Pick<Rest, 'kept' | 'values' | 'records' | 'of'>>(
      `SELECT ${FLEET}, countIf(named) AS kept, countIf(NOT named) AS values, sumIf(n, NOT named) AS records, sum(n) AS of FROM (
        SELECT ${FLEET}, instance, sum(records) AS n, (${FLEET}, instance) IN (${NAMED}) AS named
        FROM (${this.#raw(day)}) WHERE (${FLEET}) IN (${BOUNDED}) GROUP BY ${FLEET}, instance
      ) GROUP BY ${FLEET} ORDER BY ${FLEET}`,
      { ...day },
      { settings: polite(threads) },
    )
    const about = { measure: INSTANCES, at: day.from, minutes: DAY / MINUTE, streams: false, full: false }
    const rests = rows.map((row) => ({ ...row, ...about }))
    if (rests.length > 0)
      await store.insert(
        'dimension_rest',
        rests.map((rest) => ({ ...rest, history: true })),
      )
    return rests
  }

  /** The raw rows of a day, in all tables that the past is counted from. */
  #raw({ from, to }: DayParams): string {
    const tables = Map.groupBy(this.#of.tasks, ({ table }) => table.name)
    return [...tables.values()]
      .flatMap((tasks) => {
        const measures = tasks.flatMap(({ of }) => (of === undefined ? [] : [of]))
        const source = tasks[0]?.table.source
        const rows = { since: from, until: to, ...(source === undefined ? {} : { source }) }
        return measures.length === 0 ? [] : [instanceRecords(measures, rows)]
      })
      .join('\nUNION ALL\n')
  }
}

interface DayParams {
  /** `YYYY-MM-DD`, UTC, and seconds since the epoch. */
  readonly day: string
  readonly from: number
  readonly to: number
  readonly other: string
}

const hasMeasure = (cells: string) => cells !== 'exception_1m' && cells !== 'version_1h'

function keyOf({ service, environment, version }: Fleet): string {
  return JSON.stringify([service, environment, version])
}
