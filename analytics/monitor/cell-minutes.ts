import type { CellSet } from '../queries/series-set.ts'

/** Seconds of all minutes that have cells, of all versions or of one. */
export function timesOf(set: CellSet, version?: string): ReadonlySet<number> {
  const times = new Set<number>()
  for (const dimensions of set.values()) {
    for (const versions of dimensions.values()) {
      for (const [name, cells] of versions) {
        if (version !== undefined && name !== version) continue
        for (const cell of cells) if (cell.count > 0) times.add(cell.time)
      }
    }
  }
  return times
}
