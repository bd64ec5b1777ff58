import { boundOf } from '../../schemas/signals/bounded-dimension.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { dimensionRecords } from '../../schemas/signals/views.ts'
import type { SourceTable } from '../../schemas/source/probe.ts'
import type { Store } from '../../schemas/store/client.ts'
import { fillLookup, type KeptDimension, keepDimensions } from '../../schemas/store/kept-dimensions.ts'
import { type Bounded, boundedMeasures, TABLES, tableOf } from './bounded-tables.ts'
import { ofAllTables, rawWindow } from './raw-rows.ts'
import type { Rest } from './rest.ts'
import { firstUncounted } from './since.ts'
import { DAY, dayOf, HOUR, MINUTE } from './time.ts'

export interface CardinalityOptions {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly source: readonly SourceTable[]
  /** Values that a measure of a service keeps apart. */
  readonly most: number
  /** Streams of a cumulative metric that a measure of a service keeps. */
  readonly mostStreams: number
  /** Instances that a version of a service keeps apart in an environment. */
  readonly mostInstances: number
  /** Minutes that telemetry may be ahead of the clock. */
  readonly maxFutureMinutes: number
}

/** Records of a newcomer in the window: of fewer its share says little. */
export const FEWEST = 5

/**
 * Bounds dimensions whose values have become too many, names newcomers that are frequent, and prepares the next day.
 * @param now seconds since the epoch
 * @returns what is put together at present
 */
export async function lookAtDimensions(options: CardinalityOptions, now: number): Promise<Rest[]> {
  const { store } = options
  // A server that was started anew has forgotten it.
  await fillLookup(store)
  const [today, tomorrow] = [dayOf(now), dayOf(now + (options.maxFutureMinutes + 10) * MINUTE)]
  const kept = await keptOn(store, [today, tomorrow])
  for (const of of await exceeding(options, now)) {
    if (kept.has(keyOf(of, today))) continue
    const since = await sinceFor(options, of, now)
    const names = await frequent(options, of, now - HOUR)
    kept.set(keyOf(of, today), await keep(store, of, today, since, names))
  }
  const rests = []
  for (const [key, names] of kept) {
    const { day, ...of } = JSON.parse(key) as Bounded & { day: string }
    // Of a signal that is no more nothing is counted, either.
    if (day !== today || !isCounted(options, of)) continue
    const { rest, newcomers } = await review(options, of, day, names.size, now)
    const since = newcomers.length === 0 ? 0 : await sinceFor(options, of, now)
    const next = kept.get(keyOf(of, tomorrow))
    await name(store, of, day, since, newcomers, names)
    if (next !== undefined && day !== tomorrow) await name(store, of, tomorrow, since, newcomers, next)
    await store.insert('dimension_rest', [rest])
    rests.push(rest)
    if (next === undefined && (await stillNeeded(store, of, now))) {
      // Before rows of it may come, so that it holds from its first minute on.
      const since = Math.max(Date.parse(tomorrow) / 1000, await sinceFor(options, of, now))
      await keep(store, of, tomorrow, since, await frequent(options, of, now - DAY))
    }
  }
  return rests
}

async function keep(store: Store, of: Bounded, day: string, since: number, names: readonly string[]) {
  const row = (dimension: string): KeptDimension => ({ ...of, day, dimension, since })
  await keepDimensions(store, [row(OTHER), ...names.map(row)])
  return new Set(names)
}

async function name(
  store: Store,
  of: Bounded,
  day: string,
  since: number,
  newcomers: readonly string[],
  names: Set<string>,
): Promise<void> {
  const rows = newcomers
    .filter((dimension) => !names.has(dimension))
    .map((dimension) => ({ ...of, day, dimension, since }))
  await keepDimensions(store, rows)
  for (const { dimension } of rows) names.add(dimension)
}

/** Names by service, measure and day, without {@link OTHER}; neither streams nor the past. */
async function keptOn(store: Store, days: readonly string[]): Promise<Map<string, Set<string>>> {
  const rows = await store.query<Bounded & { day: string; names: string[] }>(
    `SELECT toString(measure) AS measure, toString(service) AS service, toString(day) AS day, groupUniqArrayIf(dimension, dimension != {other:String}) AS names
    FROM kept_dimension AS kept WHERE has({days:Array(String)}, toString(kept.day)) AND position(kept.measure, ':') = 0 GROUP BY measure, service, day`,
    { days, other: OTHER },
  )
  return new Map(rows.map(({ day, names, ...of }) => [keyOf(of, day), new Set(names)]))
}

