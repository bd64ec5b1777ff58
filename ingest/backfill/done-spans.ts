import type { Store } from '../../schemas/store/client.ts'
import type { Span } from './plan.ts'

/** What a task is known by in the ledger. @param table name of the raw table */
export function keyOf(table: string, measure: string): string {
  return `${table} ${measure}`
}

/** Spans that were counted, by {@link keyOf}. */
export async function doneSpans(store: Store): Promise<ReadonlyMap<string, readonly Span[]>> {
  const rows = await store.query<Span & { source: string; measure: string }>(
    `SELECT source, measure, toUnixTimestamp(from_time) AS \`from\`, toUnixTimestamp(to_time) AS \`to\`, rows
    FROM backfill FINAL ORDER BY from_time, to_time`,
  )
  const done = new Map<string, Span[]>()
  for (const { source, measure, from, to, rows: count } of rows) {
    const key = keyOf(source, measure)
    const spans = done.get(key) ?? []
    spans.push({ from, to, rows: count })
    done.set(key, spans)
  }
  return done
}
