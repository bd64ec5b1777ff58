import { sha256 } from '../sha256.ts'
import type { Catalogue } from '../signals/catalogue.ts'
import type { Source } from '../signals/measure.ts'
import { type Counted, rollupViews, timeColumn } from '../signals/views.ts'
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
 * Makes the views of the catalogue on Postflight's tables and on the user's, and drops those that are not in it any more. Only views whose definition
 * changed are made anew: each has the checksum of it as its comment.
 * A measure of a table that has rows is counted from its cut-over on (`rollup_views.since`); what was before is the backfill's.
 * @param live false: no views that count are made on the user's tables
 * @returns names of the views that were made or dropped
 */
export async function applyViews(
  store: Store,
  catalogue: Catalogue,
  source: readonly SourceTable[],
  live: boolean,
): Promise<string[]> {
  const views = rollupViews(catalogue.measures.values(), live ? source : [])
  const since = await applyLedger(
    store,
    source,
    views.flatMap(({ counts }) => counts),
  )
  const wanted = new Map(
    views.map((view) => {
      const select = view.select((counted) => since.get(counted) ?? 0, store.database)
      return [view.name, { select, cells: view.counts[0]?.measure.cells, checksum: sha256(select) }]
    }),
  )
  const present = new Map((await presentViews(store)).map(({ name, comment }) => [name, comment]))
  const stale = [...present].filter(([name, checksum]) => wanted.get(name)?.checksum !== checksum)
  const made = [...wanted].filter(([name, { checksum }]) => present.get(name) !== checksum)
  // Many at once: made one after another they would be most of a first start.
  await Promise.all(stale.map(([name]) => store.command(`DROP VIEW IF EXISTS ${name}`)))
  await Promise.all(
    made.map(([name, { select, cells, checksum }]) =>
      store.command(
        `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} TO ${cells} AS\n${select}\nCOMMENT '${checksum}'`,
      ),
    ),
  )
  await applySourceViews(store, source)
  return [...new Set([...made, ...stale].map(([name]) => name))]
}

/** The views that this or another version has made of measures: those of hours are the migrations'. */
function presentViews(store: Store): Promise<{ name: string; comment: string }[]> {
  return store.query(
    `SELECT name, comment FROM system.tables
    WHERE database = currentDatabase() AND engine = 'MaterializedView' AND match(name, '^(signal_1m|counter_1m|histogram_1m|session|exception_1m)_mv_')`,
  )
}

/** Writes down what is counted, before any view counts it. @returns from when on each measure is, seconds since the epoch */
async function applyLedger(
  store: Store,
  source: readonly SourceTable[],
  wanted: readonly Counted[],
): Promise<ReadonlyMap<Counted, number>> {
  const ledger = await store.query<LedgerRow>(
    'SELECT name, dropped, measure, source, checksum, since FROM rollup_views FINAL',
  )
  const rows = ledger.filter(({ dropped }) => !dropped)
  const had = new Set(ledger.filter(({ dropped }) => dropped).map(({ name }) => name))
  const cutOvers = new Map<string, Promise<number>>()
  const sinceOf = async (counted: Counted): Promise<number> => {
    // A measure that is counted anew, by whatever name, is counted from where it was.
    const known = rows.find((row) => row.measure === counted.measure.id && row.source === counted.source)
    if (known !== undefined) return known.since
    const table = source.find(({ name }) => name === counted.source)
    const kind = table?.kind ?? counted.measure.source
    const key = table?.name ?? kind
    const cutOver = cutOvers.get(key) ?? cutOverOf(store, kind, table)
    cutOvers.set(key, cutOver)
    const since = await cutOver
    // Its hours of then can be taken away as a whole.
    return had.has(counted.name) ? Math.ceil(since / 3600) * 3600 : since
  }
  const since = new Map(
    await Promise.all(wanted.map(async (counted) => [counted, await sinceOf(counted)] as const)),
  )
  const names = new Set(wanted.map(({ name }) => name))
  const checksums = new Map(rows.map((row) => [row.name, row.checksum]))
  await store.insert('rollup_views', [
    ...[...since]
      .filter(([{ name, checksum }]) => checksums.get(name) !== checksum)
      .map(([{ name, measure, source, checksum }, since]) => ({
        name,
        measure: measure.id,
        source,
        checksum,
        since,
      })),
    ...rows.filter(({ name }) => !names.has(name)).map(({ name }) => ({ name, dropped: true })),
  ])
  return since
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
