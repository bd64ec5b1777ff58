import { boundOf, historyOf } from '../../schemas/signals/bounded-dimension.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Arithmetic, MutableSeriesSet } from './series-set.ts'

/**
 * Where a dimension was bounded within the time that is read, what came before is put together too, so that all of it is told apart alike.
 * @param sets by service; they are changed
 */
export async function putTogether<Series>(
  store: Store,
  catalogue: Catalogue,
  sets: ReadonlyMap<string, MutableSeriesSet<Series>>,
  span: { readonly from: number; readonly to: number },
  { merge }: Arithmetic<Series>,
): Promise<void> {
  const bounded = [...sets].flatMap(([service, set]) =>
    [...set].flatMap(([id, dimensions]) => {
      const measure = catalogue.measures.get(id)
      return measure === undefined || !dimensions.has(OTHER)
        ? []
        : [{ service, measure: boundOf(measure), dimensions }]
    }),
  )
  if (bounded.length === 0) return
  const rows = await store.query<{ service: string; measure: string; names: string[] }>(
    `SELECT service, measure, groupUniqArray(dimension) AS names FROM kept_dimension
    WHERE service IN ({services:Array(String)}) AND measure IN ({measures:Array(String)})
      AND day >= toDate(toDateTime({from:UInt32}), 'UTC') AND day <= toDate(toDateTime({to:UInt32}), 'UTC')
    GROUP BY service, measure`,
    {
      ...span,
      services: bounded.map(({ service }) => service),
      measures: bounded.flatMap(({ measure }) => [measure, historyOf(measure)]),
    },
  )
  for (const { service, measure, dimensions } of bounded) {
    const names = rows
      .filter((row) => row.service === service && [measure, historyOf(measure)].includes(row.measure))
      .flatMap((row) => row.names)
    // Some measures have a value of that name by themselves.
    if (names.length === 0) continue
    const kept = new Set(names.filter((name) => name !== OTHER))
    const rest = [...dimensions].filter(([dimension]) => !kept.has(dimension))
    const byVersion = Map.groupBy(
      rest.flatMap(([, versions]) => [...versions]),
      ([version]) => version,
    )
    for (const [dimension] of rest) dimensions.delete(dimension)
    const together = (parts: readonly (readonly [string, Series])[]) =>
      merge(parts.map(([, series]) => series))
    dimensions.set(OTHER, new Map([...byVersion].map(([version, parts]) => [version, together(parts)])))
  }
}
