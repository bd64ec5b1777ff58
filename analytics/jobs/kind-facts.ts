import type { Verdict } from '../../schemas/contracts/report.ts'
import { readKind, titleSql } from '../../schemas/exception-kind.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { kindFact } from '../compare/new-kind.ts'
import type { SeriesComparison } from './compare-signals.ts'

/** Series of which something is known for certain: see the contract's `fact`. */
export type Facts = ReadonlyMap<SeriesComparison, NonNullable<Verdict['fact']>>

/**
 * Kinds of events (exceptions, messages) that came, came back or went with a deployment. The error is shared by all kinds of a
 * report, so that one of a hundred rare messages is not called gone by chance.
 * @param before seconds: what was seen earlier than this is not new but back
 * @param alpha error over all kinds of the report
 */
export async function kindFacts(
  store: Store,
  comparisons: readonly SeriesComparison[],
  of: { readonly service: string; readonly environment: string },
  before: number,
  alpha: number,
): Promise<Facts> {
  const kinds = comparisons.filter(({ signal, dimension }) => signal.newKinds === true && dimension !== '')
  const found = new Map<SeriesComparison, NonNullable<Verdict['fact']>>()
  for (const kind of kinds) {
    const { kind: fact } = kindFact({
      before: kind.before.cells,
      after: kind.after.cells,
      exposure: { before: kind.before.exposure, after: kind.after.exposure },
      seenEarlier: false,
      alpha: alpha / kinds.length,
    })
    if (fact === 'new' || fact === 'gone') found.set(kind, fact)
  }
  const appeared = [...found].filter(([, fact]) => fact === 'new').map(([kind]) => kind)
  if (appeared.length === 0) return found
  const earlier = await seenEarlier(store, appeared, of, before)
  appeared.forEach((kind, at) => {
    if (earlier[at] === true) found.set(kind, 'resurfaced')
  })
  return found
}

/** Whether kinds of events had been seen before a moment (seconds), in their order. */
export async function seenEarlier(
  store: Store,
  kinds: readonly { readonly signal: Signal; readonly dimension: string }[],
  of: { readonly service: string; readonly environment: string },
  before: number,
): Promise<readonly boolean[]> {
  const rows = await store.query<{ measure: string; dimension: string }>(
    `SELECT DISTINCT measure, dimension FROM signal_1h
    WHERE service = {service:String} AND environment = {environment:String} AND has({measures:Array(String)}, measure)
      AND has({dimensions:Array(String)}, dimension) AND time < toDateTime({before:UInt32})
    UNION DISTINCT
    SELECT 'exception.span_event' AS measure, dimension FROM exception_kind
    WHERE service = {service:String} AND environment = {environment:String} AND has({measures:Array(String)}, measure)
      AND (has({dimensions:Array(String)}, dimension) OR has({titles:Array(String)}, ${titleSql('dimension')}))
      AND first_time < toDateTime({before:UInt32})`,
    {
      ...of,
      measures: [...new Set(kinds.flatMap(({ signal }) => signal.measures))],
      dimensions: kinds.map(({ dimension }) => dimension),
      titles: kinds.map(({ dimension }) => readKind(dimension).title),
      // Whole hours that were over by then.
      before: Math.max(0, Math.floor(before / 3600) * 3600),
    },
  )
  return kinds.map((kind) =>
    rows.some(
      ({ measure, dimension }) =>
        kind.signal.measures.includes(measure) &&
        (dimension === kind.dimension ||
          (kind.signal.dimension === 'exception' && isRenamed(dimension, kind.dimension))),
    ),
  )
}

/** True if another version of the fingerprints had this name for exceptions that say the same. */
function isRenamed(name: string, as: string): boolean {
  const [a, b] = [readKind(name), readKind(as)]
  return a.version !== b.version && a.title === b.title
}
