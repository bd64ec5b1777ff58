import type { Cell } from '../../schemas/cell.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { countsOf } from '../queries/merge-cells.ts'
import type { CellSet } from '../queries/series-set.ts'
import { exposureLine, signalLines } from '../queries/signal-lines.ts'

/** One side of a comparison: which versions, and when (seconds, from inclusive to exclusive). */
export interface Arm {
  readonly set: CellSet
  readonly versions: readonly string[]
  readonly from: number
  readonly to: number
}

/** What one signal reads of an arm: histograms for distributions only. */
export interface ArmLines {
  readonly lines: ReadonlyMap<string, readonly Cell[]>
  readonly exposure: readonly Cell[]
  /** For rates per request: the requests by route. */
  readonly requests: ReadonlyMap<string, readonly Cell[]>
}

export function between(cells: readonly Cell[], from: number, to: number): readonly Cell[] {
  return cells.filter((cell) => cell.time >= from && cell.time < to)
}

/** Lines of whole sets: signals have the same denominator, and a plan looks at one set through many windows. */
const known = new WeakMap<CellSet, Map<string, unknown>>()

function once<T>(set: CellSet, key: readonly unknown[], make: () => T): T {
  const made = known.get(set) ?? new Map<string, unknown>()
  known.set(set, made)
  const name = JSON.stringify(key)
  if (!made.has(name)) made.set(name, make())
  return made.get(name) as T
}

export function armLines({ set, versions, from, to }: Arm, signal: Signal, step: number): ArmLines {
  const cut = (lines: ReadonlyMap<string, readonly Cell[]>, histograms: boolean) => {
    const kept = new Map<string, readonly Cell[]>()
    for (const [dimension, cells] of lines) {
      const inside = between(cells, from, to)
      if (inside.length > 0) kept.set(dimension, histograms ? inside : inside.map(countsOf))
    }
    return kept
  }
  const { id, kind, per, ofSpans } = signal
  const lines = once(set, ['lines', id, versions], () => signalLines(set, signal, versions))
  const exposure =
    kind === 'rate'
      ? once(set, ['exposure', per === 'minute' ? id : per, ofSpans, versions, step], () =>
          exposureLine(set, signal, versions, step),
        )
      : []
  const requests =
    kind === 'rate' && per !== undefined && per !== 'minute'
      ? once(set, ['requests', per, versions], () => byDimension(set, versions, per))
      : new Map<string, readonly Cell[]>()
  return {
    lines: cut(lines, kind === 'distribution'),
    exposure: between(exposure, from, to),
    requests: cut(requests, false),
  }
}

function byDimension(
  set: CellSet,
  versions: readonly string[],
  measure: string,
): ReadonlyMap<string, readonly Cell[]> {
  const all = new Map<string, readonly Cell[]>()
  for (const [dimension, byVersion] of set.get(measure) ?? []) {
    const cells = versions.flatMap((version) => byVersion.get(version) ?? [])
    if (cells.length > 0)
      all.set(
        dimension,
        cells.sort((a, b) => a.time - b.time),
      )
  }
  return all
}
