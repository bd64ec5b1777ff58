import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { CellTable } from '../../schemas/signals/measure.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { type Alternatives, alternativesOf } from './one-source.ts'

/** What is read for some signals. */
export interface MeasuresRead {
  /** Those of a table. */
  in(this: void, table: CellTable): string[]
  /** Measures of which one source is taken (one-source.ts). */
  readonly alternatives: Alternatives
  /** Measures that no signal breaks down, and are added up where they are read. */
  readonly flat: string[]
}

/** Every measure that the signals read, with those of their denominators. */
function measuresOf(signals: readonly Signal[]): readonly string[] {
  const ids = signals.flatMap((signal) => [
    ...signal.measures,
    ...(signal.per === undefined || signal.per === 'minute' ? [] : [signal.per]),
  ])
  return [...new Set(ids)]
}

/** @param wholes true: nothing is broken down */
export function measuresRead(
  catalogue: Catalogue,
  signals: readonly Signal[],
  wholes: boolean,
): MeasuresRead {
  const asked = measuresOf(signals)
  const alternatives = alternativesOf(catalogue, asked)
  const weights = [...catalogue.measures.values()].flatMap(({ id, weightOf }) =>
    weightOf !== undefined && asked.includes(weightOf) ? [id] : [],
  )
  const measures = [...asked, ...[...alternatives.values()].flat(), ...weights]
  const broken = new Set(
    signals
      .flatMap((signal) => (signal.dimension === undefined ? [] : signal.measures))
      .flatMap((id) => [id, ...(alternatives.get(id) ?? [])]),
  )
  return {
    in: (table) => measures.filter((id) => catalogue.measures.get(id)?.cells === table),
    alternatives,
    flat: wholes ? measures : measures.filter((id) => !broken.has(id)),
  }
}
