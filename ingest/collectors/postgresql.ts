import pg from 'pg'
import type { DatabaseTarget } from '../../schemas/collectors.ts'
import { readSecret } from '../../schemas/secret.ts'
import { dialectOf } from '../statements/dialect.ts'
import { normalizeStatement } from '../statements/normalize.ts'
import { CollectError, type Collector, type Round } from './collector.ts'
import { type AccountFindings, MOST_CONNECTIONS, tlsOf } from './database-settings.ts'
import { type Attributes, type Metric, type NumberPoint, single } from './metric.ts'
import { Sections } from './sections.ts'
import { type Increase, increased, TopIncreases } from './top-increases.ts'

/** Statements and tables that are told by themselves. */
const MOST_STATEMENTS = 100
const MOST_TABLES = 50
/** Characters: each row of a statement has its text. */
const LONGEST_TEXT = 2_000
/** Sizes are dear to read and move slowly. */
const SIZES_EVERY = 300_000
/** Older ones have no pg_read_all_stats (10) and other columns in pg_stat_statements (13). */
const OLDEST = 13

const DATABASE = `SELECT numbackends::float8 AS backends, xact_commit::float8 AS commits, xact_rollback::float8 AS rollbacks,
    blks_read::float8 AS blocks_read, blks_hit::float8 AS blocks_hit, deadlocks::float8 AS deadlocks,
    temp_files::float8 AS temp_files, temp_bytes::float8 AS temp_bytes,
    tup_fetched::float8 AS fetched, tup_returned::float8 AS returned, tup_inserted::float8 AS inserted,
    tup_updated::float8 AS updated, tup_deleted::float8 AS deleted,
    extract(epoch FROM stats_reset)::float8 * 1000 AS reset,
    current_setting('max_connections')::float8 AS most_connections
  FROM pg_stat_database WHERE datname = current_database()`

const SESSIONS = `SELECT coalesce(state, 'unknown') AS state, count(*)::float8 AS sessions,
    (count(*) FILTER (WHERE wait_event_type = 'Lock'))::float8 AS waiting,
    coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 AS longest
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  GROUP BY 1`

const LOCKS = `SELECT l.mode, l.locktype, count(*)::float8 AS locks
  FROM pg_locks l
  WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()
  GROUP BY 1, 2`

const EXTENSION = `SELECT quote_ident(n.nspname) AS schema
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`

// Without texts: those are read from a file, for new statements only.
const STATEMENTS = (
  schema: string,
) => `SELECT queryid::text AS id, sum(total_exec_time)::float8 / 1000 AS seconds,
    sum(calls)::float8 AS calls, sum(rows)::float8 AS rows, sum(shared_blks_read)::float8 AS blocks
  FROM ${schema}.pg_stat_statements(false)
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
    AND userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
  GROUP BY 1`
const TEXTS = (schema: string) => `SELECT DISTINCT ON (queryid) queryid::text AS id, query
  FROM ${schema}.pg_stat_statements WHERE queryid = ANY($1::bigint[])`

// Chosen by the planner's page counts, which cost nothing; sizes are read of those only.
const TABLES = `SELECT s.schemaname AS schema, s.relname AS name, pg_table_size(s.relid)::float8 AS size,
    pg_indexes_size(s.relid)::float8 AS indexes, s.n_live_tup::float8 AS live, s.n_dead_tup::float8 AS dead,
    s.seq_scan::float8 AS scans
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  ORDER BY c.relpages DESC, s.relid LIMIT ${MOST_TABLES}`

const REPLICAS = `SELECT coalesce(nullif(application_name, ''), host(client_addr), 'local') AS client,
    pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS bytes,
    coalesce(extract(epoch FROM write_lag), 0)::float8 AS write, coalesce(extract(epoch FROM flush_lag), 0)::float8 AS flush,
    coalesce(extract(epoch FROM replay_lag), 0)::float8 AS replay
  FROM pg_stat_replication WHERE replay_lsn IS NOT NULL`
