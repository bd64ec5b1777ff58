import { durationMeasures } from './durations.ts'
import type { Measure } from './measure.ts'
import { missingSpans } from './sampling.ts'
import { conventional, OLDER_METRICS, rpcService } from './semantic-conventions.ts'
import { attribute, firstOf, shortened, template } from './sql.ts'
import { TRAFFIC_RULES, type TrafficRule, trafficSql } from './traffic.ts'

const METHOD = conventional('SpanAttributes', 'http.request.method')
const ROUTE = attribute('SpanAttributes', 'http.route')
const STATUS = `toUInt16OrZero(${conventional('SpanAttributes', 'http.response.status_code')})`
const PEER = firstOf(
  conventional('SpanAttributes', 'server.address'),
  conventional('SpanAttributes', 'service.peer.name'),
  conventional('SpanAttributes', 'messaging.destination.name'),
  rpcService('SpanAttributes'),
)
const DB_SYSTEM = conventional('SpanAttributes', 'db.system.name')
const STATEMENT = conventional('SpanAttributes', 'db.query.text')
const SUMMARY = "SpanAttributes['db.query.summary']"
/** Connecting and waiting for a pool are client spans of a database too, but no queries. */
const IS_QUERY = `${firstOf(STATEMENT, SUMMARY, conventional('SpanAttributes', 'db.operation.name'))} != ''`
/** Ours are normalised when they are taken in; rows of other writers are by the engine, as far as it knows their dialect. */
const STATEMENT_KEY = `multiIf(${SUMMARY} != '', ${SUMMARY}, ${STATEMENT} != '', ${shortened(`normalizeQuery(${STATEMENT})`)}, SpanName)`

/** Rows that other programs stored have no kind: they are told apart by type and message. */
const exceptionKind = (kind: string, map: string) =>
  `if(${kind} != '', toString(${kind}), concat(${map}['exception.type'], if(${map}['exception.message'] = '', '', concat(': ', ${template(`${map}['exception.message']`)}))))`
/** What an event and a log of one exception have in common, whatever else they carry. */
const exceptionSays = (map: string) => `concat(${map}['exception.type'], '\\n', ${map}['exception.message'])`

/** A gauge or an up-down counter, each point a sample. */
function samples(id: string, source: Measure['source'], names: readonly string[], dimension = "''"): Measure {
  const noValue = 'bitAnd(Flags, 1) = 0'
  const upDown = source === 'otel_metrics_sum' ? ' AND NOT IsMonotonic' : ''
  return {
    id,
    source,
    cells: 'signal_1m',
    metrics: names,
    selector: `${noValue}${upDown}`,
    dimension,
    value: 'Value',
    histogram: true,
  }
}

/** A cumulative counter, read back as its increase per second. */
function counter(id: string, names: readonly string[], dimension = "''"): Measure {
  return {
    id,
    source: 'otel_metrics_sum',
    cells: 'counter_1m',
    metrics: names,
    selector: 'IsMonotonic AND AggregationTemporality = 2 AND bitAnd(Flags, 1) = 0',
    dimension,
    value: 'Value',
  }
}

/** Of a database's own statistics: as spans name their statements. */
const SERVER_STATEMENT = shortened(
  `normalizeQuery(${attribute('Attributes', 'db.query.text', 'digest_text')})`,
)

/** The measures of the built-in signals, and those of older names of their metrics. @param rules what is not users' traffic */
export function builtInMeasures(rules: readonly TrafficRule[] = TRAFFIC_RULES): readonly Measure[] {
  return presentMeasures(rules).flatMap((measure) => {
    if (measure.id === 'server.request') return [measure, missingSpans(measure)]
    const older = (measure.metrics ?? []).flatMap((name) => OLDER_METRICS[name] ?? [])
    return older.length === 0 || measure.insteadOf !== undefined
      ? [measure]
      : [measure, { ...measure, id: `${measure.id}.older`, metrics: older, olderNameOf: measure.id }]
  })
}

