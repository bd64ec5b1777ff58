import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import pino from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { openExactlyOnce } from '../../ingest/exactly-once/exactly-once.ts'
import type { SignalKind } from '../../ingest/intake.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import { configSchema } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'

const logger = pino({ level: 'silent' })
const catalogue = buildCatalogue()
const dataDir = mkdtempSync(join(tmpdir(), 'postflight-repeated-request-'))
const folder = join(dataDir, 'inserts')
let embedded: EmbeddedStore
let store: Store

beforeAll(async () => {
  embedded = await startEmbedded({ dataDir, port: 0, logger })
  store = openStore({ url: embedded.url, insertFolder: folder })
  await migrate(store, catalogue, configSchema.parse({}).retention)
})

afterAll(async () => {
  await store.close()
  await embedded.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

type Insert = Store['insertNative']

/** A loaded machine takes its time. */
const SLOW = { timeout: 20_000 }
/** Files of the journal, one an insert. */
const underWay = () => readdirSync(folder).filter((name) => name.endsWith('.native'))

/** A receiver's process: what it had in memory is gone with it, what is in the store and the journal stays. */
async function newProcess(insertNative: Insert = store.insertNative.bind(store), limits = {}) {
  const exactlyOnce = await openExactlyOnce({ store, folder, window: 900_000, clock: Date.now, logger })
  const transport = createDirectTransport({
    store: { insertNative },
    logger,
    clock: Date.now,
    newToken: randomUUID,
    exactlyOnce,
    writer: { retryFor: 0, refusedPause: 50, ...limits },
  })
  const send = (signal: SignalKind, body: object, sender = 'shop') =>
    transport.send({
      signal,
      contentType: 'application/json',
      body: Buffer.from(JSON.stringify(body)),
      sender,
      receivedAt: Date.now(),
    })
  return { transport, send }
}

const DAY = 86_400_000
const nanos = (milliseconds: number) => `${milliseconds}000000`
const resource = (service: string) => ({
  attributes: [{ key: 'service.name', value: { stringValue: service } }],
})
const logs = (service: string, times: readonly string[]) => ({
  resourceLogs: [
    {
      resource: resource(service),
      scopeLogs: [{ logRecords: times.map((timeUnixNano) => ({ timeUnixNano, severityNumber: 17 })) }],
    },
  ],
})
/** One point each for two tables, and one for the dead-letter table (its time is of the year 1970). */
const metrics = (service: string) => {
  const timeUnixNano = nanos(Date.now())
  const gauge = {
    dataPoints: [
      { timeUnixNano, asDouble: 1 },
      { timeUnixNano: '1', asDouble: 2 },
    ],
  }
  const sum = {
    dataPoints: [{ timeUnixNano, startTimeUnixNano: timeUnixNano, asDouble: 3 }],
    aggregationTemporality: 1,
    isMonotonic: true,
  }
  return {
    resourceMetrics: [
      {
        resource: resource(service),
        scopeMetrics: [
          {
            metrics: [
              { name: 'queue', gauge },
              { name: 'orders', sum },
            ],
          },
        ],
      },
    ],
  }
}

async function count(table: string, where: string): Promise<number> {
  const [row] = await store.query<{ rows: number }>(`SELECT count() AS rows FROM ${table} WHERE ${where}`)
  return row?.rows ?? -1
}

const lost = () => new PostflightError('STORE_UNREACHABLE', 'the answer was lost')

it('a request whose answer was lost with its receiver is stored once, and answered the second time', async () => {
  const body = logs('killed', [nanos(Date.now()), nanos(Date.now())])
  const first = await newProcess()
  expect((await first.send('logs', body)).accepted).toBe(2)
  const second = await newProcess()
  expect(await second.send('logs', body)).toEqual({ accepted: 2, rejected: 0, message: '' })
  expect(await count('otel_logs', "ServiceName = 'killed'")).toBe(2)
  // Somebody else's request is another one, though it is the same.
  await second.send('logs', body, 'another shop')
  expect(await count('otel_logs', "ServiceName = 'killed'")).toBe(4)
})

it('of a request that reached some of its tables, only what is missing is stored', async () => {
  const body = metrics('partly')
  const first = await newProcess(async (table, ...rest) => {
    if (table === 'otel_metrics_sum') return new Promise(() => {})
    await store.insertNative(table, ...rest)
  })
  void first.send('metrics', body)
  await expect.poll(() => count('otel_metrics_gauge', "ServiceName = 'partly'"), SLOW).toBe(1)
  await expect.poll(() => count('dead_letter', "sender = 'shop' AND signal = 'metrics'"), SLOW).toBe(1)
  await expect.poll(() => underWay().length, SLOW).toBe(1)
  // Killed before its journal knew of the last table.
  for (const name of readdirSync(folder)) rmSync(join(folder, name))
  const second = await newProcess()
  expect(await second.send('metrics', body)).toMatchObject({ accepted: 2, rejected: 1 })
  const tables = ['otel_metrics_gauge', 'otel_metrics_sum']
  expect(await Promise.all(tables.map((table) => count(table, "ServiceName = 'partly'")))).toEqual([1, 1])
  expect(await count('dead_letter', "sender = 'shop' AND signal = 'metrics'")).toBe(1)
})

it('a repeat that comes while the first is under way shares its fate', async () => {
  const body = logs('hurried', [nanos(Date.now())])
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const { send } = await newProcess(async (...insert) => {
    await opened
    await store.insertNative(...insert)
  })
  const sent = [send('logs', body), send('logs', body), send('logs', body)]
  open()
  expect((await Promise.all(sent)).map(({ accepted }) => accepted)).toEqual([1, 1, 1])
  expect(await count('otel_logs', "ServiceName = 'hurried'")).toBe(1)
})

it('a sender that was told to come again finds the insert that went through meanwhile', async () => {
  const body = logs('patient', [nanos(Date.now())])
  let attempts = 0
  const { send } = await newProcess(async (...insert) => {
    attempts++
    await store.insertNative(...insert)
    if (attempts < 3) throw lost()
  })
  await expect(send('logs', body)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  await expect.poll(() => attempts, SLOW).toBe(3)
  expect((await send('logs', body)).accepted).toBe(1)
  expect(attempts).toBe(3)
  expect(await count('otel_logs', "ServiceName = 'patient'")).toBe(1)
})

it('what a killed receiver left half done is completed by the next, the rollups too', async () => {
  const now = Date.now()
  const body = logs('halved', [nanos(now), nanos(now - DAY), nanos(now - 2 * DAY)])
  const first = await newProcess(async () => {
    throw lost()
  })
  await expect(first.send('logs', body)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  expect(await count('otel_logs', "ServiceName = 'halved'")).toBe(0)
  expect(underWay().length).toBe(1)
  await first.transport.close()
  const second = await newProcess()
  expect(underWay()).toEqual([])
  expect(await count('otel_logs', "ServiceName = 'halved'")).toBe(3)
  await second.send('logs', body)
  expect(await count('otel_logs', "ServiceName = 'halved'")).toBe(3)
})

it('records without a time of their own are not taken for repeats', async () => {
  const { send } = await newProcess()
  const body = logs('timeless', ['0'])
  await send('logs', body)
  await send('logs', body)
  expect(await count('otel_logs', "ServiceName = 'timeless'")).toBe(2)
})

it('a batch that came to the journal block by block is one insert, and one when it is repeated', async () => {
  const partsOf = async () => {
    const [row] = await store.query<{ parts: number }>(
      `SELECT uniqExact(_part) AS parts FROM otel_logs WHERE ServiceName = 'large'`,
    )
    return row?.parts
  }
  const now = Date.now()
  // No two are the same: that would be a repeat.
  const bodies = Array.from({ length: 20 }, (_, i) =>
    logs('large', Array(50).fill(nanos(now - i - (i % 2) * DAY)) as string[]),
  )
  let inserts = 0
  const limits = { blockBytes: 20_000, maxRows: 1_000, minWait: 60_000, maxWait: 60_000 }
  const first = await newProcess(async (...insert) => {
    if (insert[0] !== 'otel_logs') return await store.insertNative(...insert)
    inserts++
    await store.insertNative(...insert)
    // The answer is lost, and the process with it.
    await new Promise(() => {})
  }, limits)
  for (const body of bodies) void first.send('logs', body)
  await expect.poll(() => count('otel_logs', "ServiceName = 'large'"), SLOW).toBe(1_000)
  expect([inserts, await partsOf()]).toEqual([1, 2])
  const second = await newProcess()
  expect(underWay()).toEqual([])
  await Promise.all(bodies.map((body) => second.send('logs', body)))
  expect([await count('otel_logs', "ServiceName = 'large'"), await partsOf()]).toEqual([1_000, 2])
})

it('the rollups of all that equal a recount', async () => {
  const measure = catalogue.measures.get('log.record')
  if (measure === undefined) throw new Error('no measure log.record')
  const total = 'SELECT service, sum(cells.count) AS records FROM'
  const recount = await store.query(
    `${total} (${rollupSelect(measure)}) AS cells GROUP BY service ORDER BY service`,
  )
  for (const table of ['signal_1m', 'signal_1h']) {
    const where = 'WHERE measure = {measure:String} GROUP BY service ORDER BY service'
    const rollup = await store.query(`${total} ${table} AS cells ${where}`, { measure: measure.id })
    expect(rollup, table).toEqual(recount)
  }
})

it('no file but the journal’s can be named as the body of an insert, by a link neither', async () => {
  const secret = join(dataDir, 'secret.native')
  writeFileSync(secret, 'not for others')
  mkdirSync(folder, { recursive: true })
  const link = join(folder, 'link.native')
  symlinkSync(secret, link)
  for (const file of [secret, link]) {
    const rows = { path: file, read: () => Readable.from([]) }
    await expect(store.insertNative('otel_logs', ['Body'], rows)).rejects.toThrow("may be an insert's body")
  }
  rmSync(link)
})
