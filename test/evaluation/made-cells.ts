import type { Cell } from '../../schemas/cell.ts'

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
