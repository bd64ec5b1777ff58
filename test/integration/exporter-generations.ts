import type { Store } from '../../schemas/store/client.ts'

/** Tables as some version of the Collector's ClickHouse exporter makes them. */
export interface Generation {
  readonly name: string
  /** Statements for a database of its own; `{db}` stands for it. */
  readonly tables: readonly string[]
  /** Column lists of theirs to SQL over our own raw table of the kind: the same telemetry, as that version would have written it. */
  readonly copies: readonly {
    readonly table: string
    readonly from: string
    readonly columns: Readonly<Record<string, string>>
  }[]
}

const MAP = 'Map(LowCardinality(String), String)'
const EXEMPLARS = `Exemplars Nested (FilteredAttributes ${MAP}, TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String)`
const LINKS = `Links Nested (TraceId String, SpanId String, TraceState String, Attributes ${MAP})`

function logs(
  options: { number?: string; more?: string; map?: string; settings: string } & { eventName?: boolean },
): string {
  const map = options.map ?? MAP
  return `CREATE TABLE {db}.otel_logs (Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)), TraceId String, SpanId String, TraceFlags ${options.number ?? 'UInt8'},
    SeverityText LowCardinality(String), SeverityNumber ${options.number ?? 'UInt8'}, ServiceName LowCardinality(String), Body String,
    ResourceSchemaUrl LowCardinality(String), ResourceAttributes ${map}, ScopeSchemaUrl LowCardinality(String), ScopeName String, ScopeVersion LowCardinality(String),
    ScopeAttributes ${map}, LogAttributes ${map}${options.eventName === false ? '' : ', EventName String'}${options.more ?? ''}) ENGINE = MergeTree ${options.settings}`
}

function traces(options: { duration: string; scopes: boolean; map?: string }): string {
  const map = options.map ?? MAP
  return `CREATE TABLE {db}.otel_traces (Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, TraceState String, SpanName LowCardinality(String),
    SpanKind LowCardinality(String), ServiceName LowCardinality(String), ResourceAttributes ${map}, ${options.scopes ? 'ScopeName String, ScopeVersion String, ' : ''}
    SpanAttributes ${map}, Duration ${options.duration}, StatusCode LowCardinality(String), StatusMessage String,
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes ${map}), ${LINKS})
    ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp)) SETTINGS ttl_only_drop_parts = 1`
}

function metric(
  table: string,
  own: string,
  options: { time: string; name?: string; order?: string },
): string {
  return `CREATE TABLE {db}.${table} (ResourceAttributes ${MAP}, ResourceSchemaUrl String, ScopeName String, ScopeVersion String, ScopeAttributes ${MAP},
    ScopeDroppedAttrCount UInt32, ScopeSchemaUrl String, ServiceName LowCardinality(String), MetricName ${options.name ?? 'String'}, MetricDescription String, MetricUnit String,
    Attributes ${MAP}, StartTimeUnix ${options.time}, TimeUnix ${options.time}, ${own})
    ENGINE = MergeTree PARTITION BY toDate(TimeUnix) ORDER BY ${options.order ?? '(ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))'}`
}

function metrics(
  options: { time: string; name?: string; order?: string },
  names: { exponential: string; temporality?: string },
): string[] {
  const temporality = names.temporality ?? 'AggregationTemporality'
  return [
    metric('otel_metrics_gauge', `Value Float64, Flags UInt32, ${EXEMPLARS}`, options),
    metric(
      'otel_metrics_sum',
      `Value Float64, Flags UInt32, ${EXEMPLARS}, ${temporality} Int32, IsMonotonic Boolean`,
      options,
    ),
    metric(
      'otel_metrics_histogram',
      `Count UInt64, Sum Float64, BucketCounts Array(UInt64), ExplicitBounds Array(Float64), ${EXEMPLARS}, Flags UInt32, Min Float64, Max Float64, ${temporality} Int32`,
      options,
    ),
    metric(
      names.exponential,
      `Count UInt64, Sum Float64, Scale Int32, ZeroCount UInt64, PositiveOffset Int32, PositiveBucketCounts Array(UInt64), NegativeOffset Int32,
      NegativeBucketCounts Array(UInt64), ${EXEMPLARS}, Flags UInt32, Min Float64, Max Float64, ${temporality} Int32`,
      options,
    ),
    metric(
      'otel_metrics_summary',
      'Count UInt64, Sum Float64, ValueAtQuantiles Nested (Quantile Float64, Value Float64), Flags UInt32',
      options,
    ),
  ]
}

