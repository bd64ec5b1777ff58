import type { Cell } from '../../schemas/cell.ts'
import { mergeCells } from './merge-cells.ts'

/** Series by measure, then dimension, then version. */
export type SeriesSet<Series> = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, Series>>>
export type MutableSeriesSet<Series> = Map<string, Map<string, Map<string, Series>>>

/** How series of one form are added up. */
export interface Arithmetic<Series> {
  /** Events of a whole series. */
  count(this: void, series: Series): number
  /** Its values, added up. */
  sum(this: void, series: Series): number
  merge(this: void, parts: readonly Series[]): Series
}

/** Cells, oldest first. */
export type CellSet = SeriesSet<readonly Cell[]>

export const CELLS: Arithmetic<readonly Cell[]> = {
  count: (cells) => cells.reduce((total, { count }) => total + count, 0),
  sum: (cells) => cells.reduce((total, { sum }) => total + sum, 0),
  merge: mergeCells,
}

export function mapSeries<From, To>(set: SeriesSet<From>, change: (series: From) => To): SeriesSet<To> {
  return new Map(
    [...set].map(([measure, dimensions]) => [
      measure,
      new Map(
        [...dimensions].map(([dimension, versions]) => [
          dimension,
          new Map([...versions].map(([version, series]) => [version, change(series)])),
        ]),
      ),
    ]),
  )
}

export function putSeries<Series>(
  set: MutableSeriesSet<Series>,
  at: { readonly measure: string; readonly dimension: string; readonly version: string },
  series: Series,
): void {
  const dimensions = set.get(at.measure) ?? new Map<string, Map<string, Series>>()
  set.set(at.measure, dimensions)
  const versions = dimensions.get(at.dimension) ?? new Map<string, Series>()
  dimensions.set(at.dimension, versions)
  versions.set(at.version, series)
}