async function exceeding({ store, catalogue, most }: CardinalityOptions, now: number): Promise<Bounded[]> {
  const found = []
  for (const [cells, { table, measure }] of Object.entries(TABLES)) {
    const bounds = boundedMeasures(catalogue, (one) => one.cells === cells).map(boundOf)
    found.push(
      ...(await store.query<Bounded>(
        `SELECT ${measure} AS bound, toString(service) AS service, bound AS measure FROM ${table} AS cells
        WHERE time >= toStartOfHour(toDateTime({from:UInt32})) AND has({bounds:Array(String)}, ${measure})
        GROUP BY bound, service HAVING uniq(dimension) > {most:UInt32} ORDER BY bound, service`,
        { from: now - HOUR, bounds, most },
      )),
    )
  }
  return found.map(({ measure, service }) => ({ measure, service }))
}

/** The values with most records since then; half of the room is left to newcomers. */
async function frequent({ store, catalogue, most }: CardinalityOptions, of: Bounded, since: number) {
  const { table, measure, records } = tableOf(catalogue, of.measure)
  const rows = await store.query<{ dimension: string }>(
    `SELECT toString(cells.dimension) AS dimension FROM ${table} AS cells
    WHERE service = {service:String} AND ${measure} = {measure:String} AND time >= toStartOfHour(toDateTime({since:UInt32})) AND dimension != {other:String}
    GROUP BY dimension ORDER BY ${records} DESC, dimension LIMIT {most:UInt32}`,
    { ...of, since, other: OTHER, most: Math.ceil(most / 2) },
  )
  return rows.map(({ dimension }) => dimension)
}

function isCounted({ catalogue }: CardinalityOptions, of: Bounded): boolean {
  return boundedMeasures(catalogue, (one) => boundOf(one) === of.measure).length > 0
}

async function sinceFor(
  { store, catalogue, maxFutureMinutes }: CardinalityOptions,
  of: Bounded,
  now: number,
) {
  const [measure] = boundedMeasures(catalogue, (one) => boundOf(one) === of.measure)
  const cells = measure?.cells ?? ''
  const at = { cells, measure: tableOf(catalogue, of.measure).measure, bound: of.measure }
  return await firstUncounted(store, { ...at, service: of.service, maxFutureMinutes }, now)
}

/** What the raw rows of the last minutes say: how much has no name, and who of it is as frequent as the average of those that may have one. */
async function review(
  options: CardinalityOptions,
  of: Bounded,
  day: string,
  kept: number,
  now: number,
): Promise<{ rest: Rest; newcomers: string[] }> {
  const { store, catalogue, most } = options
  const { table, measure, records } = tableOf(catalogue, of.measure)
  const where = `service = {service:String} AND ${measure} = {measure:String}`
  const window = await rawWindow(store, { table, records, where, params: of }, now)
  const measures = boundedMeasures(catalogue, (one) => boundOf(one) === of.measure)
  const raw = ofAllTables(measures, options.source, window, dimensionRecords)
  const [row] = await store.query<{ values: number; rest: number; all: number; newcomers: string[] }>(
    `SELECT uniqIf(dimension, NOT named) AS values, sumIf(n, NOT named) AS rest, sum(n) AS all,
      arrayMap(one -> one.2, arrayReverseSort(groupArrayIf({most:UInt32})((n, dimension), NOT named AND n >= {fewest:UInt32} AND n * {most:UInt32} >= total))) AS newcomers
    FROM (
      SELECT dimension, sum(records) AS n, sum(n) OVER () AS total, dimension IN (SELECT dimension FROM kept_dimension WHERE day = {day:String} AND measure = {measure:String} AND service = {service:String}) AS named
      FROM (${raw}) WHERE service = {service:String} GROUP BY dimension
    )`,
    { ...of, day, most, fewest: FEWEST },
    { settings: { max_threads: 1, priority: 10 } },
  )
  const wanted = row?.newcomers ?? []
  const newcomers = wanted.slice(0, Math.max(0, most - kept))
  const rest = {
    ...of,
    at: now,
    minutes: window.minutes,
    streams: false,
    kept,
    values: row?.values ?? 0,
    records: row?.rest ?? 0,
    of: row?.all ?? 0,
    full: newcomers.length < wanted.length,
  }
  return { rest, newcomers }
}

/** Whether anything was put together in the last day: a dimension that has become small again is free from the next midnight on. */
async function stillNeeded(store: Store, of: Bounded, now: number): Promise<boolean> {
  const [row] = await store.query<{ rest: number }>(
    `SELECT count() AS rest FROM dimension_rest WHERE service = {service:String} AND measure = {measure:String} AND NOT streams AND NOT history AND records > 0 AND at >= toDateTime({from:UInt32})`,
    { ...of, from: now - DAY },
  )
  return (row?.rest ?? 0) > 0
}

function keyOf({ measure, service }: Bounded, day: string): string {
  return JSON.stringify({ measure, service, day })
}
