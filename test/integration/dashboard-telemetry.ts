import type { Store } from '../../schemas/store/client.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** One version of a service that runs from minute `from` to minute `to` of the telemetry. */
interface Run {
  readonly service: string
  readonly version: string
  readonly from: number
  readonly to: number
}

/** What the dashboards show, as a service with traces, logs and metrics sends it, straight into the raw tables. */
export async function insertTelemetry(
  store: Store,
  runs: readonly Run[],
  start: number,
  environment: string,
): Promise<void> {
  const traces: object[] = []
  const logs: object[] = []
  const metrics: Record<'gauge' | 'sum' | 'histogram', object[]> = { gauge: [], sum: [], histogram: [] }
  for (const run of runs) {
    const ResourceAttributes = {
      'service.name': run.service,
      'service.version': run.version,
      'service.instance.id': `${run.version}-a`,
      'deployment.environment.name': environment,
    }
    const origin = { ServiceName: run.service, ResourceAttributes }
    for (let minute = run.from; minute < run.to; minute++) {
      for (let i = 0; i < 4; i++) {
        const at = new Date(start + minute * MINUTE + i * 10 * SECOND).toISOString()
        traces.push(...spans(origin, at, minute, i))
        logs.push(...records(origin, at, minute, i))
      }
      points(origin, start + minute * MINUTE + 30 * SECOND, start + run.from * MINUTE, minute, metrics)
    }
  }
  await store.insert('otel_traces', traces)
  await store.insert('otel_logs', logs)
  for (const [kind, rows] of Object.entries(metrics)) await store.insert(`otel_metrics_${kind}`, rows)
}

function spans(origin: object, at: string, minute: number, i: number): object[] {
  const failed = i === 0
  const exception = failed
    ? {
        'Events.Timestamp': [at],
        'Events.Name': ['exception'],
        'Events.Attributes': [{ 'exception.type': 'TypeError', 'exception.message': `no item ${minute}` }],
      }
    : {}
  const span = (
    SpanKind: string,
    SpanName: string,
    ms: number,
    SpanAttributes: object,
    more: object = {},
  ) => ({
    ...origin,
    Timestamp: at,
    TraceId: `${minute}-${i}`.padStart(32, '0'),
    SpanName,
    SpanKind,
    Duration: ms * 1e6,
    StatusCode: failed ? 'Error' : 'Unset',
    SpanAttributes,
    ...more,
  })
  const route = i % 2 === 0 ? '/orders/:id' : "/it's"
  return [
    span(
      'Server',
      `GET ${route}`,
      20 + 10 * i,
      {
        'http.request.method': 'GET',
        'http.route': route,
        'session.id': `s-${minute}-${i}`,
        'user.id': `u-${minute % 7}-${i}`,
      },
      exception,
    ),
    span('Server', 'GET /healthz', 1, { 'http.request.method': 'GET', 'http.route': '/healthz' }),
    span('Client', 'GET', 12, { 'server.address': 'catalogue' }),
    span('Client', 'SELECT', 3, {
      'db.system.name': 'postgresql',
      'db.query.text': `SELECT * FROM item WHERE id = ${minute}`,
      'db.response.returned_rows': String(i * 3),
    }),
  ]
}

function records(origin: object, at: string, minute: number, i: number): object[] {
  const record = { ...origin, Timestamp: at, SeverityNumber: 9, SeverityText: 'INFO', Body: 'served' }
  if (i === 1) return [record, { ...record, SeverityNumber: 17, Body: `cannot reach host ${minute}` }]
  return i === 2 && minute % 5 === 0 ? [{ ...record, SeverityNumber: 21, Body: 'out of memory' }] : [record]
}

const GAUGES: readonly (readonly [name: string, value: number, attributes?: object])[] = [
  ['process.cpu.utilization', 0.3, { 'process.cpu.state': 'user' }],
  ['nodejs.eventloop.delay.p99', 0.012],
  ['nodejs.eventloop.utilization', 0.2],
  ['system.cpu.utilization', 0.4, { 'cpu.mode': 'user' }],
  ['system.memory.utilization', 0.6, { 'system.memory.state': 'used' }],
  ['system.filesystem.utilization', 0.5, { 'system.filesystem.mountpoint': '/' }],
  ['container.cpu.usage', 0.8],
  ['postgresql.database.locks', 3, { mode: 'exclusive' }],
  ['postgresql.cache_hit_ratio', 0.98],
  ['postgresql.locks.waiting', 1],
  ['postgresql.wal.delay', 0.1, { operation: 'replay' }],
  ['cart.size', 2],
]
const LEVELS: readonly (readonly [name: string, value: number, attributes?: object])[] = [
  ['db.client.connection.count', 7, { 'db.client.connection.state': 'used' }],
  ['db.client.connection.pending_requests', 1],
  ['postgresql.backends', 9, { state: 'active' }],
  ['mysql.table.size', 1e8, { table: 'orders', kind: 'data' }],
  ['process.memory.usage', 2e8],
  ['v8js.memory.heap.used', 1e8, { 'v8js.heap.space.name': 'old_space' }],
  ['container.memory.usage', 3e8],
]
/** With the increase per minute. */
const COUNTERS: readonly (readonly [name: string, perMinute: number, attributes?: object])[] = [
  ['postgresql.deadlocks', 1],
  ['postgresql.statement.total_time', 3],
  ['postgresql.statement.time', 2, { 'db.query.text': 'SELECT $1' }],
  ['mysql.statement_event.count', 60, { digest_text: 'SELECT ?', kind: 'calls' }],
  ['process.cpu.time', 20, { 'process.cpu.state': 'user' }],
  ['system.network.io', 6e6, { 'network.io.direction': 'transmit' }],
  ['system.disk.io', 1e6, { 'disk.io.direction': 'write' }],
  [
    'system.linux.pressure.stall_time',
    3,
    { 'system.linux.pressure.resource': 'io', 'system.linux.pressure.share': 'some' },
  ],
]

function points(
  origin: object,
  at: number,
  started: number,
  minute: number,
  into: Record<'gauge' | 'sum' | 'histogram', object[]>,
): void {
  const point = (MetricName: string, Attributes: object = {}) => ({
    ...origin,
    MetricName,
    Attributes,
    StartTimeUnix: new Date(started).toISOString(),
    TimeUnix: new Date(at).toISOString(),
  })
  const cumulative = { AggregationTemporality: 2, IsMonotonic: true }
  for (const [name, value, attributes] of GAUGES)
    into.gauge.push({ ...point(name, attributes), Value: value + minute / 1e4 })
  for (const [name, value, attributes] of LEVELS)
    into.sum.push({ ...point(name, attributes), Value: value, AggregationTemporality: 2, IsMonotonic: false })
  for (const [name, value, attributes] of COUNTERS)
    into.sum.push({ ...point(name, attributes), Value: (value * (at - started)) / MINUTE, ...cumulative })
  into.histogram.push({
    ...point('v8js.gc.duration', { 'v8js.gc.type': 'minor' }),
    Count: minute,
    Sum: (0.3 * (at - started)) / MINUTE,
    AggregationTemporality: 2,
  })
}
