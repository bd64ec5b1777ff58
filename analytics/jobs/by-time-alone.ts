import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { CellSet } from '../queries/cells.ts'
import { mergeCells } from '../queries/merge-cells.ts'

/** The version that all are put under. */
export const ANY_VERSION = ''

/**
 * The cells of all versions as one. A counter that is told only while it is among the top (a statement) is a zero whenever others were told, so
 * that one that a release brings is compared with nothing.
 */
export function byTimeAlone(set: CellSet, catalogue: Catalogue): CellSet {
  return new Map(
    [...set].map(([id, dimensions]) => {
      const merged = new Map(
        [...dimensions].map(
          ([dimension, versions]) => [dimension, mergeCells([...versions.values()])] as const,
        ),
      )
      const counter = catalogue.measures.get(id)?.cells === 'counter_1m'
      const times = counter ? new Set([...merged.values()].flat().map(({ time }) => time)) : new Set<number>()
      const filled = [...merged].map(([dimension, cells]) => {
        const known = new Set(cells.map(({ time }) => time))
        const zeros = [...times].filter((time) => !known.has(time)).map((time) => ({ ...ZERO, time }))
        return [dimension, new Map([[ANY_VERSION, mergeCells([cells, zeros])]])] as const
      })
      return [id, new Map(filled)] as const
    }),
  )
}

const ZERO = { count: 1, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0 }
