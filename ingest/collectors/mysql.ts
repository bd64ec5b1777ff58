import { isIP } from 'node:net'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import type { DatabaseTarget } from '../../schemas/collectors.ts'
import { readSecret } from '../../schemas/secret.ts'
import { CollectError, type Collector, type Round } from './collector.ts'
import { type AccountFindings, MOST_CONNECTIONS, tlsOf } from './database-settings.ts'
import { type Attributes, type Metric, type NumberPoint, single } from './metric.ts'
import { statementMetrics, statementText, totalMetric } from './postgresql.ts'
import { Sections } from './sections.ts'
import { increased, TopIncreases } from './top-increases.ts'

/** Statements and tables that are told by themselves. */
const MOST_STATEMENTS = 100
const MOST_TABLES = 50
/** InnoDB renews these figures itself when a tenth of a table has changed. */
const SIZES_EVERY = 300_000

/** Statements without a schema are mostly our own; without texts, which are read for new statements only. */
const DIGESTS = `SELECT SCHEMA_NAME AS \`schema\`, DIGEST AS digest, SUM_TIMER_WAIT / 1000 AS nanos, COUNT_STAR AS calls,
    SUM_ROWS_EXAMINED AS examined, SUM_ROWS_SENT AS sent, SUM_ERRORS AS errors
  FROM performance_schema.events_statements_summary_by_digest
  WHERE DIGEST IS NOT NULL AND SCHEMA_NAME IS NOT NULL
    AND SCHEMA_NAME NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')
    AND (? = '' OR SCHEMA_NAME = ?)`
const TEXTS = `SELECT DIGEST AS digest, MAX(DIGEST_TEXT) AS text
  FROM performance_schema.events_statements_summary_by_digest WHERE DIGEST IN (?) GROUP BY DIGEST`

const TABLES = `SELECT database_name AS \`schema\`, table_name AS name,
    SUM(IF(index_name IN ('PRIMARY', 'GEN_CLUST_INDEX'), stat_value, 0)) * @@innodb_page_size AS data,
    SUM(IF(index_name IN ('PRIMARY', 'GEN_CLUST_INDEX'), 0, stat_value)) * @@innodb_page_size AS indexes
  FROM mysql.innodb_index_stats
  WHERE stat_name = 'size' AND database_name NOT IN ('mysql', 'sys') AND (? = '' OR database_name = ?)
  GROUP BY database_name, table_name
  ORDER BY SUM(stat_value) DESC LIMIT ${MOST_TABLES}`

/** Metadata and table locks; those of rows are counted by InnoDB. */
const WAITING = (from: string) =>
  `SELECT COUNT(*) AS waiting FROM ${from} WHERE STATE LIKE 'Waiting for%lock%'`

type Row = Readonly<Record<string, unknown>>
type Ask = (sql: string, values?: readonly unknown[]) => Promise<readonly Row[]>

interface Server {
  readonly mariadb: boolean
  readonly version: string
}

/** Reads a MySQL or MariaDB server, by one connection a round that reads only and gives up early. */
export function mysqlCollector(target: DatabaseTarget, warn: (message: string) => void): Collector {
  return new MysqlCollector(target, warn)
}

class MysqlCollector implements Collector {
  readonly kind = 'mysql'
  readonly target: string
  readonly resource: Attributes
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  readonly #settings: DatabaseTarget
  readonly #warn: (message: string) => void
  readonly #statements = new TopIncreases(MOST_STATEMENTS)
  #texts = new Map<string, string>()
  #reads: { readonly all: number; readonly disk: number } | undefined
  #sizedAt = Number.NEGATIVE_INFINITY

  constructor(settings: DatabaseTarget, warn: (message: string) => void) {
    this.#settings = settings
    this.#warn = warn
    this.target = `${settings.host}:${settings.port}${settings.database === '' ? '' : `/${settings.database}`}`
    this.intervalSeconds = settings.intervalSeconds
    this.timeoutSeconds = settings.timeoutSeconds
    this.resource = {
      'service.name': settings.name,
      'service.instance.id': `${settings.host}:${settings.port}`,
      'deployment.environment.name': settings.environment,
      'mysql.instance.endpoint': `${settings.host}:${settings.port}`,
    }
  }