type Columns = Record<string, string>
const same = (...names: string[]): Columns => Object.fromEntries(names.map((name) => [name, name]))
const LOG = same(
  'Timestamp',
  'TraceId',
  'SpanId',
  'TraceFlags',
  'SeverityText',
  'SeverityNumber',
  'ServiceName',
  'Body',
  'ResourceAttributes',
  'LogAttributes',
)
const SPAN = {
  ...same(
    'Timestamp',
    'TraceId',
    'SpanId',
    'ParentSpanId',
    'TraceState',
    'SpanName',
    'SpanKind',
    'ServiceName',
    'ResourceAttributes',
    'SpanAttributes',
    'Duration',
    'StatusCode',
  ),
  ...same('Events.Timestamp', 'Events.Name', 'Events.Attributes'),
}
const POINT = same(
  'ResourceAttributes',
  'ScopeName',
  'ServiceName',
  'MetricName',
  'MetricUnit',
  'Attributes',
  'StartTimeUnix',
  'TimeUnix',
  'Flags',
)
const SUM = { ...POINT, ...same('Value', 'IsMonotonic') }
const HISTOGRAM = { ...POINT, ...same('Count', 'Sum', 'BucketCounts', 'ExplicitBounds') }
const EXPONENTIAL = {
  ...POINT,
  ...same(
    'Count',
    'Sum',
    'Scale',
    'ZeroCount',
    'PositiveOffset',
    'PositiveBucketCounts',
    'NegativeOffset',
    'NegativeBucketCounts',
  ),
}

function copies(change: {
  log?: Columns
  span?: Columns
  point?: Columns
  temporality?: string
  exponential: string
}): Generation['copies'] {
  const temporality = { [change.temporality ?? 'AggregationTemporality']: 'AggregationTemporality' }
  const { log, span, point, exponential } = change
  return [
    { table: 'otel_logs', from: 'otel_logs', columns: { ...LOG, ...log } },
    { table: 'otel_traces', from: 'otel_traces', columns: { ...SPAN, ...span } },
    {
      table: 'otel_metrics_gauge',
      from: 'otel_metrics_gauge',
      columns: { ...POINT, Value: 'Value', ...point },
    },
    { table: 'otel_metrics_sum', from: 'otel_metrics_sum', columns: { ...SUM, ...temporality, ...point } },
    {
      table: 'otel_metrics_histogram',
      from: 'otel_metrics_histogram',
      columns: { ...HISTOGRAM, ...temporality, ...point },
    },
    {
      table: exponential,
      from: 'otel_metrics_exponential_histogram',
      columns: { ...EXPONENTIAL, ...temporality, ...point },
    },
  ]
}

/** Until December 2024 the keys of maps came in random order. */
const unsorted = (map: string) =>
  `CAST(arrayShuffle(CAST(${map}, 'Array(Tuple(LowCardinality(String), String))')), '${MAP}')`
const OLD_LOGS = `PARTITION BY toDate(TimestampTime) PRIMARY KEY (ServiceName, TimestampTime) ORDER BY (ServiceName, TimestampTime, Timestamp)`
const NEW_LOGS = `PARTITION BY toDate(Timestamp) ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)`
const materialized = (prefix: string) =>
  ['k8s.pod.name', 'deployment.environment.name']
    .map((key) => `, \`${prefix}${key}\` LowCardinality(String) MATERIALIZED ResourceAttributes['${key}']`)
    .join('')
const TIMESTAMP_TIME = ', TimestampTime DateTime DEFAULT toDateTime(Timestamp)'
const WHOLE = {
  time: 'DateTime',
  name: 'LowCardinality(String)',
  order: '(ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)',
}

