import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { SeasonalNull } from '../compare/comparison.ts'
import { type Calibration, calibrate } from '../stats/placebo.ts'
import { fitSeason } from '../stats/season.ts'
import { seasonalNullAt } from './seasonal-null.ts'

/** Method of nulls whose time before was a whole day: their effects have the season of the day in them. */
export const WHOLE_DAY_METHOD = 'placebo-before-after-day@2'
/** Method of nulls that had no events before. */
export const APPEARANCE_METHOD = 'placebo-appearance@1'
/** Milliseconds of a time before over which the season of the day cancels, near enough. */
export const WHOLE_DAY = 22 * 3_600_000

export interface Calibrations {
  /** Quiet moments' statistics in all. */
  readonly count: number
  /** @param appeared there were no events before: the quiet moments that had none either, of all signals of its kind */
  of(this: void, signal: Signal, appeared: boolean): Calibration | undefined
  /** Undefined where too few quiet moments of this very series are known. */
  season(this: void, signal: Signal, dimension: string): SeasonalNull | undefined
}

/** Days of quiet past that are read. */
export const NULL_DAYS = 42
/** From so many statistics of the signal itself on, its own are used; below, those of all signals of its kind. */
const OWN_FROM = 200

/**
 * What the quiet past of a service says about how far the model's errors fall short, by signal.
 * @param before milliseconds: only moments that were over by then
 * @param asOf milliseconds: only what was known by then, so that an old report can be computed again
 */
export async function loadCalibrations(
  store: Store,
  catalogue: Catalogue,
  of: { readonly service: string; readonly environment: string },
  before: number,
  asOf: number,
): Promise<Calibrations> {
  const rows = await store.query<Row>(
    `SELECT signal, dimension, groupArray(statistic) AS statistics, groupArray(standard_error) AS errors,
      groupArray(toUnixTimestamp(time)) AS times, groupArray(method = {day:String}) AS days,
      groupArray(method = {appearance:String}) AS appearances
    FROM (SELECT * FROM nulls FINAL ORDER BY signal, dimension, time)
    WHERE service = {service:String} AND environment = {environment:String} AND signal != ''
      AND time + toIntervalMinute(window_minutes) <= toDateTime({to:UInt32}) AND time >= toDateTime({from:UInt32})
      AND updated_at <= fromUnixTimestamp64Milli({asOf:Int64})
    GROUP BY signal, dimension`,
    {
      ...of,
      day: WHOLE_DAY_METHOD,
      appearance: APPEARANCE_METHOD,
      from: Math.max(0, Math.floor(before / 1000) - NULL_DAYS * 86_400),
      to: Math.floor(before / 1000),
      asOf,
    },
  )
  const bySignal = new Map<string, number[]>()
  const appearances = new Map<string, number[]>()
  for (const row of rows) {
    const list = bySignal.get(row.signal) ?? []
    row.statistics.forEach((statistic, i) => {
      if (Number(row.appearances[i]) === 0) list.push(statistic)
      else appearances.set(row.signal, [...(appearances.get(row.signal) ?? []), statistic])
    })
    bySignal.set(row.signal, list)
  }
  const bySeries = new Map(rows.map((row) => [keyOf(row.signal, row.dimension), row]))
  const byKind = new Map<string, number[]>()
  for (const signal of catalogue.signals) {
    const list = byKind.get(signal.kind) ?? []
    list.push(...(bySignal.get(signal.id) ?? []))
    byKind.set(signal.kind, list)
  }
  const made = new Map<string, Calibration>()
  return {
    count: rows.reduce((sum, row) => sum + row.statistics.length, 0),
    of: (signal, appeared) => {
      if (appeared) {
        const alike = catalogue.signals.filter(({ kind }) => kind === signal.kind)
        const known = alike.flatMap(({ id }) => appearances.get(id) ?? [])
        return known.length === 0 ? undefined : calibrate(known)
      }
      const own = bySignal.get(signal.id) ?? []
      const pooled = own.length >= OWN_FROM ? own : (byKind.get(signal.kind) ?? [])
      if (pooled.length === 0) return undefined
      const key = own.length >= OWN_FROM ? signal.id : signal.kind
      const known = made.get(key) ?? calibrate(pooled)
      made.set(key, known)
      return known
    },
    season: (signal, dimension) => {
      const row = bySeries.get(keyOf(signal.id, dimension))
      return row === undefined ? undefined : seasonalNull(row, Math.floor(before / 1000))
    },
  }
}

interface Row {
  signal: string
  dimension: string
  statistics: number[]
  errors: number[]
  times: number[]
  days: (boolean | number)[]
  appearances: (boolean | number)[]
}

function seasonalNull(row: Row, at: number): SeasonalNull | undefined {
  const occasions = row.times.flatMap((time, i) =>
    Number(row.days[i]) === 1
      ? [{ time, effect: (row.statistics[i] as number) * (row.errors[i] as number) }]
      : [],
  )
  const season = fitSeason(occasions)
  return season === undefined ? undefined : seasonalNullAt(season, at)
}

function keyOf(signal: string, dimension: string): string {
  return JSON.stringify([signal, dimension])
}
