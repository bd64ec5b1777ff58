import { INSTANCES } from '../../schemas/signals/bounded-instance.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Source } from '../../schemas/signals/measure.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { instanceRecords } from '../../schemas/signals/views.ts'
import type { SourceTable } from '../../schemas/source/probe.ts'
import type { Store } from '../../schemas/store/client.ts'
import {
  type Fleet,
  fillInstances,
  type KeptInstance,
  keepInstances,
} from '../../schemas/store/kept-instances.ts'
import { type CardinalityOptions, FEWEST } from './look.ts'
import { type RawWindow, rawWindow } from './raw-rows.ts'
import type { Rest } from './rest.ts'
import { firstAfter } from './since.ts'
import { DAY, dayOf, HOUR } from './time.ts'

/** Boolean SQL: of a fleet, with its names as parameters. */
const IS_FLEET =
  'service = {service:String} AND environment = {environment:String} AND version = {version:String}'
const FLEET = 'service, environment, version'
/** What counts versions afterwards is bounded by itself. */
const LIVE = "NOT endsWith(origin, ':history')"

/**
 * Bounds instances of versions that have too many, as `lookAtDimensions` does values: those with most records of the last hour keep their names, and newcomers that are as
 * frequent as the average of those that may have one. One decision for all measures, so that instances can be counted over them.
 * @param now seconds since the epoch
 * @returns what is put together at present
 */
export async function lookAtInstances(options: CardinalityOptions, now: number): Promise<Rest[]> {
  const { store } = options
  // A server that was started anew has forgotten it.
  await fillInstances(store)
  const [today, tomorrow] = [dayOf(now), dayOf(now + options.maxFutureMinutes * 60 + 600)]
  const kept = await keptOn(store, [today, tomorrow])
  for (const fleet of await exceeding(options, now)) {
    if (kept.has(keyOf(fleet, today))) continue
    const since = await sinceFor(options, fleet, now)
    kept.set(keyOf(fleet, today), await keep(options, fleet, { day: today, since, from: now - HOUR }))
  }
  const fleets = [...kept.keys()].flatMap((key) => {
    const { day, ...fleet } = JSON.parse(key) as Fleet & { day: string }
    return day === today ? [fleet] : []
  })
  if (fleets.length === 0) return []
  const rests = []
  const found = await review(options, fleets, today, now)
  for (const fleet of fleets) {
    const names = kept.get(keyOf(fleet, today)) as Set<string>
    const next = kept.get(keyOf(fleet, tomorrow))
    const seen = found.get(keyOf(fleet, today))
    if (seen !== undefined) {
      const newcomers = seen.newcomers.slice(0, Math.max(0, options.mostInstances - names.size))
      const since = newcomers.length === 0 ? 0 : await sinceFor(options, fleet, now)
      for (const [day, known] of new Map([
        [today, names],
        ...(next === undefined ? [] : [[tomorrow, next] as const]),
      ])) {
        const unknown = newcomers.filter((instance) => !known.has(instance))
        await keepInstances(
          store,
          unknown.map((instance) => ({ ...fleet, history: false, day, instance, since })),
        )
      }
      const full = newcomers.length < seen.newcomers.length
      const rest = {
        ...fleet,
        ...seen.rest,
        measure: INSTANCES,
        at: now,
        streams: false,
        kept: names.size,
        full,
      }
      await store.insert('dimension_rest', [rest])
      rests.push(rest)
    }
    if (next === undefined && (await stillNeeded(store, fleet, now))) {
      // Before rows of it may come, so that it holds from its first minute on.
      const since = Math.max(Date.parse(tomorrow) / 1000, await sinceFor(options, fleet, now))
      await keep(options, fleet, { day: tomorrow, since, from: now - DAY })
    }
  }
  return rests
}

/** Of a day, those with most records from a time on; half of the room is left to newcomers. */
async function keep(
  { store, mostInstances }: CardinalityOptions,
  fleet: Fleet,
  { day, since, from }: { readonly day: string; readonly since: number; readonly from: number },
): Promise<Set<string>> {
  const rows = await store.query<{ instance: string }>(
    `SELECT toString(cells.instance) AS instance FROM version_1h AS cells
    WHERE ${IS_FLEET} AND ${LIVE} AND time >= toStartOfHour(toDateTime({from:UInt32})) AND cells.instance != {other:String}
    GROUP BY instance ORDER BY sum(cells.count) DESC, instance LIMIT {most:UInt32}`,
    { ...fleet, from, other: OTHER, most: Math.ceil(mostInstances / 2) },
  )
  const names = rows.map(({ instance }) => instance)
  const row = (instance: string): KeptInstance => ({ ...fleet, history: false, day, instance, since })
  await keepInstances(store, [row(OTHER), ...names.map(row)])
  return new Set(names)
}

/** Names by fleet and day, without {@link OTHER}; not of the past. */
async function keptOn(store: Store, days: readonly string[]): Promise<Map<string, Set<string>>> {
  const rows = await store.query<Fleet & { on: string; names: string[] }>(
    `SELECT ${FLEET}, toString(day) AS on, groupUniqArrayIf(instance, instance != {other:String}) AS names
    FROM kept_instance WHERE has({days:Array(String)}, toString(day)) AND NOT history GROUP BY ${FLEET}, day`,
    { days, other: OTHER },
  )
  return new Map(rows.map(({ on, names, ...fleet }) => [keyOf(fleet, on), new Set(names)]))
}

