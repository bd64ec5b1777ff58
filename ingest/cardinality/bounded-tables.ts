import { boundOf, isBounded } from '../../schemas/signals/bounded-dimension.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { CellTable, Measure } from '../../schemas/signals/measure.ts'

/** A measure (or exceptions, which two measures count) of a service. */
export interface Bounded {
  readonly measure: string
  readonly service: string
}

/** Where the cells of a table are looked through: how records are counted in it, and who of it is one dimension. */
export const TABLES = {
  signal_1m: { table: 'signal_1h', measure: 'toString(measure)', records: 'sum(cells.count)' },
  counter_1m: { table: 'counter_1m', measure: 'toString(measure)', records: 'count()' },
  histogram_1m: { table: 'histogram_1m', measure: 'toString(measure)', records: 'count()' },
  exception_1m: {
    table: 'exception_1m',
    measure: "'exception'",
    records: 'sum(cells.events) + sum(cells.logs)',
  },
} as const satisfies Partial<Record<CellTable, object>>
type BoundedTable = keyof typeof TABLES

export function boundedMeasures({ measures }: Catalogue, wanted: (measure: Measure) => boolean): Measure[] {
  return [...measures.values()].filter((measure) => isBounded(measure) && wanted(measure))
}

/** @param bound `boundOf` a measure that is bounded */
export function tableOf(catalogue: Catalogue, bound: string) {
  const [measure] = boundedMeasures(catalogue, (one) => boundOf(one) === bound)
  return TABLES[measure?.cells as BoundedTable]
}