/** Every generation that is in the field. */
export const GENERATIONS: readonly Generation[] = [
  {
    name: 'early',
    tables: [
      logs({
        number: 'Int32',
        eventName: false,
        settings:
          'PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SeverityText, toUnixTimestamp(Timestamp), TraceId)',
      }),
      traces({ duration: 'Int64', scopes: false }),
      ...metrics(
        { time: 'DateTime64(9)' },
        { exponential: 'otel_metrics_exponential_histogram', temporality: 'AggTemp' },
      ),
    ],
    copies: copies({
      span: {
        SpanKind: "concat('SPAN_KIND_', upper(SpanKind))",
        StatusCode: "concat('STATUS_CODE_', upper(StatusCode))",
        SpanAttributes: unsorted('SpanAttributes'),
      },
      point: { Attributes: unsorted('Attributes'), ResourceAttributes: unsorted('ResourceAttributes') },
      temporality: 'AggTemp',
      exponential: 'otel_metrics_exponential_histogram',
    }),
  },
  {
    name: 'until_v0150',
    tables: [
      logs({ more: TIMESTAMP_TIME, settings: OLD_LOGS }),
      traces({ duration: 'UInt64', scopes: true }),
      ...metrics({ time: 'DateTime64(9)' }, { exponential: 'otel_metrics_exp_histogram' }),
    ],
    copies: copies({ exponential: 'otel_metrics_exp_histogram' }),
  },
  {
    name: 'v0160',
    tables: [
      logs({ more: materialized('__otel_materialized_'), settings: NEW_LOGS }),
      traces({ duration: 'UInt64', scopes: true }),
      ...metrics(WHOLE, { exponential: 'otel_metrics_exponential_histogram' }),
    ],
    copies: copies({
      point: { StartTimeUnix: 'toDateTime(StartTimeUnix)', TimeUnix: 'toDateTime(TimeUnix)' },
      exponential: 'otel_metrics_exponential_histogram',
    }),
  },
  {
    name: 'clickstack',
    tables: [
      logs({ more: TIMESTAMP_TIME + materialized('__hdx_materialized_'), settings: OLD_LOGS }),
      traces({ duration: 'UInt64', scopes: true }).replace(
        'StatusMessage String,',
        "StatusMessage String, `__hdx_materialized_rum.sessionId` String MATERIALIZED ResourceAttributes['rum.sessionId'],",
      ),
      ...metrics({ time: 'DateTime64(9)' }, { exponential: 'otel_metrics_exponential_histogram' }),
    ],
    copies: copies({ exponential: 'otel_metrics_exponential_histogram' }),
  },
  {
    name: 'json',
    tables: [
      logs({
        map: 'JSON',
        more: ', ResourceAttributesKeys Array(LowCardinality(String)), LogAttributesKeys Array(LowCardinality(String))',
        settings: NEW_LOGS,
      }),
      traces({ duration: 'UInt64', scopes: true, map: 'JSON' }),
      ...metrics(WHOLE, { exponential: 'otel_metrics_exponential_histogram' }),
    ],
    copies: copies({
      log: {
        ResourceAttributes: "CAST(toJSONString(ResourceAttributes), 'JSON')",
        LogAttributes: "CAST(toJSONString(LogAttributes), 'JSON')",
      },
      span: {
        ResourceAttributes: "CAST(toJSONString(ResourceAttributes), 'JSON')",
        SpanAttributes: "CAST(toJSONString(SpanAttributes), 'JSON')",
        'Events.Attributes':
          "arrayMap(attributes -> CAST(toJSONString(attributes), 'JSON'), `Events.Attributes`)",
      },
      point: { StartTimeUnix: 'toDateTime(StartTimeUnix)', TimeUnix: 'toDateTime(TimeUnix)' },
      exponential: 'otel_metrics_exponential_histogram',
    }),
  },
]

/** A database with the generation's tables. */
export async function makeTables(store: Store, { name, tables }: Generation): Promise<void> {
  await store.command(`CREATE DATABASE ${name}`)
  for (const statement of tables) await store.command(statement.replaceAll('{db}', name))
}

/** Writes Postflight's own raw rows of a span of time into the generation's tables. @param from, to seconds since the epoch */
export async function copyRows(
  store: Store,
  { name, copies: list }: Generation,
  from: number,
  to: number,
): Promise<void> {
  for (const { table, from: own, columns } of list) {
    const time = own === 'otel_logs' || own === 'otel_traces' ? 'Timestamp' : 'TimeUnix'
    await store.command(
      `INSERT INTO ${name}.${table} (${Object.keys(columns)
        .map((column) => `\`${column}\``)
        .join(', ')})
      SELECT ${Object.values(columns)
        .map((sql) => (/^[\w.]+$/.test(sql) ? `own.\`${sql}\`` : sql))
        .join(
          ', ',
        )} FROM ${own} AS own WHERE own.${time} >= toDateTime({from:UInt32}) AND own.${time} < toDateTime({to:UInt32})`,
      { from, to },
    )
  }
}
