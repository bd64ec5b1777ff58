import { instant, timeColumn } from '../../schemas/signals/views.ts'
import type { Store } from '../../schemas/store/client.ts'
import { HOUR } from './plan.ts'
import { polite } from './polite.ts'
import type { BackfillTask, RawTable } from './tasks.ts'

/** Rows of a raw table in an hour. */
export interface HourRow {
  /** Seconds since the epoch. */
  readonly hour: number
  /** Name of the metric; '' for what is none. */
  readonly metric: string
  readonly rows: number
}

/** @param from, to seconds since the epoch */
export async function rowsByHour(
  store: Store,
  table: RawTable,
  from: number,
  to: number,
): Promise<readonly HourRow[]> {
  const time = timeColumn(table.kind)
  const [first, last] = [instant(Math.floor(from / HOUR) * HOUR), instant(to)]
  return await store.query<HourRow>(
    `SELECT toUnixTimestamp(toStartOfHour(${time})) AS hour, ${time === 'TimeUnix' ? 'toString(MetricName)' : "''"} AS metric, count() AS rows
    FROM ${table.source?.from(table.source.within(first, last)) ?? table.kind}
    WHERE ${time} >= ${first} AND ${time} < ${last} GROUP BY hour, metric ORDER BY hour`,
    {},
    { settings: polite(1) },
  )
}

/** Rows by hour, of the metrics that a measure reads. */
export function rowsOf({ of: measure }: BackfillTask, rows: readonly HourRow[]): Map<number, number> {
  const hours = new Map<number, number>()
  for (const { hour, metric, rows: count } of rows) {
    if (measure?.metrics !== undefined && !measure.metrics.includes(metric)) continue
    hours.set(hour, (hours.get(hour) ?? 0) + count)
  }
  return hours
}
