import type { Cell } from '../../schemas/cell.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { mergeCells, mergeCounts } from './merge-cells.ts'
import { spansOf, unsampledOf } from './one-source.ts'
import { type Arithmetic, CELLS, type CellSet, type SeriesSet } from './series-set.ts'

/**
 * Of measures that count the same thing in different ways, the one with the most events on a version: nothing is counted twice.
 * @returns undefined where none has any
 */
export function measureFor<Series>(
  set: SeriesSet<Series>,
  signal: Signal,
  version: string,
  { count }: Arithmetic<Series>,
): string | undefined {
  let best: string | undefined
  let most = 0
  for (const id of signal.measures) {
    let events = 0
    for (const versions of set.get(id)?.values() ?? []) {
      const series = versions.get(version)
      if (series !== undefined) events += count(series)
    }
    if (events > most) {
      best = id
      most = events
    }
  }
  return best
}

/** Every version that a signal's measures were seen on. */
export function versionsOf<Series>(
  set: SeriesSet<Series>,
  { measures }: { readonly measures: Iterable<string> },
): readonly string[] {
  const versions = new Set<string>()
  for (const id of measures) {
    for (const dimension of set.get(id)?.values() ?? [])
      for (const version of dimension.keys()) versions.add(version)
  }
  return [...versions]
}

/** What a signal's series of each dimension are made of, a version each. Where the signal is not broken down, all is under ''. */
export function partsByDimension<Series>(
  set: SeriesSet<Series>,
  signal: Signal,
  versions: readonly string[],
  arithmetic: Arithmetic<Series>,
): ReadonlyMap<string, readonly Series[]> {
  const parts = new Map<string, Series[]>()
  for (const version of versions) {
    const measure = measureFor(set, signal, version, arithmetic)
    if (measure === undefined) continue
    for (const [dimension, byVersion] of set.get(measure) ?? []) {
      const series = byVersion.get(version)
      if (series === undefined) continue
      const key = signal.dimension === undefined ? '' : dimension
      const list = parts.get(key)
      if (list === undefined) parts.set(key, [series])
      else list.push(series)
    }
  }
  return parts
}

/** Cells of a signal by dimension, added up over the versions; of requests a minute as many as are independent (effectiveShares). */
export function signalLines(
  set: CellSet,
  signal: Signal,
  versions: readonly string[],
): ReadonlyMap<string, readonly Cell[]> {
  const parts = partsByDimension(set, signal, versions, CELLS)
  const lines = new Map([...parts].map(([dimension, list]) => [dimension, mergeCells(list)]))
  const effective = effectiveShares(set, signal, versions)
  if (effective.size === 0) return lines
  return new Map(
    [...lines].map(([dimension, cells]) => [
      dimension,
      cells.map((cell) => ({ ...cell, count: cell.count * (effective.get(cell.time)?.events ?? 1) })),
    ]),
  )
}

/** Of a minute's events: which part of them counts as independent, and which part of the minute they were seen in. */
interface Effective {
  readonly events: number
  readonly minute: number
}

/**
 * Requests a minute where spans are a sample with weights. A sum of weights W is no Poisson count: its variance is the sum of their squares, Q. It has the mean and the
 * relative variance of W^2/Q events (Kish 1965, the effective sample size) seen in W/Q of the time, and those are exactly the spans and the sampler's probability where
 * all weights are alike. So a rate is what it was before sampling, and tests are told no more than the spans can tell.
 */
function effectiveShares(
  set: CellSet,
  signal: Signal,
  versions: readonly string[],
): ReadonlyMap<number, Effective> {
  const shares = new Map<number, Effective>()
  const id = signal.measures[0]
  if (signal.per !== 'minute' || id === undefined) return shares
  const cellsOf = (measure: string, version: string) =>
    [...(set.get(measure)?.values() ?? [])].flatMap((byVersion) => byVersion.get(version) ?? [])
  // Where a metric counts the requests, it counts all of them.
  const bySpans = versions.filter((version) => cellsOf(spansOf(id), version).length === 0)
  const missing = mergeCounts(bySpans.map((version) => cellsOf(unsampledOf(id), version)))
  if (missing.length === 0) return shares
  const counts = new Map(
    mergeCounts(versions.map((version) => cellsOf(id, version))).map(({ time, count }) => [time, count]),
  )
  for (const { time, sum, sumSquares } of missing) {
    const spans = counts.get(time) ?? 0
    if (spans === 0) continue
    // Of each weight the sums have what is beyond one.
    const weight = spans + sum
    const squares = spans + 2 * sum + sumSquares
    shares.set(time, { events: weight ** 2 / squares / spans, minute: weight / squares })
  }
  return shares
}

/**
 * The denominator of a rate: cells, without histograms, whose counts are events of the other measure (all its dimensions), or minutes in which the service
 * was seen at all.
 * @param step seconds that a cell spans
 */
export function exposureLine(
  set: CellSet,
  signal: Signal,
  versions: readonly string[],
  step: number,
): readonly Cell[] {
  if (signal.kind !== 'rate' || signal.per === undefined) return []
  const id = signal.per === 'minute' ? signal.measures[0] : signal.per
  const parts: (readonly Cell[])[] = []
  const add = (cells: readonly Cell[] | undefined) => {
    if (cells !== undefined) parts.push(cells)
  }
  for (const version of versions) {
    const all = (measure: string) =>
      [...(set.get(measure)?.values() ?? [])].flatMap((byVersion) => byVersion.get(version) ?? [])
    const spans = all(spansOf(id))
    // Events of spans are a share of the same spans; others are of all requests, also of those that a sampler left out.
    if (signal.ofSpans === true && spans.length > 0) add(spans)
    else for (const byVersion of set.get(id)?.values() ?? []) add(byVersion.get(version))
    if (signal.ofSpans !== true && signal.per !== 'minute' && spans.length === 0)
      add(all(unsampledOf(id)).map((cell) => ({ ...cell, count: cell.sum })))
  }
  const merged = mergeCounts(parts)
  if (signal.per !== 'minute') return merged
  const effective = effectiveShares(set, signal, versions)
  return merged.map((cell) => ({
    ...cell,
    count: (step / 60) * (effective.get(cell.time)?.minute ?? 1),
  }))
}
