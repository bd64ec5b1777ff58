import type { Cell } from '../../schemas/cell.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { CellSet } from '../queries/cells.ts'
import { exposureLine, signalLines } from '../queries/signal-lines.ts'

/** One side of a comparison: which versions, and when (seconds, from inclusive to exclusive). */
export interface Arm {
  readonly set: CellSet
  readonly versions: readonly string[]
  readonly from: number
  readonly to: number
}

/** What one signal reads of an arm. */
export interface ArmLines {
  readonly lines: ReadonlyMap<string, readonly Cell[]>
  readonly exposure: readonly Cell[]
  /** For rates per request: the requests by route. */
  readonly requests: ReadonlyMap<string, readonly Cell[]>
}

export function between(cells: readonly Cell[], from: number, to: number): readonly Cell[] {
  return cells.filter((cell) => cell.time >= from && cell.time < to)
}

export function armLines(arm: Arm, signal: Signal, step: number): ArmLines {
  const cut = (lines: ReadonlyMap<string, readonly Cell[]>) => {
    const kept = new Map<string, readonly Cell[]>()
    for (const [dimension, cells] of lines) {
      const inside = between(cells, arm.from, arm.to)
      if (inside.length > 0) kept.set(dimension, inside)
    }
    return kept
  }
  const perEvents = signal.kind === 'rate' && signal.per !== undefined && signal.per !== 'minute'
  return {
    lines: cut(signalLines(arm.set, signal, arm.versions)),
    exposure: between(exposureLine(arm.set, signal, arm.versions, step), arm.from, arm.to),
    requests: perEvents ? cut(byDimension(arm, signal.per as string)) : new Map(),
  }
}

function byDimension(arm: Arm, measure: string): ReadonlyMap<string, readonly Cell[]> {
  const all = new Map<string, readonly Cell[]>()
  for (const [dimension, versions] of arm.set.get(measure) ?? []) {
    const cells = arm.versions.flatMap((version) => versions.get(version) ?? [])
    if (cells.length > 0)
      all.set(
        dimension,
        cells.sort((a, b) => a.time - b.time),
      )
  }
  return all
}