  async collect({ time, signal }: Round) {
    return await withConnection(this.#settings, signal, async (ask, server) => {
      const sections = new Sections(isRefusal)
      const status = new Map(
        (await ask('SHOW GLOBAL STATUS')).map((row) => [String(row['Variable_name']), Number(row['Value'])]),
      )
      await sections.read('status', async () => this.#status(status, time))
      await sections.read('locks', () => locks(ask, server, status, time))
      await sections.read('connections', async () => {
        const [row] = await ask('SELECT @@max_connections AS most')
        return single('gauge', 'mysql.connection.max', '{connection}', Number(row?.['most']))
      })
      await sections.read('statements', () => this.#statementMetrics(ask, time))
      await sections.read('replication', () => replication(ask, server))
      if (time - this.#sizedAt >= SIZES_EVERY) {
        await sections.read('tables', async () => {
          const metrics = await this.#tables(ask)
          this.#sizedAt = time
          return metrics
        })
      }
      const metrics = sections.finish()
      this.#warn(
        sections.problems.length === 0 ? '' : `Not all of ${this.target}: ${sections.problems.join('; ')}`,
      )
      const system = { 'db.system.name': server.mariadb ? 'mariadb' : 'mysql' }
      return [{ resource: { ...this.resource, ...system, 'service.version': server.version }, metrics }]
    })
  }

  #status(status: ReadonlyMap<string, number>, time: number): readonly Metric[] {
    const start = startOf(status, time)
    const of = (name: string) => status.get(name)
    const points = (kinds: Readonly<Record<string, string>>, attribute: string): NumberPoint[] =>
      Object.entries(kinds).flatMap(([kind, name]) => {
        const value = of(name)
        return value === undefined ? [] : [{ attributes: { [attribute]: kind }, value, start }]
      })
    const [all, disk] = [of('Innodb_buffer_pool_read_requests') ?? 0, of('Innodb_buffer_pool_reads') ?? 0]
    const before = this.#reads
    this.#reads = { all, disk }
    const asked = before === undefined ? 0 : increased(before.all, all)
    const missed = before === undefined ? 0 : increased(before.disk, disk)
    return [
      {
        kind: 'level',
        name: 'mysql.threads',
        unit: '1',
        points: points(
          { connected: 'Threads_connected', running: 'Threads_running', cached: 'Threads_cached' },
          'kind',
        ),
      },
      counter('mysql.connection.count', '1', [{ attributes: {}, value: of('Connections') ?? 0, start }]),
      counter(
        'mysql.connection.errors',
        '1',
        points({ aborted: 'Aborted_connects', aborted_clients: 'Aborted_clients' }, 'error'),
      ),
      counter('mysql.query.count', '1', [{ attributes: {}, value: of('Queries') ?? 0, start }]),
      counter('mysql.query.slow.count', '1', [{ attributes: {}, value: of('Slow_queries') ?? 0, start }]),
      counter(
        'mysql.buffer_pool.operations',
        '1',
        points(
          { read_requests: 'Innodb_buffer_pool_read_requests', reads: 'Innodb_buffer_pool_reads' },
          'operation',
        ),
      ),
      ...single('gauge', 'mysql.cache_hit_ratio', '1', (asked - missed) / asked),
      counter(
        'mysql.row_locks',
        '1',
        points({ waits: 'Innodb_row_lock_waits', time: 'Innodb_row_lock_time' }, 'kind'),
      ),
      counter(
        'mysql.locks',
        '1',
        points({ immediate: 'Table_locks_immediate', waited: 'Table_locks_waited' }, 'kind'),
      ),
      counter(
        'mysql.row_operations',
        '1',
        points(
          {
            read: 'Innodb_rows_read',
            inserted: 'Innodb_rows_inserted',
            updated: 'Innodb_rows_updated',
            deleted: 'Innodb_rows_deleted',
          },
          'operation',
        ),
      ),
      counter(
        'mysql.tmp_resources',
        '1',
        points({ disk_tables: 'Created_tmp_disk_tables', tables: 'Created_tmp_tables' }, 'resource'),
      ),
    ]
  }

  async #statementMetrics(ask: Ask, time: number): Promise<readonly Metric[]> {
    const [schema] = await ask('SELECT @@performance_schema AS there')
    if (Number(schema?.['there']) !== 1) throw new CollectError('performance_schema is off')
    const { database } = this.#settings
    const rows = await ask(DIGESTS, [database, database])
    const items = new Map(
      rows.map((row) => [
        JSON.stringify([row['schema'], row['digest']]),
        ['nanos', 'calls', 'examined', 'sent', 'errors'].map((field) => Number(row[field])),
      ]),
    )
    const { top, all } = this.#statements.round(items, time)
    const kept = new Set(top.flatMap(({ key }) => (key === undefined ? [] : [partsOf(key)[1]])))
    const unknown = [...kept].filter((digest) => !this.#texts.has(digest))
    const found = unknown.length === 0 ? [] : await ask(TEXTS, [unknown])
    this.#texts = new Map([
      ...[...this.#texts].filter(([digest]) => kept.has(digest)),
      ...found.map((row) => [String(row['digest']), statementText(String(row['text']), 'mysql')] as const),
    ])
    const attributesOf = (key: string) => {
      const [name, digest] = partsOf(key)
      return { schema: name, digest, digest_text: this.#texts.get(digest) ?? '' }
    }
    const made = statementMetrics(top, attributesOf, [
      ['mysql.statement_event.wait.time', 'ns'],
      ['mysql.statement_event.count', '1', { kind: 'calls' }],
      ['mysql.statement_event.count', '1', { kind: 'rows_examined' }],
      ['mysql.statement_event.count', '1', { kind: 'rows_sent' }],
      ['mysql.statement_event.count', '1', { kind: 'errors' }],
    ])
    return all === undefined
      ? made
      : [...made, totalMetric('mysql.statement_event.total_wait.time', 'ns', all)]
  }

  async #tables(ask: Ask): Promise<readonly Metric[]> {
    const { database } = this.#settings
    const rows = await ask(TABLES, [database, database])
    const points = rows.flatMap((row) => {
      const attributes = { schema: String(row['schema']), table: String(row['name']) }
      return [
        { attributes: { ...attributes, kind: 'data' }, value: Number(row['data']) },
        { attributes: { ...attributes, kind: 'index' }, value: Number(row['indexes']) },
      ]
    })
    return [{ kind: 'level', name: 'mysql.table.size', unit: 'By', points }]
  }
}