async function exceeding({ store, mostInstances }: CardinalityOptions, now: number): Promise<Fleet[]> {
  return await store.query<Fleet & Record<string, unknown>>(
    `SELECT ${FLEET} FROM version_1h WHERE time >= toStartOfHour(toDateTime({from:UInt32})) AND ${LIVE}
    GROUP BY ${FLEET} HAVING uniq(instance) > {most:UInt32} ORDER BY ${FLEET}`,
    { from: now - HOUR, most: mostInstances },
  )
}

async function sinceFor({ store, maxFutureMinutes }: CardinalityOptions, fleet: Fleet, now: number) {
  const ahead = ['signal_1m', 'counter_1m', 'histogram_1m', 'exception_1m'].map(
    (cells) => `SELECT time FROM ${cells} WHERE ${IS_FLEET} AND time > toDateTime({now:UInt32})`,
  )
  const [row] = await store.query<{ newest: number }>(
    `SELECT toUnixTimestamp(max(time)) AS newest FROM (${ahead.join(' UNION ALL ')})`,
    { ...fleet, now },
  )
  return firstAfter(row?.newest ?? 0, { now, maxFutureMinutes })
}

interface Seen {
  readonly rest: Pick<Rest, 'minutes' | 'values' | 'records' | 'of'>
  readonly newcomers: readonly string[]
}

/** What the raw rows of the last minutes say, by fleet; fleets that sent nothing have no entry. */
async function review(
  { store, catalogue, source, mostInstances }: CardinalityOptions,
  fleets: readonly Fleet[],
  day: string,
  now: number,
): Promise<Map<string, Seen>> {
  const services = [...new Set(fleets.map(({ service }) => service))]
  const lately = {
    table: 'version_1h',
    records: 'sum(cells.count)',
    where: `has({services:Array(String)}, service) AND ${LIVE}`,
    params: { services },
  }
  const window = await rawWindow(store, lately, now)
  const rows = await store.query<Fleet & Seen['rest'] & { newcomers: string[] }>(
    `SELECT ${FLEET}, uniqIf(instance, NOT named) AS values, sumIf(n, NOT named) AS records, sum(n) AS of,
      arrayMap(one -> one.2, arrayReverseSort(groupArrayIf({most:UInt32})((n, instance), NOT named AND n >= {fewest:UInt32} AND n * {most:UInt32} >= total))) AS newcomers
    FROM (
      SELECT ${FLEET}, instance, sum(records) AS n, sum(n) OVER (PARTITION BY ${FLEET}) AS total,
        (${FLEET}, instance) IN (SELECT ${FLEET}, instance FROM kept_instance WHERE day = {day:String} AND NOT history) AS named
      FROM (${rawInstances(catalogue, source, window)}) WHERE has({services:Array(String)}, service) GROUP BY ${FLEET}, instance
    )
    WHERE (${FLEET}) IN (SELECT ${FLEET} FROM kept_instance WHERE day = {day:String} AND NOT history)
    GROUP BY ${FLEET}`,
    { services, day, most: mostInstances, fewest: FEWEST },
    { settings: { max_threads: 1, priority: 10 } },
  )
  const { minutes } = window
  return new Map(
    rows.map(({ newcomers, values, records, of, ...fleet }) => [
      keyOf(fleet, day),
      { rest: { minutes, values, records, of }, newcomers },
    ]),
  )
}

/** Records of instances in all tables that anything is counted from: SQL with the columns of {@link instanceRecords}. */
function rawInstances(
  catalogue: Catalogue,
  source: readonly SourceTable[],
  { since, until }: Pick<RawWindow, 'since' | 'until'>,
): string {
  const kinds = Map.groupBy(catalogue.measures.values(), (measure) => measure.source)
  const tables: readonly { readonly kind: Source; readonly source?: SourceTable }[] = [
    ...[...kinds.keys()].map((kind) => ({ kind })),
    ...source.map((table) => ({ kind: table.kind, source: table })),
  ]
  return tables
    .flatMap(({ kind, ...from }) => {
      const measures = kinds.get(kind)
      return measures === undefined ? [] : [instanceRecords(measures, { since, until, ...from })]
    })
    .join('\nUNION ALL\n')
}

/** Whether anything was put together in the last day: a fleet that has become small again is free from the next midnight on. */
async function stillNeeded(store: Store, fleet: Fleet, now: number): Promise<boolean> {
  const [row] = await store.query<{ rest: number }>(
    `SELECT count() AS rest FROM dimension_rest WHERE ${IS_FLEET} AND measure = {measure:String} AND NOT history AND records > 0 AND at >= toDateTime({from:UInt32})`,
    { ...fleet, measure: INSTANCES, from: now - DAY },
  )
  return (row?.rest ?? 0) > 0
}

function keyOf({ service, environment, version }: Fleet, day: string): string {
  return JSON.stringify({ service, environment, version, day })
}