// With nothing to replay the newest replayed transaction only gets older.
const REPLAY = `SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END::float8 AS replay`

type Row = Record<string, number | string | null>
type Ask = <T = Row>(sql: string, values?: unknown[]) => Promise<T[]>

/** Reads one database of a PostgreSQL server, by one connection a round that reads only and gives up early. */
export function postgresqlCollector(target: DatabaseTarget, warn: (message: string) => void): Collector {
  return new PostgresqlCollector(target, warn)
}

class PostgresqlCollector implements Collector {
  readonly kind = 'postgresql'
  readonly target: string
  readonly resource: Attributes
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  readonly #settings: DatabaseTarget
  readonly #warn: (message: string) => void
  readonly #statements = new TopIncreases(MOST_STATEMENTS)
  readonly #lockKinds = new Set<string>()
  #texts = new Map<string, string>()
  #blocks: { readonly read: number; readonly hit: number } | undefined
  #sizedAt = Number.NEGATIVE_INFINITY
  #firstSeen: number | undefined

  constructor(settings: DatabaseTarget, warn: (message: string) => void) {
    this.#settings = settings
    this.#warn = warn
    this.target = `${settings.host}:${settings.port}/${settings.database}`
    this.intervalSeconds = settings.intervalSeconds
    this.timeoutSeconds = settings.timeoutSeconds
    this.resource = {
      'service.name': settings.name,
      'service.instance.id': `${settings.host}:${settings.port}`,
      'deployment.environment.name': settings.environment,
      'db.system.name': 'postgresql',
      'postgresql.database.name': settings.database,
    }
  }

  async collect({ time, signal }: Round) {
    return await withConnection(this.#settings, signal, async (ask, version) => {
      this.#firstSeen ??= time
      const sections = new Sections(isRefusal)
      const [standby] = await ask<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
      await sections.read('database', () => this.#database(ask))
      await sections.read('sessions', () => sessions(ask))
      await sections.read('locks', () => this.#locks(ask))
      await sections.read('statements', () => this.#statementMetrics(ask, time))
      await sections.read('replication', () => replication(ask, standby?.standby === true))
      if (time - this.#sizedAt >= SIZES_EVERY) {
        await sections.read('tables', async () => {
          const metrics = await tables(ask)
          this.#sizedAt = time
          return metrics
        })
      }
      const metrics = sections.finish()
      this.#warn(
        sections.problems.length === 0 ? '' : `Not all of ${this.target}: ${sections.problems.join('; ')}`,
      )
      return [{ resource: { ...this.resource, 'service.version': version }, metrics }]
    })
  }

  async #database(ask: Ask): Promise<readonly Metric[]> {
    const [row] = await ask<Record<string, number | null>>(DATABASE)
    if (row === undefined) throw new CollectError(`there is no database ${this.#settings.database}`)
    const start = row['reset'] ?? this.#firstSeen
    const count = (
      name: string,
      unit: string,
      value: number | null | undefined,
      attributes: Attributes = {},
    ) => counter(name, unit, [{ attributes, value: value ?? 0, ...(start === undefined ? {} : { start }) }])
    const [read, hit] = [row['blocks_read'] ?? 0, row['blocks_hit'] ?? 0]
    const before = this.#blocks
    this.#blocks = { read, hit }
    const misses = before === undefined ? 0 : increased(before.read, read)
    const hits = before === undefined ? 0 : increased(before.hit, hit)
    const operations = Object.entries({
      ins: row['inserted'],
      upd: row['updated'],
      del: row['deleted'],
    }).map(([operation, value]) => ({
      attributes: { operation },
      value: value ?? 0,
      ...(start === undefined ? {} : { start }),
    }))
    return [
      count('postgresql.commits', '{transaction}', row['commits']),
      count('postgresql.rollbacks', '{transaction}', row['rollbacks']),
      count('postgresql.deadlocks', '{deadlock}', row['deadlocks']),
      count('postgresql.blks_read', '{block}', read),
      count('postgresql.blks_hit', '{block}', hit),
      count('postgresql.temp_files', '{file}', row['temp_files']),
      count('postgresql.temp.io', 'By', row['temp_bytes']),
      count('postgresql.tup_fetched', '{row}', row['fetched']),
      count('postgresql.tup_returned', '{row}', row['returned']),
      counter('postgresql.operations', '{operation}', operations),
      ...single('gauge', 'postgresql.connection.max', '{connection}', row['most_connections']),
      ...single('gauge', 'postgresql.cache_hit_ratio', '1', hits / (hits + misses)),
    ]
  }