function partsOf(key: string): readonly [schema: string, digest: string] {
  return JSON.parse(key) as [string, string]
}

/** @returns milliseconds since 1970: when the server started */
function startOf(status: ReadonlyMap<string, number>, time: number): number {
  // In whole seconds, and the same at each round: a second more or less would be another stream.
  const start = Math.round((time - (status.get('Uptime') ?? 0) * 1000) / 10_000) * 10_000
  return Math.min(start, time)
}

function counter(name: string, unit: string, points: readonly NumberPoint[]): Metric {
  return { kind: 'counter', name, unit, points }
}

async function locks(
  ask: Ask,
  server: Server,
  status: ReadonlyMap<string, number>,
  time: number,
): Promise<readonly Metric[]> {
  const [row] = await ask(
    WAITING(server.mariadb ? 'information_schema.PROCESSLIST' : 'performance_schema.processlist'),
  )
  const waiting = Number(row?.['waiting']) + (status.get('Innodb_row_lock_current_waits') ?? 0)
  let deadlocks = status.get('Innodb_deadlocks')
  if (deadlocks === undefined) {
    const [metric] = await ask(
      "SELECT COUNT AS count FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks'",
    )
    deadlocks = metric === undefined ? undefined : Number(metric['count'])
  }
  const start = startOf(status, time)
  return [
    ...single('gauge', 'mysql.locks.waiting', '{session}', waiting),
    ...(deadlocks === undefined
      ? []
      : [counter('mysql.deadlocks', '{deadlock}', [{ attributes: {}, value: deadlocks, start }])]),
  ]
}

async function replication(ask: Ask, server: Server): Promise<readonly Metric[]> {
  const rows = await ask(server.mariadb ? 'SHOW ALL SLAVES STATUS' : 'SHOW REPLICA STATUS')
  const points = rows.flatMap((row): NumberPoint[] => {
    const behind = row['Seconds_Behind_Source'] ?? row['Seconds_Behind_Master']
    const channel = String(row['Channel_Name'] ?? row['Connection_name'] ?? '')
    // Null: it does not run.
    return behind === null || behind === undefined ? [] : [{ attributes: { channel }, value: Number(behind) }]
  })
  return points.length === 0
    ? []
    : [{ kind: 'level', name: 'mysql.replica.time_behind_source', unit: 's', points }]
}

