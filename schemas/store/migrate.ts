import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { PostflightError } from '../errors.ts'
import { sha256 } from '../sha256.ts'
import type { Catalogue } from '../signals/catalogue.ts'
import type { SourceTable } from '../source/probe.ts'
import { applyViews } from './apply-views.ts'
import type { Store } from './client.ts'
import { fillLookup } from './kept-dimensions.ts'
import { fillInstances } from './kept-instances.ts'

const FOLDER = join(import.meta.dirname, '..', 'migrations')

const LEDGER = `
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3) DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version`

export interface Migration {
  readonly version: number
  readonly name: string
  readonly checksum: string
  readonly statements: readonly string[]
}

export interface MigrationOutcome {
  /** Names of the migrations applied now. */
  readonly applied: readonly string[]
  /** Names of the views made anew because the catalogue changed. */
  readonly views: readonly string[]
}

export interface MigrateOptions {
  readonly migrations?: readonly Migration[]
  /** The user's own tables (`probeSource`). */
  readonly source?: readonly SourceTable[]
  /** False: no rollup views are made on them. */
  readonly live?: boolean
}

/** The numbered `.sql` files, in order. */
export async function readMigrations(folder: string = FOLDER): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name)).sort()
  return await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return {
        version: Number(name.slice(0, 4)),
        name,
        checksum: sha256(text),
        statements: text
          .split(/;\s*$/m)
          .map((statement) => statement.trim())
          .filter((statement) => statement.replaceAll(/^--.*$/gm, '').trim() !== ''),
      }
    }),
  )
}

/**
 * Brings the store to this program's schema: idempotent, and resumable after a crash between any two statements.
 * @throws PostflightError SCHEMA_FOREIGN if another program's telemetry is there, SCHEMA_TOO_NEW if a newer Postflight has been here, MIGRATION_CHANGED if an applied file was edited
 */
export async function migrate(
  store: Store,
  catalogue: Catalogue,
  retention: Config['retention'],
  options: MigrateOptions = {},
): Promise<MigrationOutcome> {
  const known = options.migrations ?? (await readMigrations())
  await refuseForeignTables(store)
  await store.command(LEDGER)
  const done = await store.query<{ version: number; name: string; checksum: string }>(
    'SELECT version, name, checksum FROM schema_migrations FINAL ORDER BY version',
  )
  refuseForeignSchema(known, done)
  const applied: string[] = []
  for (const migration of known.slice(done.length)) {
    for (const statement of migration.statements) await store.command(statement)
    await store.insert('schema_migrations', [
      { version: migration.version, name: migration.name, checksum: migration.checksum },
    ])
    applied.push(migration.name)
  }
  if (options.migrations === undefined) {
    await fillLookup(store)
    await fillInstances(store)
  }
  const views = await applyViews(store, catalogue, options.source ?? [], options.live ?? true)
  await applyRetention(store, retention)
  return { applied, views }
}

/**
 * Telemetry tables that another program made, however empty. Postflight's ledger is older than any of its tables: where there is none, no table is its own.
 */
export async function foreignTables(store: Store): Promise<readonly string[]> {
  const tables = await store.query<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = currentDatabase() AND name LIKE 'otel\\_%'
       AND (SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations') = 0
     ORDER BY name`,
  )
  return tables.map(({ name }) => name)
}

/** What to do about them. */
export const FOREIGN_HINT =
  'Give Postflight a database of its own (--clickhouse.database postflight) and name this one as what it reads: --clickhouse.source.database <this one>.'

/** Columns would be added to such tables, and what is older than the retention deleted. */
async function refuseForeignTables(store: Store): Promise<void> {
  const tables = await foreignTables(store)
  if (tables.length === 0) return
  throw new PostflightError(
    'SCHEMA_FOREIGN',
    `The database has telemetry tables of another program: ${tables.join(', ')}.`,
    { hint: FOREIGN_HINT, details: { tables } },
  )
}

function refuseForeignSchema(
  known: readonly Migration[],
  done: readonly { version: number; name: string; checksum: string }[],
): void {
  const newest = known.at(-1)?.version ?? 0
  const unknown = done.find((row) => row.version > newest)
  if (unknown !== undefined) {
    throw new PostflightError(
      'SCHEMA_TOO_NEW',
      `The store has migration ${unknown.name}, which this Postflight does not know.`,
      {
        hint: 'Start the newer Postflight that made it, or use another data folder or database.',
        details: { found: unknown.version, newestKnown: newest },
      },
    )
  }
  for (const [index, row] of done.entries()) {
    const migration = known[index]
    if (migration === undefined || migration.version !== row.version || migration.checksum !== row.checksum) {
      throw new PostflightError(
        'MIGRATION_CHANGED',
        `Migration ${row.name} is not the one that was applied to this store.`,
        {
          hint: 'Applied migrations are never edited: restore the file and add a new migration instead.',
          details: { version: row.version },
        },
      )
    }
  }
}

/** Table, time column and setting of everything that ages. */
function ageing(
  retention: Config['retention'],
): readonly (readonly [table: string, column: string, days: number])[] {
  const metrics = ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary'] as const
  return [
    ['otel_logs', 'toDateTime(Timestamp)', retention.logs],
    ['otel_traces', 'toDateTime(Timestamp)', retention.traces],
    ...metrics.map((kind) => [`otel_metrics_${kind}`, 'toDateTime(TimeUnix)', retention.metrics] as const),
    ['signal_1m', 'time', retention.minutes],
    ['counter_1m', 'time', retention.minutes],
    ['histogram_1m', 'time', retention.minutes],
    ['exception_1m', 'time', retention.minutes],
    // As long as any row may be counted by it.
    ['kept_dimension', 'day', Math.max(retention.logs, retention.traces, retention.metrics)],
    ['kept_instance', 'day', Math.max(retention.logs, retention.traces, retention.metrics)],
    ['dimension_rest', 'at', retention.minutes],
    ['exception_kind', 'last_time', retention.hours],
    ['session', 'last_time', retention.hours],
    ['signal_1h', 'time', retention.hours],
    ['version_1h', 'time', retention.hours],
    ['log_template', 'toDateTime(last_seen)', retention.hours],
    ['dead_letter', 'toDateTime(received_at)', retention.deadLetter],
  ]
}

async function applyRetention(store: Store, retention: Config['retention']): Promise<void> {
  const rows = await store.query<{ name: string; engine_full: string }>(
    'SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()',
  )
  const engines = new Map(rows.map((row) => [row.name, row.engine_full]))
  for (const [table, column, days] of ageing(retention)) {
    const ttl = `${column} + toIntervalDay(${days})`
    if (engines.get(table)?.includes(`TTL ${ttl}`) === true) continue
    await store.command(
      `ALTER TABLE ${table} MODIFY TTL ${ttl}`,
      {},
      { settings: { materialize_ttl_after_modify: 0 } },
    )
  }
}
