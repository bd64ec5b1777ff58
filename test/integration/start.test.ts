import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, credentials } from '@grpc/grpc-js'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Postflight, startPostflight } from '../../postflight.ts'
import { configSchema } from '../../schemas/config.ts'
import { encode, official } from '../conformance/official.ts'

const logger = pino({ level: 'silent' })
const folders: string[] = []

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'postflight-start-'))
  folders.push(made)
  return made
}

function settings(dataDir: string, more: Record<string, object> = {}) {
  return configSchema.parse({
    dataDir,
    clickhouse: { port: 0, ...more['clickhouse'] },
    otlp: { port: 0, grpcPort: 0, ...more['otlp'] },
    api: { port: 0, ...more['api'] },
  })
}

const start = (config: ReturnType<typeof settings>) => startPostflight({ config, logger, clock: Date.now })

let dataDir: string
let running: Postflight

beforeAll(async () => {
  dataDir = folder()
  running = await start(settings(dataDir))
})
afterAll(async () => {
  await running.close()
  for (const made of folders) rmSync(made, { recursive: true, force: true })
})

test('what is sent as OTLP is in the store, and the doors answer', async () => {
  const time = `${BigInt(Date.now()) * 1_000_000n}`
  const record = { timeUnixNano: time, severityNumber: 17, body: { stringValue: 'payment failed' } }
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'checkout' } }] }
  const sent = await fetch(`${running.urls.otlp}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] }),
  })
  expect(sent.status).toBe(200)
  const rows = await running.store.query('SELECT ServiceName, Body FROM otel_logs')
  expect(rows).toEqual([{ ServiceName: 'checkout', Body: 'payment failed' }])
  expect((await fetch(`${running.urls.api}/readyz`)).status).toBe(200)
})

test('what is sent over gRPC is in the store', async () => {
  const now = BigInt(Date.now()) * 1_000_000n
  const message = {
    resourceLogs: [
      { scopeLogs: [{ logRecords: [{ timeUnixNano: `${now}`, body: { stringValue: 'by gRPC' } }] }] },
    ],
  }
  const client = new Client(running.urls.otlpGrpc.replace('http://', ''), credentials.createInsecure())
  const same = (bytes: Buffer) => bytes
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(
      '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
      same,
      same,
      encode(official.logs, message),
      (error) => (error === null ? resolve() : reject(error)),
    )
  })
  client.close()
  const rows = await running.store.query("SELECT count() AS rows FROM otel_logs WHERE Body = 'by gRPC'")
  expect(rows).toEqual([{ rows: 1 }])
})

test('a second start on the same data is refused and names the setting', async () => {
  await expect(start(settings(dataDir))).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    hint: expect.stringMatching(/--clickhouse\.url http:\/\/127\.0\.0\.1:\d+\), .*--dataDir/),
  })
})

test.each([
  ['api', 'port'],
  ['otlp', 'port'],
  ['otlp', 'grpcPort'],
  ['clickhouse', 'port'],
] as const)('a busy port, %s.%s, is refused, and nothing is left running', async (door, setting) => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => other.once('listening', listening))
  const { port } = other.address() as { port: number }
  const own = folder()
  try {
    await expect(start(settings(own, { [door]: { [setting]: port } }))).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(port)),
      hint: expect.stringContaining(`--${door}.${setting}`),
    })
  } finally {
    other.close()
  }
  // The folder would still be locked if the store had been left running.
  const again = await start(settings(own))
  await again.close()
})

test('a ClickHouse that does not answer is named', async () => {
  const config = settings(folder(), { clickhouse: { url: 'http://127.0.0.1:9' } })
  await expect(start(config)).rejects.toMatchObject({
    code: 'STORE_UNREACHABLE',
    message: expect.stringContaining('127.0.0.1:9'),
  })
})

test('listening wider without a key is refused', async () => {
  await expect(start(settings(folder(), { otlp: { host: '0.0.0.0' } }))).rejects.toMatchObject({
    code: 'KEYS_REQUIRED',
    hint: expect.stringContaining('keys create'),
  })
})

test('what was acknowledged is there after a stop and a start', async () => {
  await running.close()
  running = await start(settings(dataDir))
  expect(await running.store.query('SELECT count() AS n FROM otel_logs')).toEqual([{ n: 2 }])
})
