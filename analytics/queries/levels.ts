import { GAMMA } from '../../schemas/histogram.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { STREAM_PAUSE, streamsBefore } from './cells.ts'
import { loadSql } from './load-sql.ts'
import { measuresRead } from './measures-read.ts'
import { readOneSource } from './one-source.ts'
import { putTogether } from './put-together.ts'
import { type Arithmetic, type MutableSeriesSet, putSeries, type SeriesSet } from './series-set.ts'

/** One series of a long span, in columns: a slot each that has anything, in any order. */
export interface Levels {
  /** From the first slot of the span. A slot may come several times, and adds up. */
  readonly slots: Uint32Array
  readonly counts: Float64Array
  /** Of values, where something other than a distribution is made of them; else empty. */
  readonly sums: Float64Array
  /** Of the values' logarithms, where a distribution is; else empty. -Infinity where a value was not above zero. */
  readonly logs: Float64Array
}

export type LevelSet = SeriesSet<Levels>

export interface LevelRequest {
  readonly service: string
  readonly environment: string
  /** Seconds since the epoch, from inclusive to exclusive. */
  readonly from: number
  readonly to: number
  /** Seconds that a slot spans. */
  readonly step: number
  readonly signals: readonly Signal[]
  /** As in a CellRequest. */
  readonly oneIn?: number
}

export const LEVELS: Arithmetic<Levels> = {
  count: ({ counts }) => total(counts),
  sum: ({ sums }) => total(sums),
  merge: (parts) => ({
    slots: joined(
      Uint32Array,
      parts.map(({ slots }) => slots),
    ),
    counts: joined(
      Float64Array,
      parts.map(({ counts }) => counts),
    ),
    sums: joined(
      Float64Array,
      parts.map(({ sums }) => sums),
    ),
    logs: joined(
      Float64Array,
      parts.map(({ logs }) => logs),
    ),
  }),
}

type Row = Levels & { readonly measure: string; readonly dimension: string; readonly version: string }

/** Of a metric's streams, as cells of them come. */
interface StreamRow {
  readonly measure: string
  readonly dimension: string
  readonly version: string
  readonly times: readonly number[]
  readonly counts: readonly number[]
  readonly sums: readonly number[]
  /** Null: -Infinity. */
  readonly logs?: readonly (number | null)[]
}

/** Levels of a service over a long span: what loadCells reads, in columns, without what no level is made of. */
export async function loadLevels(
  store: Store,
  catalogue: Catalogue,
  { service, environment, signals, step, ...request }: LevelRequest,
): Promise<LevelSet> {
  const { in: table, alternatives, flat } = measuresRead(catalogue, signals, false)
  const from = Math.max(0, Math.floor(request.from))
  const span = { from, to: Math.max(0, Math.ceil(request.to)), step }
  const oneIn = request.oneIn ?? 1
  const cells = table('signal_1m')
  const readBy = (id: string) => signals.filter(({ measures }) => measures.includes(id))
  const isLogged = (id: string) => readBy(id).some(({ kind }) => kind === 'distribution')
  const isSummed = (id: string) => !isLogged(id) || readBy(id).some(({ kind }) => kind === 'gauge')
  const streams = async (name: string, measures: readonly string[]) =>
    measures.length === 0
      ? []
      : await store.query<StreamRow>(loadSql(name), {
          ...span,
          services: [service],
          environment,
          measures,
          flat,
          ...streamsBefore(span),
          gamma: GAMMA,
          justBegun: STREAM_PAUSE,
          levels: true,
        })
  const [rows, counters, histograms] = await Promise.all([
    cells.length === 0
      ? []
      : store.query<Row>(
          loadSql('signal-levels'),
          {
            ...span,
            // Whole hours are kept longer, and are a sixtieth of the rows.
            table: step % 3600 === 0 && from % 3600 === 0 ? 'signal_1h' : 'signal_1m',
            service,
            environment,
            measures: cells,
            flat,
            oneIn,
            logged: cells.filter(isLogged),
            summed: cells.filter(isSummed),
          },
          { typed: true },
        ),
    streams('counter-cells', table('counter_1m')),
    streams('stream-histogram-cells', table('histogram_1m')),
  ])
  const set: MutableSeriesSet<Levels> = new Map()
  for (const row of [...histograms, ...counters]) putSeries(set, row, inColumns(row, span))
  for (const row of rows) putSeries(set, row, row)
  if (oneIn === 1) await putTogether(store, catalogue, new Map([[service, set]]), span, LEVELS)
  readOneSource(set, alternatives, LEVELS)
  return set
}

function inColumns(row: StreamRow, { from, step }: { readonly from: number; readonly step: number }): Levels {
  const first = Math.floor(from / step)
  return {
    slots: Uint32Array.from(row.times, (time) => time / step - first),
    counts: Float64Array.from(row.counts),
    sums: Float64Array.from(row.sums),
    logs: Float64Array.from(row.logs ?? [], (log) => log ?? Number.NEGATIVE_INFINITY),
  }
}

function total(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

function joined<List extends Uint32Array | Float64Array>(
  List: new (length: number) => List,
  parts: readonly List[],
): List {
  const all = new List(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
