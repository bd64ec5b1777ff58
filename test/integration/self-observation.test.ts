import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningIngest, startIngest } from '../conformance/postflight.ts'
import { startUp } from './cli-process.ts'

let observer: RunningIngest
let cwd: string
beforeAll(async () => {
  observer = await startIngest()
  cwd = mkdtempSync(join(tmpdir(), 'postflight-observed-'))
})
afterAll(async () => {
  await observer.close()
  rmSync(cwd, { recursive: true, force: true })
})

test('a Postflight that is told to sends its own traces, metrics and logs, with its version', async () => {
  const up = await startUp(cwd, ['--dataDir', 'data', ...['--selfObservation.endpoint', observer.url]])
  const unreadable = await fetch(`${up.otlp}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: Buffer.from([0xff, 0xff]),
  })
  expect(unreadable.status).toBe(400)
  expect((await fetch(`${up.api}/api/v1/services`)).status).toBe(200)
  // What is still held is sent before it ends.
  expect((await up.stop()).code).toBe(0)

  const { store } = observer
  const rows = await store.query<{ signal: string; version: string; records: number }>(
    `SELECT 'traces' AS signal, any(ResourceAttributes['service.version']) AS version, count() AS records FROM otel_traces WHERE ServiceName = 'postflight'
    UNION ALL
    SELECT 'metrics', any(ResourceAttributes['service.version']), count() FROM otel_metrics_histogram WHERE ServiceName = 'postflight'
    UNION ALL
    SELECT 'logs', any(ResourceAttributes['service.version']), count() FROM otel_logs WHERE ServiceName = 'postflight'`,
  )
  expect(rows.map(({ signal }) => signal).sort()).toEqual(['logs', 'metrics', 'traces'])
  for (const row of rows) {
    expect(row.records, row.signal).toBeGreaterThan(0)
    expect(row.version, row.signal).toMatch(/^\d+\.\d+\.\d+/)
  }
})
