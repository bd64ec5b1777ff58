import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { SignalKind } from '../../ingest/intake.ts'
import type { Transport } from '../../ingest/transport/transport.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { startCollector } from '../peers/collector.ts'
import { sdkSenders } from '../peers/sdk-senders.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
/** The next request of each signal is put off: true: after it was stored, false: before. */
let putOff: Partial<Record<SignalKind, boolean>> = {}
const OBSTACLES = { logs: true, traces: false, metrics: true }

beforeAll(async () => {
  ingest = await startIngest({}, { around })
}, 240_000)
afterAll(() => ingest?.close())

/** Answers 503 (UNAVAILABLE, with RetryInfo). */
function around(transport: Transport): Transport {
  return {
    readsAtOnce: true,
    admit: (bytes) => transport.admit(bytes),
    async send(request) {
      const { [request.signal]: isStored, ...others } = putOff
      putOff = others
      if (isStored === false) throw new PostflightError('STORE_UNREACHABLE', 'ClickHouse is away.')
      const done = await transport.send(request)
      if (isStored === true) throw new PostflightError('STORE_UNREACHABLE', 'The answer was lost.')
      return done
    },
    refuse: (...of) => transport.refuse(...of),
    close: () => transport.close(),
  }
}

async function stored(service: string): Promise<number[]> {
  const tables = ['otel_logs', 'otel_traces', 'otel_metrics_sum', 'otel_metrics_histogram']
  const rows = tables.map(async (table) => {
    const [row] = await ingest.store.query<{ n: number }>(
      `SELECT count() AS n FROM ${table} WHERE ServiceName = {service:String}`,
      { service },
    )
    return row?.n ?? -1
  })
  return await Promise.all(rows)
}

async function send(language: keyof typeof sdkSenders, service: string, environment: Record<string, string>) {
  const [program, ...args] = await sdkSenders[language]()
  await promisify(execFile)(program, args, {
    timeout: 90_000,
    env: {
      PATH: process.env['PATH'],
      OTEL_SERVICE_NAME: service,
      OTEL_RESOURCE_ATTRIBUTES: 'service.version=7.0.1',
      ...environment,
    },
  })
}

it.each(
  (['python', 'go', 'java'] as const).flatMap((language) =>
    (['http/protobuf', 'grpc'] as const).map((protocol) => [language, protocol] as const),
  ),
)(
  'the SDK for %s over %s comes again when it is told to, and is stored once',
  async (language, protocol) => {
    const service = `${language}-${protocol}`
    putOff = OBSTACLES
    await send(language, service, {
      OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? ingest.grpcUrl : ingest.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    })
    expect(putOff).toEqual({})
    expect(await stored(service)).toEqual([2, 2, 2, 1])
  },
  600_000,
)

it.each(['http/protobuf', 'grpc'] as const)(
  'the Collector over %s comes again when it is told to, and what it had is stored once',
  async (protocol) => {
    const service = `collector-${protocol}`
    const otlpUrl = protocol === 'grpc' ? ingest.grpcUrl : ingest.url
    const collector = await startCollector({ otlpUrl, protocol, compression: 'gzip' })
    try {
      putOff = OBSTACLES
      await send('go', service, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
      await expect.poll(() => stored(service), { timeout: 60_000, interval: 500 }).toEqual([2, 2, 2, 1])
      expect(putOff).toEqual({})
      // What it sends again comes within its first pauses.
      await sleep(8000)
      expect(await stored(service)).toEqual([2, 2, 2, 1])
    } finally {
      await collector.close()
    }
  },
  600_000,
)