  async #locks(ask: Ask): Promise<readonly Metric[]> {
    const rows = await ask<{ mode: string; locktype: string; locks: number }>(LOCKS)
    const now = new Map(rows.map((row) => [JSON.stringify([row.mode, row.locktype]), row.locks]))
    for (const kind of now.keys()) this.#lockKinds.add(kind)
    // What nobody holds now is a zero, else its average would be that of its busy moments.
    const points = [...this.#lockKinds].map((kind) => {
      const [mode = '', lock_type = ''] = JSON.parse(kind) as string[]
      return { attributes: { mode, lock_type }, value: now.get(kind) ?? 0 }
    })
    return [{ kind: 'gauge', name: 'postgresql.database.locks', unit: '{lock}', points }]
  }

  async #statementMetrics(ask: Ask, time: number): Promise<readonly Metric[]> {
    const [extension] = await ask<{ schema: string }>(EXTENSION)
    if (extension === undefined) throw new CollectError('the extension pg_stat_statements is missing')
    const rows = await ask<{ id: string; seconds: number; calls: number; rows: number; blocks: number }>(
      STATEMENTS(extension.schema),
    )
    const items = new Map(rows.map((row) => [row.id, [row.seconds, row.calls, row.rows, row.blocks]]))
    const { top, all } = this.#statements.round(items, time)
    const unknown = top.flatMap(({ key }) => (key === undefined || this.#texts.has(key) ? [] : [key]))
    const found =
      unknown.length === 0 ? [] : await ask<{ id: string; query: string }>(TEXTS(extension.schema), [unknown])
    const kept = new Set(top.map(({ key }) => key))
    this.#texts = new Map([
      ...[...this.#texts].filter(([id]) => kept.has(id)),
      ...found.map(({ id, query }) => [id, statementText(query, 'postgresql')] as const),
    ])
    const attributesOf = (key: string) => ({
      'db.query.text': this.#texts.get(key) ?? '',
      'postgresql.queryid': key,
    })
    return [
      ...statementMetrics(top, attributesOf, [
        ['postgresql.statement.time', 's'],
        ['postgresql.statement.calls', '{call}'],
        ['postgresql.statement.rows', '{row}'],
        ['postgresql.statement.shared_blks_read', '{block}'],
      ]),
      ...(all === undefined ? [] : [totalMetric('postgresql.statement.total_time', 's', all)]),
    ]
  }
}

/** As the statements of spans are stored, so that both have one name: PostgreSQL keeps the literals of commands such as ALTER ROLE. */
export function statementText(text: string, system: 'postgresql' | 'mysql'): string {
  return normalizeStatement(text, dialectOf(system)).slice(0, LONGEST_TEXT)
}

/** Counters of statements; a stream begins with a zero, so that its first growth is known. */
export function statementMetrics(
  top: readonly Increase[],
  attributesOf: (key: string) => Attributes,
  fields: readonly (readonly [name: string, unit: string, attributes?: Attributes])[],
): readonly Metric[] {
  return fields.map(([name, unit, more], at) =>
    counter(
      name,
      unit,
      top.flatMap((increase) => {
        const { key } = increase
        const own = key === undefined ? { 'db.query.text': '(other)' } : attributesOf(key)
        return pointsOf(increase, at, { ...own, ...more })
      }),
    ),
  )
}

