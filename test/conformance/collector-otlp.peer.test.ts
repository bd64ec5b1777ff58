import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startCollector } from '../peers/collector.ts'
import { sdkSenders } from '../peers/sdk-senders.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

const TABLES = [
  'otel_logs',
  'otel_traces',
  'otel_metrics_sum',
  'otel_metrics_gauge',
  'otel_metrics_histogram',
]
/** What differs from run to run. */
const OWN = [
  ...['Timestamp', 'StartTimeUnix', 'TimeUnix', 'Duration', 'Events.Timestamp', 'RequestMark', 'ServiceName'],
  ...['TraceId', 'SpanId', 'ParentSpanId', 'Links.TraceId', 'Links.SpanId'],
]

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
  await send(ingest.url, 'direct')
}, 900_000)
afterAll(() => ingest?.close())

async function send(url: string, service: string): Promise<void> {
  const [program, ...args] = await sdkSenders.go()
  await promisify(execFile)(program, args, {
    timeout: 60_000,
    env: {
      OTEL_SERVICE_NAME: service,
      OTEL_RESOURCE_ATTRIBUTES: 'service.version=7.0.1',
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
    },
  })
}

async function stored(service: string): Promise<Record<string, unknown[]>> {
  const tables: Record<string, unknown[]> = {}
  for (const table of TABLES) {
    const rows = await ingest.store.query<Record<string, unknown>>(
      `SELECT * FROM ${table} WHERE ServiceName = {service:String}`,
      { service },
    )
    const plain = rows.map((row) => {
      const { 'service.name': _, ...resource } = row['ResourceAttributes'] as Record<string, string>
      const rest = Object.fromEntries(Object.entries(row).filter(([name]) => !OWN.includes(name)))
      return JSON.stringify({ ...rest, ResourceAttributes: resource })
    })
    tables[table] = plain.sort()
  }
  return tables
}

it.each([
  ['http/protobuf', 'none'],
  ['http/protobuf', 'gzip'],
  ['http/protobuf', 'zstd'],
  ['grpc', 'none'],
  ['grpc', 'gzip'],
] as const)(
  'what comes through the Collector over %s, compression %s, is stored as what comes directly',
  async (protocol, compression) => {
    const direct = await stored('direct')
    expect(Object.values(direct).map((rows) => rows.length)).toEqual([2, 2, 2, 1, 1])
    const collector = await startCollector({
      otlpUrl: protocol === 'grpc' ? ingest.grpcUrl : ingest.url,
      protocol,
      compression,
    })
    try {
      const service = `through-${protocol}-${compression}`
      await send(collector.url, service)
      // It answers before it has sent on.
      const all = (tables: Record<string, unknown[]>) => Object.values(tables).flat().length
      let through = await stored(service)
      for (
        const until = performance.now() + 30_000;
        all(through) < all(direct);
        through = await stored(service)
      ) {
        if (performance.now() > until) throw new Error(`Not all came: ${await collector.output()}`)
        await sleep(100)
      }
      expect(through).toEqual(direct)
    } finally {
      await collector.close()
    }
  },
  600_000,
)

it('the Collector left nothing in the dead-letter table', async () => {
  expect(await ingest.store.query('SELECT * FROM dead_letter')).toEqual([])
})
