import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sdkSenders } from '../peers/sdk-senders.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(() => ingest.close())

interface Ids {
  traceId: string
  parentSpanId: string
  childSpanId: string
}

/** What the languages say differently: an exception's type, a frame of the sender in its trace, the flags of a trace. */
const OWN = {
  // Its trace ids are random and say so (W3C Trace Context level 2: 2), beside being sampled (1).
  python: { exception: 'TypeError', frame: 'sender.py', flags: 3 },
  // Its errors have no trace unless it is asked for.
  go: { exception: '*errors.errorString', frame: undefined, flags: 1 },
  java: { exception: 'java.lang.IllegalStateException', frame: 'Sender.java', flags: 1 },
} as const

const LANGUAGES = ['python', 'go', 'java'] as const
const cases = LANGUAGES.flatMap((language) =>
  (
    [
      ['http/protobuf', 'none'],
      ['http/protobuf', 'gzip'],
      ['grpc', 'gzip'],
    ] as const
  ).map((way) => [language, ...way] as const),
)

describe.each(cases)('the SDK for %s over %s, compression %s', (language, protocol, compression) => {
  const service = `sdk-${language}-${protocol}-${compression}`
  const resource = {
    'service.name': service,
    'service.version': '7.0.1',
    'deployment.environment.name': 'test',
  }
  let ids: Ids
  let begun: number

  beforeAll(async () => {
    const [program, ...args] = await sdkSenders[language]()
    begun = Date.now()
    const { stdout } = await promisify(execFile)(program, args, {
      timeout: 60_000,
      env: {
        PATH: process.env['PATH'],
        OTEL_SERVICE_NAME: service,
        OTEL_RESOURCE_ATTRIBUTES: 'service.version=7.0.1,deployment.environment.name=test',
        OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? ingest.grpcUrl : ingest.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_COMPRESSION: compression,
      },
    })
    ids = JSON.parse(stdout) as Ids
  }, 900_000)

  const rows = (table: string, order: string) =>
    ingest.store.query<Record<string, unknown>>(
      `SELECT * FROM ${table} WHERE ServiceName = {service:String} ORDER BY ${order}`,
      { service },
    )

  it('has its spans stored, field by field', async () => {
    const [server, client, ...more] = await rows('otel_traces', 'SpanKind DESC')
    expect(more).toEqual([])
    expect(server).toMatchObject({
      TraceId: ids.traceId,
      SpanId: ids.parentSpanId,
      ParentSpanId: '',
      TraceState: '',
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
    const { exception, frame } = OWN[language]
    const events = server?.['Events.Attributes'] as Record<string, string>[]
    expect(events[0]).toEqual({ key: 'c1' })
    expect(events[1]).toMatchObject({ 'exception.type': exception, 'exception.message': 'no such item' })
    if (frame !== undefined) expect(events[1]?.['exception.stacktrace']).toContain(frame)
    expect(server?.['Duration']).toBeGreaterThan(0)
    expect(Date.parse(server?.['Timestamp'] as string)).toBeGreaterThanOrEqual(begun - 1)
    expect(client).toMatchObject({
      TraceId: ids.traceId,
      SpanId: ids.childSpanId,
      ParentSpanId: ids.parentSpanId,
      SpanName: 'SELECT items',
      SpanKind: 'Client',
      SpanAttributes: { list: '["a","b"]' },
      StatusCode: 'Unset',
      'Events.Name': [],
      'Links.TraceId': [ids.traceId],
      'Links.SpanId': [ids.parentSpanId],
      'Links.Attributes': [{ why: 'test' }],
    })
  })

  it('has its log records stored, field by field', async () => {
    const [event, record, ...more] = await rows('otel_logs', 'Timestamp')
    expect(more).toEqual([])
    expect(event).toMatchObject({
      TraceId: '',
      SpanId: '',
      SeverityNumber: 0,
      Body: '{"lines":["x","y"],"order":12}',
      LogAttributes: {},
      EventName: 'order.placed',
      ScopeName: 'shop',
      ResourceAttributes: resource,
    })
    expect(Date.parse(event?.['Timestamp'] as string)).toBeLessThan(begun)
    expect(record).toMatchObject({
      TraceId: ids.traceId,
      SpanId: ids.parentSpanId,
      TraceFlags: OWN[language].flags,
      SeverityNumber: 17,
      SeverityText: 'ERROR',
      Body: 'item \u{1F6D2} gone',
      LogAttributes: { 'user.id': 'u1', count: '7' },
      EventName: '',
      ScopeName: 'shop',
      ScopeVersion: '1.2.3',
      ResourceAttributes: resource,
    })
  })

  it('has its points stored, field by field', async () => {
    const common = { ScopeName: 'shop', ScopeVersion: '1.2.3', ResourceAttributes: resource }
    const mine = async (table: string) =>
      (await rows(table, 'MetricName')).filter((row) => row['ScopeName'] === 'shop')
    expect(await mine('otel_metrics_sum')).toMatchObject([
      { ...common, MetricName: 'open.carts', Value: -2, IsMonotonic: false, AggregationTemporality: 2 },
      {
        ...common,
        MetricName: 'orders',
        MetricUnit: '{order}',
        MetricDescription: 'Orders placed',
        Value: 5,
        Attributes: { route: '/cart' },
        IsMonotonic: true,
        AggregationTemporality: 2,
      },
    ])
    expect(await mine('otel_metrics_gauge')).toMatchObject([
      { ...common, MetricName: 'queue.length', Value: 12.5, Attributes: { queue: 'mail' } },
    ])
    expect(await mine('otel_metrics_histogram')).toMatchObject([
      {
        ...common,
        MetricName: 'latency',
        MetricUnit: 's',
        Attributes: { route: '/cart' },
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

it('the SDKs left nothing in the dead-letter table', async () => {
  expect(await ingest.store.query('SELECT * FROM dead_letter')).toEqual([])
})
