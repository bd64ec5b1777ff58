import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(async () => {
  await ingest.close()
})

interface Ids {
  traceId: string
  parentSpanId: string
  childSpanId: string
}

/** Runs the sender as a user would, and gives the ids that it used. */
async function send(service: string, environment: Record<string, string>): Promise<Ids> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'sdk-sender.ts')],
    {
      env: {
        PATH: process.env['PATH'],
        OTEL_SERVICE_NAME: service,
        OTEL_RESOURCE_ATTRIBUTES: 'service.version=7.0.1,deployment.environment.name=test',
        OTEL_EXPORTER_OTLP_ENDPOINT:
          environment['OTEL_EXPORTER_OTLP_PROTOCOL'] === 'grpc' ? ingest.grpcUrl : ingest.url,
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_LOGS_EXPORTER: 'otlp',
        OTEL_NODE_RESOURCE_DETECTORS: 'env',
        ...environment,
      },
    },
  )
  return JSON.parse(stdout) as Ids
}

describe.each([
  ['http/protobuf', 'none'],
  ['http/protobuf', 'gzip'],
  ['http/json', 'gzip'],
  ['grpc', 'none'],
  ['grpc', 'gzip'],
])('the JavaScript SDK over %s, compression %s', (protocol, compression) => {
  const service = `sdk-${protocol}-${compression}`
  const resource = {
    'service.name': service,
    'service.version': '7.0.1',
    'deployment.environment.name': 'test',
  }
  let ids: Ids

  beforeAll(async () => {
    ids = await send(service, {
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
    })
  })

  it('has its spans stored, field by field', async () => {
    const rows = await ingest.store.query<Record<string, unknown>>(
      'SELECT * FROM otel_traces WHERE ServiceName = {service:String} ORDER BY SpanKind DESC',
      { service },
    )
    const [server, client] = rows
    expect(rows.length).toBe(2)
    expect(server).toMatchObject({
      TraceId: ids.traceId,
      SpanId: ids.parentSpanId,
      ParentSpanId: '',
      SpanName: 'GET /cart',
      SpanKind: 'Server',
      ScopeName: 'shop',
      ScopeVersion: '1.2.3',
      ResourceAttributes: resource,
      SpanAttributes: { 'http.route': '/cart', items: '3', ok: 'true', price: '9.5' },
      StatusCode: 'Error',
      StatusMessage: 'broken',
      'Events.Name': ['cache miss', 'exception'],
      'Links.TraceId': [],
    })
    const events = server?.['Events.Attributes'] as Record<string, string>[]
    expect(events[0]).toEqual({ key: 'c1' })
    expect(events[1]).toMatchObject({ 'exception.type': 'TypeError', 'exception.message': 'no such item' })
    expect(events[1]?.['exception.stacktrace']).toContain('sdk-sender.ts')
    expect(server?.['Duration']).toBeGreaterThan(0)
    expect(Math.abs(Date.parse(server?.['Timestamp'] as string) - Date.now())).toBeLessThan(60_000)
    expect(client).toMatchObject({
      TraceId: ids.traceId,
      SpanId: ids.childSpanId,
      ParentSpanId: ids.parentSpanId,
      SpanKind: 'Client',
      SpanAttributes: { list: '["a","b"]' },
      StatusCode: 'Unset',
      'Links.TraceId': [ids.traceId],
      'Links.SpanId': [ids.parentSpanId],
      'Links.Attributes': [{ why: 'test' }],
    })
  })

  it('has its log records stored, field by field', async () => {
    const rows = await ingest.store.query<Record<string, unknown>>(
      'SELECT * FROM otel_logs WHERE ServiceName = {service:String} ORDER BY Timestamp',
      { service },
    )
    expect(rows.length).toBe(2)
    expect(rows[0]).toMatchObject({
      Body: '{"lines":["x","y"],"order":12}',
      EventName: 'order.placed',
      TraceId: '',
    })
    expect(Date.now() - Date.parse(rows[0]?.['Timestamp'] as string)).toBeGreaterThan(59_000)
    expect(rows[1]).toMatchObject({
      TraceId: ids.traceId,
      SpanId: ids.parentSpanId,
      TraceFlags: 1,
      SeverityText: 'ERROR',
      SeverityNumber: 17,
      Body: 'item \u{1F6D2} gone',
      ResourceAttributes: resource,
      ScopeName: 'shop',
      ScopeVersion: '1.2.3',
      LogAttributes: { count: '7', nested: '{"deep":[1,"two"]}', 'user.id': 'u1' },
    })
  })

  it('has its metric points stored, field by field', async () => {
    const points = async (table: string) =>
      await ingest.store.query<Record<string, unknown>>(
        `SELECT * FROM ${table} WHERE ServiceName = {service:String} ORDER BY MetricName`,
        { service },
      )
    const sums = await points('otel_metrics_sum')
    expect(sums).toMatchObject([
      { MetricName: 'open.carts', Value: -2, IsMonotonic: false, Attributes: {} },
      {
        MetricName: 'orders',
        MetricUnit: '{order}',
        MetricDescription: 'Orders placed',
        Value: 5,
        IsMonotonic: true,
        AggregationTemporality: 2,
        Attributes: { route: '/cart' },
        ResourceAttributes: resource,
        ScopeName: 'shop',
      },
    ])
    expect(Date.parse(sums[1]?.['StartTimeUnix'] as string)).toBeGreaterThan(Date.now() - 60_000)
    expect(await points('otel_metrics_gauge')).toMatchObject([
      { MetricName: 'queue.length', Value: 12.5, Attributes: { queue: 'mail' } },
    ])
    expect(await points('otel_metrics_histogram')).toMatchObject([
      {
        MetricName: 'latency',
        MetricUnit: 's',
        Count: 2,
        Sum: 4.25,
        Min: 0.25,
        Max: 4,
        BucketCounts: [0, 1, 1],
        ExplicitBounds: [0.1, 1],
        AggregationTemporality: 2,
      },
    ])
  })
})

describe('the JavaScript SDK', () => {
  it('left nothing in the dead-letter table', async () => {
    expect(await ingest.store.query('SELECT * FROM dead_letter')).toEqual([])
  })
})