/** The server refused one statement and goes on. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { sqlState, fatal } = error as { sqlState?: string; fatal?: boolean }
  return sqlState !== undefined && fatal !== true
}

async function withConnection<T>(
  settings: DatabaseTarget,
  signal: AbortSignal,
  work: (ask: Ask, server: Server) => Promise<T>,
): Promise<T> {
  const milliseconds = settings.timeoutSeconds * 1000
  const tls = await tlsOf(settings)
  if (tls !== false && tls.rejectUnauthorized && isIP(settings.host) !== 0) {
    const instead = `give the server by its name, which its certificate has, or set tls: unverified`
    throw new CollectError(`The client cannot check the certificate of an address: ${instead}`)
  }
  const connection: Connection = await mysql.createConnection({
    ...(settings.host.startsWith('/')
      ? { socketPath: settings.host }
      : { host: settings.host, port: settings.port }),
    user: settings.user,
    password: await readSecret(settings.password, settings.passwordFile),
    // Left to itself the client believes a certificate of any name.
    ...(tls === false ? {} : { ssl: { ...tls, verifyIdentity: tls.rejectUnauthorized } }),
    connectTimeout: milliseconds,
    supportBigNumbers: true,
    connectAttributes: { program_name: 'postflight' },
  })
  // Told by the query that it hits; without a listener it would end the process.
  connection.on('error', () => {})
  const abort = () => connection.destroy()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const ask: Ask = async (sql, values = []) => {
      signal.throwIfAborted()
      const [rows] = await connection.query<RowDataPacket[]>({
        sql,
        values: [...values],
        timeout: milliseconds,
      })
      return rows
    }
    const [row] = await ask('SELECT VERSION() AS version')
    const told = String(row?.['version'])
    const server = { mariadb: /mariadb/i.test(told), version: told.split('-')[0] ?? told }
    // Never in the queue behind an ALTER TABLE, where others would wait behind us.
    await ask('SET SESSION TRANSACTION READ ONLY')
    await ask('SET SESSION lock_wait_timeout = 1')
    await ask(
      server.mariadb
        ? `SET SESSION max_statement_time = ${settings.timeoutSeconds / 2}`
        : `SET SESSION max_execution_time = ${milliseconds / 2}`,
    )
    return await work(ask, server)
  } finally {
    signal.removeEventListener('abort', abort)
    await connection.end().catch(() => connection.destroy())
  }
}

/** What an account needs and nothing more, as statements for an administrator. @param mariadb undefined where it is not known */
export function mysqlGrants(settings: DatabaseTarget, mariadb?: boolean): readonly string[] {
  const account = `${mysql.escape(settings.user)}@'%'`
  return [
    `CREATE USER ${account} IDENTIFIED BY '...' WITH MAX_USER_CONNECTIONS ${MOST_CONNECTIONS};`,
    `GRANT PROCESS ON *.* TO ${account};`,
    ...(mariadb === true
      ? []
      : [`GRANT REPLICATION CLIENT ON *.* TO ${account};${mariadb === false ? '' : ' -- MySQL'}`]),
    ...(mariadb === false
      ? []
      : [`GRANT REPLICA MONITOR ON *.* TO ${account};${mariadb ? '' : ' -- MariaDB'}`]),
    `GRANT SELECT ON performance_schema.* TO ${account};`,
    `GRANT SELECT ON mysql.innodb_index_stats TO ${account};`,
  ]
}

/** What the account lacks. @throws if it cannot connect */
export async function checkMysql(settings: DatabaseTarget): Promise<AccountFindings> {
  const signal = AbortSignal.timeout(settings.timeoutSeconds * 1000)
  return await withConnection(settings, signal, async (ask, server) => {
    const grants = mysqlGrants(settings, server.mariadb)
    const [, process = '', replica = '', performance = '', sizes = ''] = grants
    const lacking: { what: string; sql: string }[] = []
    const refused = async (sql: string) =>
      await ask(sql).then(
        () => false,
        (error: unknown) => {
          if (!isRefusal(error)) throw error
          return true
        },
      )
    const checks = [
      [
        'it cannot see what InnoDB does',
        process,
        'SELECT COUNT FROM information_schema.INNODB_METRICS LIMIT 1',
      ],
      [
        'it cannot see replication',
        replica,
        server.mariadb ? 'SHOW ALL SLAVES STATUS' : 'SHOW REPLICA STATUS',
      ],
      [
        'it cannot see statements',
        performance,
        'SELECT 1 FROM performance_schema.events_statements_summary_by_digest LIMIT 1',
      ],
      ['it cannot see the sizes of tables', sizes, 'SELECT 1 FROM mysql.innodb_index_stats LIMIT 1'],
    ] as const
    for (const [what, sql, probe] of checks) if (await refused(probe)) lacking.push({ what, sql })
    const [schema] = await ask('SELECT @@performance_schema AS there')
    if (Number(schema?.['there']) !== 1)
      lacking.push({
        what: 'performance_schema is off: there are no statements',
        sql: "performance_schema = ON under [mysqld] in the server's settings, and a restart",
      })
    return { version: `${server.mariadb ? 'MariaDB' : 'MySQL'} ${server.version}`, lacking }
  })
}