function presentMeasures(rules: readonly TrafficRule[]): readonly Measure[] {
  return [
    ...durationMeasures(rules),
    {
      id: 'server.request',
      source: 'otel_traces',
      cells: 'signal_1m',
      selector: "SpanKind IN ('Server', 'Consumer', 'SPAN_KIND_SERVER', 'SPAN_KIND_CONSUMER')",
      dimension: `if(${METHOD} = '', SpanName, concat(${METHOD}, ' ', if(${ROUTE} = '', '(no route)', ${ROUTE})))`,
      value: 'Duration / 1e9',
      bad: `StatusCode IN ('Error', 'STATUS_CODE_ERROR') OR ${STATUS} >= 500`,
      histogram: true,
      traffic: trafficSql(rules),
    },
    {
      id: 'client.request',
      source: 'otel_traces',
      cells: 'signal_1m',
      selector: `SpanKind IN ('Client', 'Producer', 'SPAN_KIND_CLIENT', 'SPAN_KIND_PRODUCER') AND ${DB_SYSTEM} = ''`,
      dimension: `if(${PEER} = '', SpanName, ${PEER})`,
      value: 'Duration / 1e9',
      bad: `StatusCode IN ('Error', 'STATUS_CODE_ERROR') OR ${STATUS} >= 500`,
      histogram: true,
    },
    {
      id: 'db.query',
      source: 'otel_traces',
      cells: 'signal_1m',
      selector: `SpanKind IN ('Client', 'SPAN_KIND_CLIENT') AND ${DB_SYSTEM} != '' AND ${IS_QUERY}`,
      dimension: STATEMENT_KEY,
      value: 'Duration / 1e9',
      bad: "StatusCode IN ('Error', 'STATUS_CODE_ERROR')",
      histogram: true,
    },
    {
      id: 'db.rows',
      source: 'otel_traces',
      cells: 'signal_1m',
      selector: `SpanKind IN ('Client', 'SPAN_KIND_CLIENT') AND SpanAttributes['db.response.returned_rows'] != ''`,
      dimension: STATEMENT_KEY,
      value: "toFloat64OrZero(SpanAttributes['db.response.returned_rows'])",
      histogram: true,
    },
    {
      id: 'exception.span_event',
      source: 'otel_traces',
      cells: 'exception_1m',
      arrayJoin: 'Events',
      selector: "Events.Name = 'exception'",
      dimension: exceptionKind('Events.ExceptionKind', 'Events.Attributes'),
      value: exceptionSays('Events.Attributes'),
      bad: `SpanKind IN ('Server', 'Consumer', 'SPAN_KIND_SERVER', 'SPAN_KIND_CONSUMER') OR Events.Attributes['exception.escaped'] = 'true'`,
      // The event's own time, as its log has it; an impossible one, or one more than a day after the span began, gives way to the span's.
      time: 'if(toUnixTimestamp64Nano(Events.Timestamp) - toUnixTimestamp64Nano(Timestamp) BETWEEN 0 AND least(toInt64(Duration), 86400000000000), Events.Timestamp, Timestamp)',
    },
    {
      id: 'exception.log',
      source: 'otel_logs',
      cells: 'exception_1m',
      selector: "LogAttributes['exception.type'] != '' OR ExceptionKind != ''",
      dimension: exceptionKind('ExceptionKind', 'LogAttributes'),
      value: exceptionSays('LogAttributes'),
      bad: 'SeverityNumber >= 21',
    },
    {
      id: 'log.record',
      source: 'otel_logs',
      cells: 'signal_1m',
      selector: '1',
      dimension: "''",
      bad: 'SeverityNumber >= 17',
    },
    {
      id: 'log.fatal',
      source: 'otel_logs',
      cells: 'signal_1m',
      selector: 'SeverityNumber >= 21',
      dimension: "''",
    },
    {
      id: 'log.error',
      source: 'otel_logs',
      cells: 'signal_1m',
      selector: 'SeverityNumber >= 17',
      dimension: "''",
    },
    {
      id: 'log.template',
      source: 'otel_logs',
      cells: 'signal_1m',
      selector: "Template != '' OR (SeverityNumber >= 13 AND Body != '')",
      // Rows of other writers have none.
      dimension: `if(Template != '', ${shortened('Template')}, ${template('Body')})`,
    },
    {
      id: 'session',
      source: 'otel_traces',
      cells: 'session',
      selector: "SpanAttributes['session.id'] != ''",
      dimension: "''",
      value: "SpanAttributes['session.id']",
      bad: "has(Events.Name, 'exception') AND StatusCode = 'Error'",
    },
    {
      id: 'user',
      source: 'otel_traces',
      cells: 'session',
      selector: "SpanAttributes['user.id'] != ''",
      dimension: "''",
      value: "SpanAttributes['user.id']",
      bad: "has(Events.Name, 'exception') AND StatusCode = 'Error'",
    },
    samples(
      'db.connections.used',
      'otel_metrics_sum',
      ['db.client.connection.count'],
      conventional('Attributes', 'db.client.connection.state'),
    ),
    samples('db.connections.pending', 'otel_metrics_sum', ['db.client.connection.pending_requests']),
    counter('db.deadlocks', ['postgresql.deadlocks', 'mysql.deadlocks']),
    samples(
      'db.locks',
      'otel_metrics_gauge',
      ['postgresql.database.locks', 'mysql.locks'],
      "Attributes['mode']",
    ),
    samples('db.cache_hit_ratio', 'otel_metrics_gauge', [
      'postgresql.cache_hit_ratio',
      'mysql.cache_hit_ratio',
    ]),
    {
      ...counter('db.statement.total_time', [
        'postgresql.statement.total_time',
        'mysql.statement_event.total_wait.time',
      ]),
      value: "if(MetricUnit = 'ns', Value / 1e9, Value)",
    },
    {
      ...counter(
        'db.statement.time',
        ['postgresql.statement.time', 'mysql.statement_event.wait.time'],
        SERVER_STATEMENT,
      ),
      value: "if(MetricUnit = 'ns', Value / 1e9, Value)",
    },
    {
      ...counter(
        'db.statement.calls',
        ['postgresql.statement.calls', 'mysql.statement_event.count'],
        SERVER_STATEMENT,
      ),
      selector: `Attributes['kind'] IN ('', 'calls') AND IsMonotonic AND AggregationTemporality = 2 AND bitAnd(Flags, 1) = 0`,
    },
    samples(
      'db.sessions',
      'otel_metrics_sum',
      ['postgresql.backends', 'mysql.threads'],
      attribute('Attributes', 'state', 'kind'),
    ),
    samples('db.lock_waits', 'otel_metrics_gauge', ['postgresql.locks.waiting', 'mysql.locks.waiting']),
    samples(
      'db.table_size',
      'otel_metrics_sum',
      ['postgresql.table.size', 'postgresql.index.size', 'mysql.table.size', 'clickhouse.table.size'],
      `concat(${attribute('Attributes', 'postgresql.table.name', 'table')}, if(MetricName = 'postgresql.index.size' OR Attributes['kind'] = 'index', ' (indexes)', ''))`,
    ),
    samples('db.replication_lag', 'otel_metrics_gauge', ['postgresql.wal.delay'], "Attributes['operation']"),
    samples('db.replication_lag_sum', 'otel_metrics_sum', ['mysql.replica.time_behind_source']),
    samples(
      'process.cpu',
      'otel_metrics_gauge',
      ['process.cpu.utilization'],
      conventional('Attributes', 'cpu.mode'),
    ),
    // The names after OpenTelemetry's are those of Prometheus' client libraries.
    counter(
      'process.cpu_time',
      ['process.cpu.time', 'process_cpu_seconds_total'],
      conventional('Attributes', 'cpu.mode'),
    ),
    samples('process.memory', 'otel_metrics_sum', ['process.memory.usage']),
    samples('process.memory_gauge', 'otel_metrics_gauge', [
      'process.memory.usage',
      'process_resident_memory_bytes',
    ]),
    samples(
      'runtime.heap',
      'otel_metrics_sum',
      ['v8js.memory.heap.used', 'jvm.memory.used'],
      firstOf("Attributes['v8js.heap.space.name']", conventional('Attributes', 'jvm.memory.pool.name')),
    ),
    samples(
      'runtime.heap_gauge',
      'otel_metrics_gauge',
      ['v8js.memory.heap.used', 'nodejs_heap_space_size_used_bytes', 'go_memstats_heap_inuse_bytes'],
      attribute('Attributes', 'v8js.heap.space.name', 'space'),
    ),
    samples('runtime.event_loop_delay', 'otel_metrics_gauge', [
      'nodejs.eventloop.delay.p99',
      'nodejs_eventloop_lag_p99_seconds',
    ]),
    samples('runtime.event_loop_utilization', 'otel_metrics_gauge', ['nodejs.eventloop.utilization']),
    {
      id: 'runtime.gc_time',
      source: 'otel_metrics_histogram',
      cells: 'counter_1m',
      metrics: ['v8js.gc.duration', 'jvm.gc.duration', 'nodejs_gc_duration_seconds'],
      selector: 'AggregationTemporality = 2 AND bitAnd(Flags, 1) = 0',
      dimension: firstOf(
        "Attributes['v8js.gc.type']",
        conventional('Attributes', 'jvm.gc.name'),
        "Attributes['kind']",
      ),
      // The JVM's was in milliseconds.
      value: "if(MetricUnit = 'ms', Sum / 1e3, Sum)",
    },
    samples(
      'host.cpu',
      'otel_metrics_gauge',
      ['system.cpu.utilization'],
      conventional('Attributes', 'cpu.mode'),
    ),
    samples(
      'host.memory',
      'otel_metrics_gauge',
      ['system.memory.utilization'],
      conventional('Attributes', 'system.memory.state'),
    ),
    samples(
      'host.disk',
      'otel_metrics_gauge',
      ['system.filesystem.utilization'],
      conventional('Attributes', 'system.filesystem.mountpoint'),
    ),
    counter('host.network', ['system.network.io'], conventional('Attributes', 'network.io.direction')),
    counter('host.disk_io', ['system.disk.io'], conventional('Attributes', 'disk.io.direction')),
    counter(
      'host.pressure',
      ['system.linux.pressure.stall_time'],
      "concat(Attributes['system.linux.pressure.resource'], ' ', Attributes['system.linux.pressure.share'])",
    ),
    samples('container.cpu', 'otel_metrics_gauge', ['container.cpu.usage']),
    samples('container.memory', 'otel_metrics_sum', ['container.memory.usage']),
  ]
}
