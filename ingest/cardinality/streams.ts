import type { Measure } from '../../schemas/signals/measure.ts'
import { streamLevel, streamsOf } from '../../schemas/signals/stream-level.ts'
import { streamRecords } from '../../schemas/signals/views.ts'
import type { Store } from '../../schemas/store/client.ts'
import { keepDimensions } from '../../schemas/store/kept-dimensions.ts'
import type { Bounded } from './bounded-tables.ts'
import type { CardinalityOptions } from './look.ts'
import { ofAllTables, rawWindow } from './raw-rows.ts'
import type { Rest } from './rest.ts'
import { firstUncounted } from './since.ts'
import { dayOf, HOUR, MINUTE } from './time.ts'

/** Of the bound: a day on which twice the streams that are kept would fit so well keeps the half that was left out. */
const ROOMY = 0.8

/**
 * Bounds the cumulative streams of measures that have too many: the lowest level of those that are kept is left out, which is half of them, until few enough are left.
 * A level that is left out stays so for the day (UTC); the next may take one back.
 * @param now seconds since the epoch
 * @returns what is left out at present
 */
export async function lookAtStreams(options: CardinalityOptions, now: number): Promise<Rest[]> {
  const { store, mostStreams } = options
  const [today, tomorrow] = [dayOf(now), dayOf(now + (options.maxFutureMinutes + 10) * MINUTE)]
  const [left, next] = [await leftOut(store, streamsOf, today), await leftOut(store, streamsOf, tomorrow)]
  const rests = []
  for (const { cells, levels, ...of } of await streamsLately(options, now, [
    ...left.keys(),
    ...next.keys(),
  ])) {
    // Of a signal that is no more nothing is counted, either.
    const measure = options.catalogue.measures.get(of.measure)
    if (measure === undefined) continue
    const [before, prepared] = [left.get(streamsKey(of)) ?? 0, next.get(streamsKey(of))]
    const level = levelFor(levels, before, mostStreams)
    const since = async () => {
      const at = { cells, measure: 'toString(measure)', bound: of.measure, service: of.service }
      return await firstUncounted(store, { ...at, maxFutureMinutes: options.maxFutureMinutes }, now)
    }
    const key = { ...of, measure: streamsOf(of.measure) }
    if (level > before) await leaveOut(store, key, today, [before, level], await since())
    if (tomorrow !== today) {
      const kept = levels.slice(level).reduce((sum, streams) => sum + streams, 0)
      const wanted = prepared ?? (level > 0 && 2 * kept <= ROOMY * mostStreams ? level - 1 : level)
      const then = Math.max(wanted, level > before ? level : 0)
      const begin = Math.max(Date.parse(tomorrow) / 1000, await since())
      await leaveOut(store, key, tomorrow, [prepared ?? 0, then], begin)
    }
    if (level === 0) continue
    const rest = await review(options, { ...of, cells }, measure, level, now)
    await store.insert('dimension_rest', [rest])
    rests.push(rest)
  }
  return rests
}

/** How many levels must be left out. @param levels streams by level @param before levels that are left out already */
export function levelFor(levels: readonly number[], before: number, most: number): number {
  let level = before
  let kept = levels.slice(level).reduce((sum, streams) => sum + streams, 0)
  while (kept > most && level < levels.length) {
    kept -= levels[level] ?? 0
    level += 1
  }
  return level
}

/** @param of with the key that levels stand under for a measure @param levels from inclusive to exclusive @param since seconds since the epoch */
export async function leaveOut(
  store: Store,
  of: Bounded,
  day: string,
  [from, to]: readonly [number, number],
  since: number,
): Promise<void> {
  await keepDimensions(
    store,
    Array.from({ length: Math.max(0, to - from) }, (_, i) => ({
      ...of,
      day,
      dimension: String(from + i),
      since,
    })),
  )
}

/** How many levels are left out on a day, by {@link streamsKey}. @param key what they stand under for a measure @param day `YYYY-MM-DD` */
export async function leftOut(
  store: Store,
  key: (measure: string) => string,
  day: string,
): Promise<Map<string, number>> {
  const rows = await store.query<Bounded & { levels: number }>(
    `SELECT substring(toString(kept.measure), 1, length(kept.measure) - length({suffix:String})) AS measure, toString(service) AS service, 1 + max(toUInt8(dimension)) AS levels
    FROM kept_dimension AS kept WHERE day = toDate({day:String}) AND endsWith(kept.measure, {suffix:String}) GROUP BY measure, service`,
    { day, suffix: key('') },
  )
  return new Map(rows.map(({ levels, ...of }) => [streamsKey(of), levels]))
}

