import type { Verdict } from '../../schemas/contracts/report.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Measure } from '../../schemas/signals/measure.ts'
import { SERIES_SQL, timeColumn } from '../../schemas/signals/views.ts'
import { sourceView } from '../../schemas/store/apply-views.ts'
import type { Store } from '../../schemas/store/client.ts'

const EXAMPLES = 3
/** Verdicts that examples are fetched for: the top of the page, not the whole of it. */
const MOST_VERDICTS = 12

interface Row {
  trace: string
  nanos: string
  value: number | null
}

/**
 * Traces that show what regressed, fetched on demand from the raw tables: slowest, failed or any of the series, worst first.
 * @param window milliseconds
 */
export async function withExemplars(
  store: Store,
  catalogue: Catalogue,
  verdicts: readonly Verdict[],
  of: { readonly service: string; readonly environment: string; readonly version: string },
  window: { readonly from: number; readonly to: number },
): Promise<readonly Verdict[]> {
  const regressed = verdicts.filter((verdict) => verdict.word === 'regressed').slice(0, MOST_VERDICTS)
  const found = new Map<Verdict, Verdict['exemplars']>()
  await Promise.all(
    regressed.map(async (verdict) =>
      found.set(verdict, await exemplarsOf(store, catalogue, verdict, of, window)),
    ),
  )
  return verdicts.map((verdict) => {
    const exemplars = found.get(verdict)
    return exemplars === undefined ? verdict : { ...verdict, exemplars }
  })
}

/** @param order `worst` first, or the `first` one in time */
export async function exemplarsOf(
  store: Store,
  catalogue: Catalogue,
  verdict: Pick<Verdict, 'signal' | 'kind' | 'dimension'>,
  of: { readonly service: string; readonly environment: string; readonly version: string },
  window: { readonly from: number; readonly to: number },
  order: 'worst' | 'first' = 'worst',
): Promise<Verdict['exemplars']> {
  const read = catalogue.signal(verdict.signal).measures.flatMap((id) => catalogue.measures.get(id) ?? [])
  const theirs = await sourceViews(store)
  for (const { measure, table } of read.flatMap((measure) => tablesOf(measure, theirs))) {
    const time = timeColumn(measure.source)
    const by =
      order === 'first' ? 'nanos' : verdict.kind === 'distribution' ? 'value DESC, nanos DESC' : 'nanos DESC'
    const bad = verdict.kind === 'ratio' && measure.bad !== undefined ? `AND (${measure.bad})` : ''
    // Expressions come from the catalogue, values as parameters: see schemas/signals/measure.ts.
    const rows = await store.query<Row>(
      `SELECT trace, nanos, value FROM (
        SELECT TraceId AS trace, toString(toUnixTimestamp64Nano(${time})) AS nanos,
          ${measure.value === undefined || measure.cells === 'exception_1m' ? "CAST(NULL, 'Nullable(Float64)')" : `toNullable(toFloat64(${measure.value}))`} AS value
        FROM ${table}
        ${measure.arrayJoin === undefined ? '' : `ARRAY JOIN ${measure.arrayJoin}`}
        WHERE ServiceName = {service:String}
          AND ${time} >= fromUnixTimestamp64Milli({from:Int64}) AND ${time} < fromUnixTimestamp64Milli({to:Int64})
          AND ${SERIES_SQL.environment} = {environment:String} AND ${SERIES_SQL.version} = {version:String}
          AND (${measure.selector}) ${bad}
          AND ({dimension:String} = '' OR toString(${measure.dimension}) = {dimension:String})
          AND TraceId != ''
        ORDER BY ${by}
        LIMIT 1 BY trace
        LIMIT ${EXAMPLES}
      )`,
      { ...of, dimension: verdict.dimension, from: window.from, to: window.to },
    )
    if (rows.length === 0) continue
    return rows.map((row) => ({
      traceId: row.trace,
      time: new Date(Number(BigInt(row.nanos) / 1_000_000n)).toISOString(),
      // Of other kinds it would be a span's duration, which is not what the signal measures.
      value: verdict.kind === 'distribution' ? row.value : null,
    }))
  }
  return []
}

/** Where a measure's rows are: in Postflight's table, and in the view on the user's if there is one. */
function tablesOf(measure: Measure, views: ReadonlySet<string>): { measure: Measure; table: string }[] {
  if (measure.source !== 'otel_traces' && measure.source !== 'otel_logs') return []
  if (measure.cells !== 'signal_1m' && measure.cells !== 'exception_1m') return []
  const view = sourceView(measure.source)
  return [measure.source, ...(views.has(view) ? [view] : [])].map((table) => ({ measure, table }))
}

async function sourceViews(store: Store): Promise<ReadonlySet<string>> {
  const rows = await store.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'source\\_otel\\_%'",
  )
  return new Set(rows.map(({ name }) => name))
}
