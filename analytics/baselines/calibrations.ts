import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { type Calibration, calibrate } from '../stats/placebo.ts'

export interface Calibrations {
  /** Quiet moments' statistics in all. */
  readonly count: number
  of(this: void, signal: Signal): Calibration | undefined
}

/** Days of quiet past that are read. */
export const NULL_DAYS = 42
/** From so many statistics of the signal itself on, its own are used; below, those of all signals of its kind. */
const OWN_FROM = 200

/**
 * What the quiet past of a service says about how far the model's errors fall short, by signal.
 * @param before milliseconds: only moments that were over by then
 */
export async function loadCalibrations(
  store: Store,
  catalogue: Catalogue,
  of: { readonly service: string; readonly environment: string },
  before: number,
): Promise<Calibrations> {
  const rows = await store.query<{ signal: string; statistics: number[] }>(
    `SELECT signal, groupArray(statistic) AS statistics FROM nulls FINAL
    WHERE service = {service:String} AND environment = {environment:String} AND signal != ''
      AND time + toIntervalMinute(window_minutes) <= toDateTime({to:UInt32}) AND time >= toDateTime({from:UInt32})
    GROUP BY signal`,
    {
      ...of,
      from: Math.max(0, Math.floor(before / 1000) - NULL_DAYS * 86_400),
      to: Math.floor(before / 1000),
    },
  )
  const bySignal = new Map(rows.map((row) => [row.signal, row.statistics]))
  const byKind = new Map<string, number[]>()
  for (const signal of catalogue.signals) {
    const list = byKind.get(signal.kind) ?? []
    list.push(...(bySignal.get(signal.id) ?? []))
    byKind.set(signal.kind, list)
  }
  const made = new Map<string, Calibration>()
  return {
    count: rows.reduce((sum, row) => sum + row.statistics.length, 0),
    of: (signal) => {
      const own = bySignal.get(signal.id) ?? []
      const pooled = own.length >= OWN_FROM ? own : (byKind.get(signal.kind) ?? [])
      if (pooled.length === 0) return undefined
      const key = own.length >= OWN_FROM ? signal.id : signal.kind
      const known = made.get(key) ?? calibrate(pooled)
      made.set(key, known)
      return known
    },
  }
}
