import type { Cell } from '../../schemas/cell.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { CellSet } from './cells.ts'
import { mergeCells } from './merge-cells.ts'
import { spansOf, unsampledOf } from './one-source.ts'

/**
 * Of measures that count the same thing in different ways, the one with the most events on a version: nothing is counted twice.
 * @returns undefined where none has any
 */
export function measureFor(set: CellSet, signal: Signal, version: string): string | undefined {
  let best: string | undefined
  let most = 0
  for (const id of signal.measures) {
    let events = 0
    for (const versions of set.get(id)?.values() ?? []) {
      for (const cell of versions.get(version) ?? []) events += cell.count
    }
    if (events > most) {
      best = id
      most = events
    }
  }
  return best
}

/** Every version that a signal's measures were seen on. */
export function versionsOf(set: CellSet, signal: Signal): readonly string[] {
  const versions = new Set<string>()
  for (const id of signal.measures) {
    for (const dimension of set.get(id)?.values() ?? [])
      for (const version of dimension.keys()) versions.add(version)
  }
  return [...versions]
}

/** Cells of a signal by dimension, added up over the versions. Where the signal is not broken down, all is under ''. */
export function signalLines(
  set: CellSet,
  signal: Signal,
  versions: readonly string[],
): ReadonlyMap<string, readonly Cell[]> {
  const parts = new Map<string, (readonly Cell[])[]>()
  for (const version of versions) {
    const measure = measureFor(set, signal, version)
    if (measure === undefined) continue
    for (const [dimension, byVersion] of set.get(measure) ?? []) {
      const cells = byVersion.get(version)
      if (cells === undefined) continue
      const key = signal.dimension === undefined ? '' : dimension
      const list = parts.get(key)
      if (list === undefined) parts.set(key, [cells])
      else list.push(cells)
    }
  }
  return new Map([...parts].map(([dimension, list]) => [dimension, mergeCells(list)]))
}

/**
 * The denominator of a rate: cells whose counts are events of the other measure (all its dimensions), or minutes in which the service
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
    if (signal.ofSpans !== true && spans.length === 0)
      add(all(unsampledOf(id)).map((cell) => ({ ...cell, count: cell.sum })))
  }
  const merged = parts.length === 0 ? [] : mergeCells(parts)
  return signal.per === 'minute' ? merged.map((cell) => ({ ...cell, count: step / 60 })) : merged
}
