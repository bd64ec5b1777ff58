import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { telemetrygen } from '../peers/telemetrygen.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
let program: string
beforeAll(async () => {
  program = await telemetrygen()
  ingest = await startIngest()
}, 960_000)
afterAll(() => ingest?.close())

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'
describe.each(['http/protobuf', 'grpc'] as const)('over %s', (protocol) => {
  const service = `generated-${protocol}`
  const RESOURCE = { 'service.name': service, 'service.version': '1.4.0' }

  const generate = (signal: string, ...more: string[]) =>
    promisify(execFile)(
      program,
      [
        signal,
        ...(protocol === 'grpc' ? [] : ['--otlp-http']),
        ...[
          '--otlp-insecure',
          '--otlp-endpoint',
          new URL(protocol === 'grpc' ? ingest.grpcUrl : ingest.url).host,
        ],
        ...['--service', service, '--otlp-attributes', 'service.version="1.4.0"'],
        ...['--telemetry-attributes', 'region="eu"', '--workers', '1', '--rate', '0'],
        ...more,
      ],
      { timeout: 60_000 },
    )

  const rows = (table: string) =>
    ingest.store.query<Record<string, unknown>>(
      `SELECT * FROM ${table} WHERE ServiceName = {service:String}`,
      {
        service,
      },
    )

  it('log records of telemetrygen are stored, field by field', async () => {
    const severity = ['--severity-number', '17', '--severity-text', 'ERROR']
    await generate(
      'logs',
      '--logs',
      '7',
      '--body',
      'made',
      '--trace-id',
      TRACE_ID,
      '--span-id',
      SPAN_ID,
      ...severity,
    )
    const stored = await rows('otel_logs')
    expect(stored.length).toBe(7)
    for (const row of stored) {
      expect(row).toMatchObject({
        TraceId: TRACE_ID,
        SpanId: SPAN_ID,
        SeverityNumber: 17,
        SeverityText: 'ERROR',
        Body: 'made',
        ResourceAttributes: RESOURCE,
        LogAttributes: { region: 'eu' },
      })
    }
  })

  it('spans of telemetrygen are stored, field by field', async () => {
    await generate('traces', '--traces', '5', '--child-spans', '2', '--status-code', 'Error')
    const stored = await rows('otel_traces')
    expect(stored.length).toBe(15)
    const parents = stored.filter((row) => row['ParentSpanId'] === '')
    expect(new Set(stored.map((row) => row['TraceId'])).size).toBe(5)
    expect(parents.length).toBe(5)
    for (const row of stored) {
      expect(row).toMatchObject({
        StatusCode: 'Error',
        ScopeName: 'telemetrygen',
        ResourceAttributes: RESOURCE,
        SpanAttributes: { region: 'eu' },
      })
      const parent = parents.find((each) => each['TraceId'] === row['TraceId'])
      if (row !== parent) expect(row['ParentSpanId']).toBe(parent?.['SpanId'])
    }
  })

  it.each([
    ['Gauge', 'otel_metrics_gauge', {}],
    ['Sum', 'otel_metrics_sum', { IsMonotonic: true, AggregationTemporality: 2 }],
    ['Histogram', 'otel_metrics_histogram', { AggregationTemporality: 2 }],
    ['ExponentialHistogram', 'otel_metrics_exponential_histogram', { AggregationTemporality: 2 }],
  ])('points of telemetrygen are stored, field by field: %s', async (type, table, own) => {
    await generate('metrics', '--metrics', '4', '--metric-type', type, '--otlp-metric-name', 'made')
    const stored = await rows(table)
    expect(stored.length).toBe(4)
    for (const row of stored) {
      expect(row).toMatchObject({
        MetricName: 'made',
        Attributes: { region: 'eu' },
        ResourceAttributes: RESOURCE,
        ...own,
      })
    }
  })
})

it('telemetrygen left nothing in the dead-letter table', async () => {
  expect(await ingest.store.query('SELECT * FROM dead_letter')).toEqual([])
})
