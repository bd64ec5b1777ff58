import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'

/** A set of cells that is being made: by measure, dimension and version. */
export type GrowingSet = Map<string, Map<string, Map<string, Cell[]>>>

export function addCell(
  set: GrowingSet,
  measure: string,
  dimension: string,
  version: string,
  cell: Cell,
): void {
  const dimensions = set.get(measure) ?? new Map<string, Map<string, Cell[]>>()
  set.set(measure, dimensions)
  const versions = dimensions.get(dimension) ?? new Map<string, Cell[]>()
  dimensions.set(dimension, versions)
  const cells = versions.get(version)
  if (cells === undefined) versions.set(version, [cell])
  else cells.push(cell)
}

/** A cell as the store gives those of long spans: its histogram as a sum of logarithms. */
export function withSumLogs(cell: Cell): Cell {
  let sumLogs = 0
  cell.histogram?.forEach((count, bucket) => {
    sumLogs += count * (bucket - 0.5) * LN_GAMMA
  })
  return { ...cell, sumLogs }
}
