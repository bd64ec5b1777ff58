import type { Catalogue } from '../signals/catalogue.ts'
import type { Source } from '../signals/measure.ts'
import { type RollupView, rollupViews, timeColumn } from '../signals/views.ts'
import type { SourceTable } from '../source/probe.ts'
import type { Store } from './client.ts'

interface LedgerRow {
  name: string
  dropped: boolean
  measure: string
  source: string
  checksum: string
  since: number
}

/**
 * Makes the views of the catalogue on Postflight's tables and on the user's, and drops those that are not in it any more.
 * A view on a table that has rows counts what happens from its cut-over on (`rollup_views.since`); what was before is the backfill's.
 * @param live false: no views that count are made on the user's tables
 * @returns names of the views that were made or dropped
 */
export async function applyViews(
  store: Store,
  catalogue: Catalogue,
  source: readonly SourceTable[],
  live: boolean,
): Promise<string[]> {
  const ledger = await store.query<LedgerRow>(
    'SELECT name, dropped, measure, source, checksum, since FROM rollup_views FINAL',
  )
  const rows = ledger.filter(({ dropped }) => !dropped)
  const had = new Set(ledger.filter(({ dropped }) => dropped).map(({ name }) => name))
  const present = new Map(rows.map((row) => [row.name, row.checksum]))
  const views = rollupViews(catalogue.measures.values(), live ? source : [])
  const names = new Set(views.map((view) => view.name))
  const changed = views.filter((view) => present.get(view.name) !== view.checksum)
  const gone = [...present.keys()].filter((name) => !names.has(name))
  const stale = [...changed.map((view) => view.name).filter((name) => present.has(name)), ...gone]
  const cutOvers = new Map<string, Promise<number>>()
  const sinceOf = async (view: RollupView): Promise<number> => {
    // A measure whose view is made anew, by whatever name, is counted from where it was.
    const known = rows.find(({ measure, source }) => measure === view.measure && source === view.source)
    if (known !== undefined) return known.since
    const table = source.find(({ name }) => name === view.source)
    const kind = table?.kind ?? catalogue.measures.get(view.measure)?.source
    if (kind === undefined) return 0
    const key = table?.name ?? kind
    const cutOver = cutOvers.get(key) ?? cutOverOf(store, kind, table)
    cutOvers.set(key, cutOver)
    const since = await cutOver
    // Its hours of then can be taken away as a whole.
    return had.has(view.name) ? Math.ceil(since / 3600) * 3600 : since
  }
  const made = await Promise.all(changed.map(async (view) => ({ view, since: await sinceOf(view) })))
  // Many at once: made one after another they would be most of a first start.
  await Promise.all(stale.map((name) => store.command(`DROP VIEW IF EXISTS ${name}`)))
  await Promise.all(made.map(({ view, since }) => store.command(view.create(since, store.database))))
  await store.insert('rollup_views', [
    ...made.map(({ view: { name, measure, source, checksum }, since }) => ({
      name,
      measure,
      source,
      checksum,
      since,
    })),
    ...gone.map((name) => ({ name, dropped: true })),
  ])
  await applySourceViews(store, source)
  return [...changed.map((view) => view.name), ...gone]
}

/**
 * The moment (seconds since the epoch) from which a new view counts: later than any row that is there, or under way, has happened, so that nothing is
 * counted twice, by the view and by the backfill, nor by neither. 0 for a table of Postflight's that has no rows: the view takes all.
 */
async function cutOverOf(store: Store, kind: Source, table: SourceTable | undefined): Promise<number> {
  if (table === undefined) {
    const any = await store.query(`SELECT 1 FROM ${kind} LIMIT 1`)
    if (any.length === 0) return 0
  }
  const time = timeColumn(kind)
  const [from, to] = ['now() - INTERVAL 1 HOUR', 'now() + INTERVAL 61 MINUTE']
  const [row] = await store.query<{ since: number }>(
    `SELECT (intDiv(toUnixTimestamp(greatest(now(), toDateTime(max(${time})))), 60) + 2) * 60 AS since
    FROM ${table === undefined ? kind : table.from(table.within(from, to))} WHERE ${time} >= ${from} AND ${time} < ${to}`,
  )
  return row?.since ?? 0
}

/** Of a user's table, as ours of the same kind: what examples in reports, and people, read. */
export function sourceView(kind: Source): string {
  return `source_${kind}`
}

async function applySourceViews(store: Store, source: readonly SourceTable[]): Promise<void> {
  const rows = await store.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'source\\_otel\\_%'",
  )
  const kinds = new Set(source.map(({ kind }) => kind))
  const wanted = new Set([...kinds].map(sourceView))
  for (const { name } of rows) if (!wanted.has(name)) await store.command(`DROP VIEW IF EXISTS ${name}`)
  for (const kind of kinds) {
    const parts = source
      .filter((table) => table.kind === kind)
      .map((table) => `SELECT * FROM ${table.from()}`)
    await store.command(`CREATE OR REPLACE VIEW ${sourceView(kind)} AS ${parts.join(' UNION ALL ')}`)
  }
}
