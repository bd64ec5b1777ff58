import type { Store } from '../../schemas/store/client.ts'

export interface ReadingPlan {
  /** Seconds that a cell spans. */
  readonly step: number
  /** Seconds since the epoch: histograms are read from here on. */
  readonly histogramFrom: number
  /** Dimensions of the measure that has most. */
  readonly dimensions: number
}

const STEPS = [60, 120, 300, 600] as const
/** Cells that one report reads: past that, minutes are added up to longer cells. */
const MOST_CELLS = 90_000
/** Histogram entries that one report reads: past that, distributions are compared with less of the time before. */
const MOST_ENTRIES = 700_000
/** Buckets that a busy minute of one series fills. */
const BUCKETS = 40

/**
 * How finely a window is read, so that a report costs about the same however many series a service has. Light services are read
 * minute by minute.
 * @param window seconds: `from` to `to`, with the deployment at `start`
 */
export async function readingPlan(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  window: { readonly from: number; readonly start: number; readonly to: number },
): Promise<ReadingPlan> {
  const rows = await store.query<{ cells: number; entries: number; dimensions: number }>(
    `SELECT count() AS cells, sum(least(count, ${BUCKETS})) AS entries, uniq(dimension) AS dimensions
    FROM signal_1m
    WHERE service = {service:String} AND environment = {environment:String} AND traffic = 'users'
      AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})
    GROUP BY measure
    UNION ALL
    SELECT count(), 0, uniq(dimension) FROM exception_1m
    WHERE service = {service:String} AND environment = {environment:String}
      AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})`,
    { ...of, from: Math.max(0, Math.floor(window.from)), to: Math.ceil(window.to) },
  )
  const cells = rows.reduce((sum, row) => sum + row.cells, 0)
  const entries = rows.reduce((sum, row) => sum + row.entries, 0)
  const dimensions = Math.max(0, ...rows.map((row) => row.dimensions))
  const step = STEPS.find((size) => cells / (size / 60) <= MOST_CELLS) ?? 600
  const share = Math.min(1, MOST_ENTRIES / Math.max(1, entries / (step / 60)))
  // At least as much before as after, so that both arms of a distribution are known alike.
  const length = Math.max((window.to - window.from) * share, 2 * (window.to - window.start))
  const from = Math.max(window.from, window.to - length)
  return { step, histogramFrom: Math.floor(from / step) * step, dimensions }
}
