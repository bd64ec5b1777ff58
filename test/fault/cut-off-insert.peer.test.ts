import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pino from 'pino'
import { expect, it } from 'vitest'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'

/** Beyond the month before, and within what is kept of traces. */
const LONG_AGO = 32 * 86_400_000

it('an insert is stored whole wherever in it the store was killed: after each line of a deduplication log', {
  timeout: 240_000,
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'postflight-cut-off-'))
  const logger = pino({ level: 'silent' })
  let embedded = await startEmbedded({ dataDir, port: 0, logger })
  const port = Number(new URL(embedded.url).port)
  const store = openStore({ url: embedded.url })
  const transport = createDirectTransport({
    store,
    logger,
    clock: Date.now,
    newToken: randomUUID,
    writer: { retryFor: 60_000 },
  })
  const now = Date.now()
  const insert = async (service: string) => {
    const request = JSON.stringify(spans(service, [now, now - LONG_AGO]))
    return await transport.send({
      signal: 'traces',
      contentType: 'application/json',
      body: Buffer.from(request),
      sender: 'test',
      receivedAt: Date.now(),
    })
  }
  try {
    await migrate(store, buildCatalogue(), configSchema.parse({}).retention)
    const logs = deduplicationLogs(dataDir)
    const before = lines(logs)
    await insert('whole')
    // Two days of spans, and each of their rollups by month or as one.
    const blocks = lines(logs) - before
    expect(blocks).toBeGreaterThanOrEqual(8)
    const expected = await countsOf(store, 'whole')
    const found: Record<string, unknown> = {}
    let cutOff = 0
    const note = (details: object) => {
      if ('cutOff' in details) cutOff += (details.cutOff as unknown[]).length
    }
    for (let block = 1; block <= blocks; block++) {
      const service = `cut-off-${block}`
      const watching = await killAtLine(embedded.pid, block, logs)
      const answer = insert(service)
      const done = answer.then(() => Promise.reject(new Error(`the store was not killed at block ${block}`)))
      await Promise.race([embedded.exited, done])
      await watching.ended
      embedded = await startEmbedded({ dataDir, port, logger: { ...logger, info: note } })
      expect((await answer).accepted).toBe(2)
      found[service] = await countsOf(store, service)
    }
    // Else the engine stores in another order than it did, and the kills hit nothing.
    expect(cutOff).toBe(blocks)
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((service) => [service, expected])))
  } finally {
    await transport.close()
    await store.close()
    await embedded.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})

/** A span of a server for each of the times (milliseconds since 1970). */
function spans(service: string, times: readonly number[]) {
  return {
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: service } },
            { key: 'service.version', value: { stringValue: '1' } },
          ],
        },
        scopeSpans: [
          {
            spans: times.map((time) => ({
              traceId: randomUUID().replaceAll('-', ''),
              spanId: randomUUID().replaceAll('-', '').slice(16),
              name: 'GET /cart',
              kind: 2,
              startTimeUnixNano: String(BigInt(time) * 1_000_000n),
              endTimeUnixNano: String(BigInt(time + 20) * 1_000_000n),
            })),
          },
        ],
      },
    ],
  }
}

function deduplicationLogs(dataDir: string): string[] {
  const folder = join(dataDir, 'engine', 'store')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /deduplication_log_\d+\.txt$/.test(name))
    .map((name) => join(folder, name))
}

function lines(logs: readonly string[]): number {
  return logs.reduce((sum, file) => sum + readFileSync(file, 'latin1').split('\n').length - 1, 0)
}

/** What each table has of a service: rows, and what rollups counted. */
async function countsOf(store: Store, service: string) {
  const asked = {
    otel_traces: 'SELECT toDate(Timestamp) AS day, count() AS count FROM otel_traces WHERE ServiceName',
    signal_1m: 'SELECT toDate(time) AS day, sum(count) AS count FROM signal_1m WHERE service',
    signal_1h: 'SELECT toDate(time) AS day, sum(count) AS count FROM signal_1h WHERE service',
    version_1h: 'SELECT toDate(time) AS day, count() AS count FROM version_1h FINAL WHERE service',
  }
  const found: Record<string, unknown> = {}
  for (const [table, sql] of Object.entries(asked))
    found[table] = await store.query(`${sql} = {service:String} GROUP BY day ORDER BY day`, { service })
  return found
}

/**
 * Has a process killed as soon as the n-th line of its logs is written, before it goes on: strace stops it after each. Resolves when it watches; `ended` does when
 * strace is gone.
 */
async function killAtLine(
  pid: number,
  n: number,
  logs: readonly string[],
): Promise<{ ended: Promise<unknown> }> {
  const child: ChildProcess = spawn('strace', [
    ...['-f', '-p', String(pid), '-e', 'trace=write', '-e', 'inject=write:signal=SIGSTOP'],
    ...logs.flatMap((file) => ['-P', file]),
  ])
  const ended = once(child, 'exit')
  const said: string[] = []
  let stops = 0
  await new Promise<void>((attached, fail) => {
    child.once('error', fail)
    child.once('exit', () => fail(new Error(`strace cannot watch the store: ${said.join('\n')}`)))
    createInterface({ input: child.stderr as NonNullable<typeof child.stderr> }).on('line', (line) => {
      said.push(line)
      if (line.includes('attached')) attached()
      if (!line.includes('--- SIGSTOP')) return
      stops++
      process.kill(pid, stops < n ? 'SIGCONT' : 'SIGKILL')
    })
  })
  return { ended }
}