/** The first of the values of all statements together: one stream, whichever of them are told by themselves. */
export function totalMetric(name: string, unit: string, all: Increase): Metric {
  return counter(name, unit, pointsOf(all, 0, {}))
}

function pointsOf({ since, entered, sums }: Increase, at: number, attributes: Attributes): NumberPoint[] {
  const point = { attributes, start: since, value: sums[at] ?? 0 }
  return entered ? [{ ...point, value: 0, time: since }, point] : [point]
}

function counter(name: string, unit: string, points: readonly NumberPoint[]): Metric {
  return { kind: 'counter', name, unit, points }
}

async function sessions(ask: Ask): Promise<readonly Metric[]> {
  const rows = await ask<{ state: string; sessions: number; waiting: number; longest: number }>(SESSIONS)
  // Of these there is always a number, though it be zero.
  const counts = new Map([
    ...STATES.map((state) => [state, 0] as const),
    ...rows.map((row) => [row.state, row.sessions] as const),
  ])
  return [
    {
      kind: 'level',
      name: 'postgresql.backends',
      unit: '{connection}',
      points: [...counts].map(([state, value]) => ({ attributes: { state }, value })),
    },
    ...single('gauge', 'postgresql.locks.waiting', '{session}', sum(rows.map(({ waiting }) => waiting))),
    ...single(
      'gauge',
      'postgresql.transaction.max_duration',
      's',
      Math.max(0, ...rows.map(({ longest }) => longest)),
    ),
  ]
}

const STATES = ['active', 'idle', 'idle in transaction']

async function tables(ask: Ask): Promise<readonly Metric[]> {
  const rows = await ask<
    { schema: string; name: string } & Record<'size' | 'indexes' | 'live' | 'dead' | 'scans', number>
  >(TABLES)
  const [size] = await ask<{ size: number }>('SELECT pg_database_size(current_database())::float8 AS size')
  const of = (row: { schema: string; name: string }) => ({
    'postgresql.table.name': `${row.schema}.${row.name}`,
  })
  const level = (name: string, value: (row: (typeof rows)[number]) => number): Metric => ({
    kind: 'level',
    name,
    unit: 'By',
    points: rows.map((row) => ({ attributes: of(row), value: value(row) })),
  })
  return [
    ...single('level', 'postgresql.db_size', 'By', size?.size),
    level('postgresql.table.size', (row) => row.size),
    level('postgresql.index.size', (row) => row.indexes),
    {
      kind: 'level',
      name: 'postgresql.rows',
      unit: '{row}',
      points: rows.flatMap((row) => [
        { attributes: { ...of(row), state: 'live' }, value: row.live },
        { attributes: { ...of(row), state: 'dead' }, value: row.dead },
      ]),
    },
    counter(
      'postgresql.sequential_scans',
      '{sequential_scan}',
      rows.map((row) => ({ attributes: of(row), value: row.scans })),
    ),
  ]
}

async function replication(ask: Ask, standby: boolean): Promise<readonly Metric[]> {
  if (standby) {
    const [row] = await ask<{ replay: number }>(REPLAY)
    return single('gauge', 'postgresql.wal.delay', 's', row?.replay, { operation: 'replay' })
  }
  const rows = await ask<{ client: string } & Record<'bytes' | 'write' | 'flush' | 'replay', number>>(
    REPLICAS,
  )
  if (rows.length === 0) return []
  const of = (row: { client: string }) => ({ replication_client: row.client })
  return [
    {
      kind: 'gauge',
      name: 'postgresql.replication.data_delay',
      unit: 'By',
      points: rows.map((row) => ({ attributes: of(row), value: row.bytes })),
    },
    {
      kind: 'gauge',
      name: 'postgresql.wal.delay',
      unit: 's',
      points: rows.flatMap((row) =>
        (['write', 'flush', 'replay'] as const).map((operation) => ({
          attributes: { ...of(row), operation },
          value: row[operation],
        })),
      ),
    },
  ]
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}

