import type { Config } from '../config.ts'
import { PostflightError } from '../errors.ts'
import type { Source } from '../signals/measure.ts'
import type { Store } from '../store/client.ts'
import { COLUMNS } from './columns.ts'

/** A telemetry table that another program fills, read as ours of the same kind. */
export interface SourceTable {
  /** The table of ours that it is read as. */
  readonly kind: Source
  /** `database.table` */
  readonly name: string
  /** Which generation of the Collector's exporter made it, as far as its columns tell. */
  readonly generation: string
  /** SQL for FROM, as a subquery with our columns. @param where Boolean SQL over the table's own columns, as `theirs.<column>` */
  from(where?: string): string
  /** Boolean SQL for {@link from}: rows of a span of time, so that partitions outside are not read. @param from, to DateTime SQL */
  within(from: string, to: string): string
}

/** The names that the exporter gives its tables. */
const NAMES: Readonly<Record<Source, readonly string[]>> = {
  otel_logs: ['otel_logs'],
  otel_traces: ['otel_traces'],
  otel_metrics_gauge: ['otel_metrics_gauge'],
  otel_metrics_sum: ['otel_metrics_sum'],
  otel_metrics_histogram: ['otel_metrics_histogram'],
  // Its README has the second, its code the first.
  otel_metrics_exponential_histogram: ['otel_metrics_exponential_histogram', 'otel_metrics_exp_histogram'],
  otel_metrics_summary: ['otel_metrics_summary'],
}

interface Column {
  table: string
  name: string
  type: string
}

/**
 * The tables that `clickhouse.source` names, with how each is read.
 * @returns none without a setting
 * @throws PostflightError SOURCE_UNREADABLE: which table and column, what was expected, what was got
 */
export async function probeSource(
  store: Store,
  source: Config['clickhouse']['source'],
): Promise<readonly SourceTable[]> {
  if (source.database === '') return []
  const { database } = source
  const tables = await store.query<{ name: string; engine: string }>(
    'SELECT name, engine FROM system.tables WHERE database = {database:String}',
    { database },
  )
  if (tables.length === 0) {
    throw new PostflightError('SOURCE_UNREADABLE', `There are no tables in the database ${database}.`, {
      hint: 'clickhouse.source.database names the database that your Collector writes to; is it right, and may the user of clickhouse.user read it?',
      details: { database },
    })
  }
  const engines = new Map(tables.map(({ name, engine }) => [name, engine]))
  const found = (Object.keys(NAMES) as Source[]).flatMap((kind) => {
    const named = source.tables[kind]
    if (named !== undefined && !engines.has(named)) throw missingTable(database, named, kind)
    const names = named === undefined ? NAMES[kind] : [named]
    // Both names of one kind: one of them is left from before.
    return names.filter((name) => engines.has(name)).map((name) => ({ kind, name }))
  })
  if (found.length === 0) throw missingTable(database, 'otel_*', 'otel_logs')
  for (const { name } of found) {
    const engine = engines.get(name) ?? ''
    // Rows that come into a view or a remote table set off no view of ours.
    if (!/MergeTree$/.test(engine))
      throw unreadable(database, name, 'engine', 'a table of the MergeTree family', engine)
  }
  const columns = await store.query<Column>(
    `SELECT table, name, type FROM system.columns
    WHERE database = {database:String} AND has({tables:Array(String)}, table)`,
    { database, tables: found.map(({ name }) => name) },
  )
  return found.map(({ kind, name }) =>
    readAs(
      kind,
      database,
      name,
      columns.filter(({ table }) => table === name),
    ),
  )
}

function readAs(kind: Source, database: string, table: string, columns: readonly Column[]): SourceTable {
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  const selected = COLUMNS[kind].map((rule) => {
    const name = [rule.name, ...(rule.formerly ?? [])].find((candidate) => types.has(candidate))
    const type = name === undefined ? undefined : types.get(name)
    const sql =
      name === undefined || type === undefined ? rule.missing : rule.read(`theirs.\`${name}\``, type)
    if (sql === undefined)
      throw unreadable(database, table, rule.name, rule.expected, type ?? 'no such column')
    return `${sql} AS \`${rule.name}\``
  })
  const own = kind === 'otel_logs' || kind === 'otel_traces' ? 'Timestamp' : 'TimeUnix'
  return {
    kind,
    name: `${database}.${table}`,
    generation: generationOf(kind, types),
    from: (where) =>
      `(SELECT ${selected.join(', ')} FROM ${database}.\`${table}\` AS theirs${where === undefined ? '' : ` WHERE ${where}`})`,
    // Logs until v0.150 are partitioned and sorted by the whole second.
    within: (from, to) =>
      (types.has('TimestampTime') ? [own, 'TimestampTime'] : [own])
        .map((column) => `theirs.${column} >= ${from} AND theirs.${column} < ${to}`)
        .join(' AND '),
  }
}

function generationOf(kind: Source, types: ReadonlyMap<string, string>): string {
  const json = [...types.values()].some((type) => /^(Array\()?JSON\b/.test(type))
    ? ', attributes as JSON'
    : ''
  const clickStack = [...types.keys()].some((name) => name.startsWith('__hdx_')) ? ', ClickStack' : ''
  switch (kind) {
    case 'otel_logs': {
      const base = types.has('TimestampTime')
        ? types.has('EventName')
          ? 'until v0.150'
          : 'early, without EventName'
        : 'v0.151 or later'
      return base + clickStack + json
    }
    case 'otel_traces':
      return (
        (types.get('Duration') === 'Int64'
          ? `early, Duration as Int64${types.has('ScopeName') ? '' : ', without scopes'}`
          : 'Duration as UInt64') +
        clickStack +
        json
      )
    default:
      return (
        (types.get('TimeUnix')?.startsWith('DateTime64') === true
          ? 'until v0.159, times in nanoseconds'
          : 'v0.160 or later, times in whole seconds') + json
      )
  }
}

function missingTable(database: string, table: string, kind: Source): PostflightError {
  return new PostflightError('SOURCE_UNREADABLE', `There is no table ${table} in the database ${database}.`, {
    hint: `clickhouse.source.tables names tables that are not called as the Collector's exporter does by default, such as { ${kind}: my_table }.`,
    details: { database, table },
  })
}

function unreadable(
  database: string,
  table: string,
  column: string,
  expected: string,
  got: string,
): PostflightError {
  return new PostflightError(
    'SOURCE_UNREADABLE',
    `${database}.${table}, ${column}: expected ${expected}, got ${got}.`,
    {
      hint: 'Postflight reads tables as the OpenTelemetry Collector’s ClickHouse exporter makes them, of any version. Name another table by clickhouse.source.tables, or leave clickhouse.source.database empty.',
      details: { database, table, column, expected, got },
    },
  )
}
