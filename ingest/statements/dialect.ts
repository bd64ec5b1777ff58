/** What the words of a query language look like, as far as literals are concerned. */
export interface Dialect {
  readonly language: 'sql' | 'command' | 'json'
  /** `\` in a text keeps its quote from ending it; undefined: it may or may not. */
  readonly backslash?: boolean
  /** What stands between double quotes. */
  readonly doubleQuotes: 'text' | 'name'
  /** `#` begins a comment. */
  readonly hashComments: boolean
  /** `[...]` is a name. */
  readonly brackets: boolean
}

const SQL = {
  language: 'sql',
  backslash: false,
  doubleQuotes: 'name',
  hashComments: false,
  brackets: false,
} as const
const MYSQL: Dialect = { ...SQL, backslash: true, doubleQuotes: 'text', hashComments: true }
const TEXT_QUOTES: Dialect = { ...SQL, backslash: true, doubleQuotes: 'text' }
const BACKSLASH: Dialect = { ...SQL, backslash: true }
const BRACKETS: Dialect = { ...SQL, brackets: true }
const COMMAND: Dialect = { ...SQL, language: 'command' }
const JSON_LIKE: Dialect = { ...SQL, language: 'json' }
/** Both quotes are taken for those of texts, and what a backslash does is open: too much is removed rather than too little. */
const { backslash: _, ...OPEN } = SQL
const UNKNOWN: Dialect = { ...OPEN, doubleQuotes: 'text' }

/** By `db.system.name`, and by the older `db.system` where it differs. */
const DIALECTS: ReadonlyMap<string, Dialect> = new Map<string, Dialect>([
  ...each(
    ['postgresql', 'cockroachdb', 'redshift', 'aws.redshift', 'sqlite', 'h2database', 'h2', 'db2', 'ibm.db2'],
    SQL,
  ),
  ...each(
    ['oracle', 'oracle.db', 'cassandra', 'trino', 'presto', 'hsqldb', 'derby', 'firebird', 'firebirdsql'],
    SQL,
  ),
  ...each(['mysql', 'mariadb'], MYSQL),
  ...each(['gcp.bigquery', 'gcp.spanner', 'spanner', 'hive', 'spark', 'databricks', 'neo4j'], TEXT_QUOTES),
  ...each(['clickhouse', 'snowflake'], BACKSLASH),
  ...each(['mssql', 'microsoft.sql_server', 'azure.sql'], BRACKETS),
  ...each(['redis', 'valkey', 'memcached', 'aws.elasticache'], COMMAND),
  ...each(
    [
      'mongodb',
      'elasticsearch',
      'opensearch',
      'couchdb',
      'azure.cosmosdb',
      'cosmosdb',
      'aws.dynamodb',
      'dynamodb',
    ],
    JSON_LIKE,
  ),
])

/** @param system a value of `db.system.name` or `db.system`; '' if there is none */
export function dialectOf(system: string): Dialect {
  return DIALECTS.get(system) ?? UNKNOWN
}

function each(systems: readonly string[], dialect: Dialect): [string, Dialect][] {
  return systems.map((system) => [system, dialect])
}
