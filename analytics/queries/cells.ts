import type { Cell } from '../../schemas/cell.ts'
import { GAMMA } from '../../schemas/histogram.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { exceptionsOnce } from '../../schemas/signals/exceptions-once.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadSql } from './load-sql.ts'
import { measuresRead } from './measures-read.ts'
import { readOneSource } from './one-source.ts'
import { putTogether } from './put-together.ts'
import { CELLS, type CellSet, type MutableSeriesSet, putSeries } from './series-set.ts'

export interface CellRequest extends ManyCellsRequest {
  readonly service: string
}

interface ManyCellsRequest {
  readonly environment: string
  /** Seconds since the epoch, from inclusive to exclusive. */
  readonly from: number
  readonly to: number
  /** Seconds that a cell spans; default 60. */
  readonly step?: number
  /** Signals whose measures are read; default all. */
  readonly signals?: readonly Signal[]
  /** Histograms are read from here on (seconds); default `from`. */
  readonly histogramFrom?: number
  /** False: no histograms at all. */
  readonly histograms?: boolean
  /** Above 1: only one dimension in so many keeps its name (a sample), the others are added up as {@link OTHER}. */
  readonly oneIn?: number
  /** True: dimensions are added up to the service as a whole. */
  readonly flat?: boolean
}

interface Row {
  service: string
  measure: string
  dimension: string
  version: string
  times: number[]
  counts: number[]
  bads?: number[]
  sums?: number[]
  squares?: number[]
  mins?: number[]
  maxs?: number[]
}

interface HistogramRow {
  service: string
  measure: string
  dimension: string
  version: string
  times: number[]
  buckets: number[][]
  bucketCounts: number[][]
}

/** Cells of a service in one environment: six statements at most, whatever the number of series. */
export async function loadCells(store: Store, catalogue: Catalogue, request: CellRequest): Promise<CellSet> {
  const sets = await loadCellsOf(store, catalogue, [request.service], request)
  return sets.get(request.service) ?? new Map()
}

/** Seconds, longer than most metrics are exported apart: so far before a span a stream's last point is looked for, and so young a stream is whole in its first. */
export const STREAM_PAUSE = 300
/** Seconds: an hour, and a minute to be late. So far back the last point is looked for of streams that have none within {@link STREAM_PAUSE}. */
const STREAM_MEMORY = 3660

/** Where the last points before a span are looked for: seconds since the epoch, as the statements of streams have them. */
export function streamsBefore({ from, to }: { readonly from: number; readonly to: number }) {
  return {
    streamsFrom: Math.max(0, from - STREAM_PAUSE),
    slowFrom: Math.max(0, from - STREAM_MEMORY),
    // Who has had no point until then is exported less often than that.
    firstBefore: Math.min(to, from + STREAM_MEMORY),
  }
}