/** The server refused one statement (a code of SQLSTATE) and has not ended the connection (class 57P). */
function isRefusal(error: unknown): boolean {
  const code = error instanceof pg.DatabaseError ? error.code : undefined
  return code !== undefined && !code.startsWith('57P') && !code.startsWith('08')
}

/** @throws CollectError if the server is too old; as pg's client */
async function withConnection<T>(
  settings: DatabaseTarget,
  signal: AbortSignal,
  work: (ask: Ask, version: string) => Promise<T>,
): Promise<T> {
  const milliseconds = settings.timeoutSeconds * 1000
  const client = new pg.Client({
    host: settings.host,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    password: await readSecret(settings.password, settings.passwordFile),
    ssl: await tlsOf(settings),
    application_name: 'postflight',
    connectionTimeoutMillis: milliseconds,
    statement_timeout: milliseconds / 2,
    query_timeout: milliseconds,
    // Never in the queue behind an ALTER TABLE, where others would wait behind us.
    lock_timeout: 100,
    options: '-c default_transaction_read_only=on',
  })
  // Told by the query that it hits; without a listener it would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
    const ask: Ask = async <R>(sql: string, values?: unknown[]) => {
      signal.throwIfAborted()
      return (await client.query(sql, values)).rows as R[]
    }
    const [server] = await ask<{ version: string }>("SELECT current_setting('server_version') AS version")
    const version = server?.version.split(' ')[0] ?? ''
    if (Number.parseInt(version, 10) < OLDEST)
      throw new CollectError(`PostgreSQL ${version}: ${OLDEST} or newer is needed`)
    return await work(ask, version)
  } finally {
    await client.end().catch(() => {})
  }
}

/** What an account needs and nothing more, as statements for an administrator. */
export function postgresqlGrants(settings: DatabaseTarget): readonly string[] {
  const role = pg.escapeIdentifier(settings.user)
  return [
    `CREATE ROLE ${role} LOGIN PASSWORD '...' CONNECTION LIMIT ${MOST_CONNECTIONS};`,
    `GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(settings.database)} TO ${role};`,
    `GRANT pg_read_all_stats TO ${role};`,
    // With shared_preload_libraries = 'pg_stat_statements' in postgresql.conf.
    'CREATE EXTENSION IF NOT EXISTS pg_stat_statements;',
  ]
}

/** What the account lacks, or has too much of. @throws if it cannot connect */
export async function checkPostgresql(settings: DatabaseTarget): Promise<AccountFindings> {
  const signal = AbortSignal.timeout(settings.timeoutSeconds * 1000)
  const [, , stats = '', extension = ''] = postgresqlGrants(settings)
  return await withConnection(settings, signal, async (ask, version) => {
    const [role] = await ask<{ stats: boolean; super: boolean }>(
      `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS stats, rolsuper AS super
      FROM pg_roles WHERE rolname = current_user`,
    )
    const [installed] = await ask<{ schema: string }>(EXTENSION)
    const loaded =
      installed !== undefined &&
      (await ask(`SELECT 1 FROM ${installed.schema}.pg_stat_statements(false) LIMIT 1`).then(
        () => true,
        () => false,
      ))
    const lacking = []
    if (role?.super === true) {
      const sql = `ALTER ROLE ${pg.escapeIdentifier(settings.user)} NOSUPERUSER; ${stats}`
      lacking.push({ what: 'the account is a superuser: it needs no such power', sql })
    }
    if (role?.stats !== true)
      lacking.push({ what: 'it cannot see the statements and sessions of others', sql: stats })
    if (installed === undefined) lacking.push({ what: 'pg_stat_statements is not installed', sql: extension })
    else if (!loaded) {
      const sql = "shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, and a restart"
      lacking.push({ what: 'pg_stat_statements is not loaded', sql })
    }
    return { version, lacking }
  })
}