/** Tables of cells by stream, and which of their rows are of cumulative ones: Boolean SQL. */
export const STREAM_TABLES = { counter_1m: 'true', histogram_1m: 'temporality = 2' } as const

interface StreamCount extends Bounded {
  readonly cells: keyof typeof STREAM_TABLES
  /** Streams by level. */
  readonly levels: readonly number[]
}

/** Of the last hour, those that have too many streams, or had. */
async function streamsLately(
  { store, mostStreams }: CardinalityOptions,
  now: number,
  known: readonly string[],
): Promise<StreamCount[]> {
  const found: StreamCount[] = []
  for (const cells of ['counter_1m', 'histogram_1m'] as const) {
    const lately = {
      where: 'time >= toStartOfHour(toDateTime({from:UInt32}))',
      params: { from: now - HOUR },
    }
    const counts = await streamsByLevel(store, cells, lately, { most: mostStreams, known })
    found.push(...counts.map((of) => ({ ...of, cells })))
  }
  return found
}

/**
 * Cumulative streams that there are cells of, at the minutes with most of them: those that have ended (of an older process, in a roll-out) do not count beside those
 * that have taken their place. Of each measure and service with more than `most`, or whose {@link streamsKey} is `known`.
 * @param of.where Boolean SQL over `cells`, with its parameters
 */
export async function streamsByLevel(
  store: Store,
  cells: keyof typeof STREAM_TABLES,
  of: { readonly where: string; readonly params: object },
  { most, known }: { readonly most: number; readonly known: readonly string[] },
): Promise<Omit<StreamCount, 'cells'>[]> {
  const where = `${of.where} AND ${STREAM_TABLES[cells]}`
  // Few have ever had so many: only of those it is asked by the minute.
  const many = await store.query<{ key: string }>(
    `SELECT concat(measure, ' ', service) AS key FROM ${cells} AS cells WHERE ${where}
    GROUP BY key HAVING uniq(stream) > {most:UInt32} OR has({known:Array(String)}, key)`,
    { ...of.params, most, known },
  )
  if (many.length === 0) return []
  const rows = await store.query<Bounded & { found: number[]; streams: number[] }>(
    `SELECT measure, service, groupArray(level) AS found, groupArray(most) AS streams FROM (
      SELECT measure, service, level, max(n) AS most FROM (
        SELECT toString(cells.measure) AS measure, toString(cells.service) AS service, time, ${streamLevel('stream')} AS level, uniq(stream) AS n
        FROM ${cells} AS cells WHERE ${where} AND has({many:Array(String)}, concat(cells.measure, ' ', cells.service))
        GROUP BY measure, service, time, level
      ) GROUP BY measure, service, level
    ) GROUP BY measure, service ORDER BY measure, service`,
    { ...of.params, many: many.map(({ key }) => key) },
  )
  return rows.map(({ measure, service, found, streams }) => {
    const levels = Array.from({ length: 1 + Math.max(-1, ...found) }, () => 0)
    found.forEach((level, i) => {
      levels[level] = streams[i] ?? 0
    })
    return { measure, service, levels }
  })
}

/** What the raw rows of the last minutes say. */
async function review(
  options: CardinalityOptions,
  of: Omit<StreamCount, 'levels'>,
  measure: Measure,
  level: number,
  now: number,
): Promise<Rest> {
  const { store, source } = options
  const { cells, ...names } = of
  const where = 'service = {service:String} AND measure = {measure:String}'
  const window = await rawWindow(store, { table: cells, records: 'count()', where, params: names }, now)
  const raw = ofAllTables([measure], source, window, streamRecords)
  const counts = await countStreams(store, raw, of.service, level)
  return { ...names, at: now, minutes: window.minutes, streams: true, full: false, ...counts }
}

/** Streams and their points in raw rows. @param raw SQL of `streamRecords` @param level levels below are left out */
export async function countStreams(
  store: Store,
  raw: string,
  service: string,
  level: number,
): Promise<Pick<Rest, 'kept' | 'values' | 'records' | 'of'>> {
  const [row] = await store.query<Pick<Rest, 'kept' | 'values' | 'records' | 'of'>>(
    `SELECT uniqIf(stream, level >= {level:UInt8}) AS kept, uniqIf(stream, level < {level:UInt8}) AS values, sumIf(n, level < {level:UInt8}) AS records, sum(n) AS of
    FROM (
      SELECT ${streamLevel('stream')} AS level, stream, records AS n
      FROM (${raw}) WHERE service = {service:String}
    )`,
    { service, level },
    { settings: { max_threads: 1, priority: 10 } },
  )
  return row ?? { kept: 0, values: 0, records: 0, of: 0 }
}

/** Ids of measures have no spaces. */
export function streamsKey({ measure, service }: Bounded): string {
  return `${measure} ${service}`
}