/** Cells of many services of one environment, in as many statements as those of one. Services without any have no entry. */
export async function loadCellsOf(
  store: Store,
  catalogue: Catalogue,
  services: readonly string[],
  request: ManyCellsRequest,
): Promise<ReadonlyMap<string, CellSet>> {
  const signals = request.signals ?? catalogue.signals
  const { in: table, alternatives, flat } = measuresRead(catalogue, signals, request.flat === true)
  const distributions =
    request.histograms === false
      ? []
      : signals.filter((signal) => signal.kind === 'distribution').flatMap((signal) => signal.measures)
  const common = {
    services: [...services],
    environment: request.environment,
    from: Math.max(0, Math.floor(request.from)),
    to: Math.max(0, Math.ceil(request.to)),
    step: request.step ?? 60,
  }
  const before = streamsBefore(common)
  // Whole hours are kept longer, and are a sixtieth of the rows.
  const rollup = common.step % 3600 === 0 && common.from % 3600 === 0 ? 'signal_1h' : 'signal_1m'
  const read = async (name: string, ids: readonly string[], more: Record<string, unknown>) =>
    ids.length === 0 ? [] : await store.query<Row>(loadSql(name), { ...common, ...more, measures: ids })
  const sampled = { flat, oneIn: request.oneIn ?? 1 }
  const [histograms, streams, ...rows] = await Promise.all([
    distributions.length === 0
      ? []
      : store.query<HistogramRow>(loadSql('histogram-cells'), {
          ...common,
          ...sampled,
          table: rollup,
          from: Math.max(common.from, Math.floor(request.histogramFrom ?? 0)),
          measures: distributions,
        }),
    streamHistograms(store, table('histogram_1m'), {
      ...common,
      ...before,
      flat,
      levels: false,
    }),
    read('signal-cells', table('signal_1m'), { ...sampled, table: rollup }),
    read('counter-cells', table('counter_1m'), { flat, ...before }),
    read('session-cells', table('session'), {}),
    exceptionCells(store, table('exception_1m'), { ...common, ...sampled }),
  ])
  const byKey = new Map([...histograms, ...streams].map((row) => [keyOf(row), row]))
  const sets = new Map<string, MutableSeriesSet<readonly Cell[]>>()
  for (const row of [...streams, ...rows.flat()]) {
    const set = sets.get(row.service) ?? new Map<string, Map<string, Map<string, readonly Cell[]>>>()
    sets.set(row.service, set)
    putSeries(set, row, cellsOf(row, byKey.get(keyOf(row))))
  }
  if ((request.oneIn ?? 1) === 1) await putTogether(store, catalogue, sets, common, CELLS)
  for (const set of sets.values()) readOneSource(set, alternatives, CELLS)
  return sets
}

/** Cells of metrics' histograms, with their buckets. */
async function streamHistograms(
  store: Store,
  measures: readonly string[],
  params: Record<string, unknown>,
): Promise<(Row & HistogramRow)[]> {
  if (measures.length === 0) return []
  return await store.query(loadSql('stream-histogram-cells'), {
    ...params,
    measures,
    gamma: GAMMA,
    justBegun: STREAM_PAUSE,
  })
}

/** Cells of exceptions, each counted once, under the first of the measures. */
async function exceptionCells(
  store: Store,
  measures: readonly string[],
  params: Record<string, unknown>,
): Promise<Row[]> {
  const [measure] = measures
  if (measure === undefined) return []
  const once = exceptionsOnce(`service IN ({services:Array(String)}) AND environment = {environment:String}
      AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})`)
  return await store.query<Row>(
    `SELECT service, {measure:String} AS measure, dimension, version, groupArray(t) AS times, groupArray(c) AS counts, groupArray(b) AS bads
    FROM (
      SELECT service,
        multiIf(has({flat:Array(String)}, {measure:String}), '', {oneIn:UInt32} > 1 AND cityHash64(once.dimension) % {oneIn:UInt32} != 0, '(other)', once.dimension) AS dimension,
        version, intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS t, sum(n) AS c, sum(bad) AS b
      FROM ${once} AS once
      GROUP BY service, dimension, version, t
      ORDER BY service, dimension, version, t
    )
    GROUP BY service, dimension, version`,
    { ...params, measure },
  )
}

function keyOf(row: Pick<Row, 'service' | 'measure' | 'dimension' | 'version'>): string {
  return JSON.stringify([row.service, row.measure, row.dimension, row.version])
}

function cellsOf(row: Row, histograms: HistogramRow | undefined): Cell[] {
  const byTime = new Map<number, ReadonlyMap<number, number>>()
  histograms?.times.forEach((time, at) => {
    const keys = histograms.buckets[at] ?? []
    const values = histograms.bucketCounts[at] ?? []
    if (keys.length > 0) byTime.set(time, new Map(keys.map((key, i) => [key, values[i] ?? 0])))
  })
  return row.times.map((time, at) => {
    const histogram = byTime.get(time)
    const base = {
      time,
      count: row.counts[at] ?? 0,
      bad: row.bads?.[at] ?? 0,
      sum: row.sums?.[at] ?? 0,
      sumSquares: row.squares?.[at] ?? 0,
      min: row.mins?.[at] ?? 0,
      max: row.maxs?.[at] ?? 0,
    }
    return histogram === undefined ? base : { ...base, histogram }
  })
}
