import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { backfill } from '../../ingest/backfill/backfill.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { verify } from '../../ingest/backfill/verify.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue, type Catalogue } from '../../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../../schemas/signals/custom.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { prepareStore } from '../../schemas/store/prepare.ts'
import { startCli } from './cli-process.ts'
import { GENERATIONS, makeTables } from './exporter-generations.ts'

const DAY = 86_400
/** Start of a day some days ago, in seconds. */
const START = Math.floor(Date.now() / 1000 / DAY) * DAY - 4 * DAY
const SPANS = 30_000
let dataDir: string
let embedded: EmbeddedStore
let store: Store

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'postflight-backfill-'))
  embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
  store = openStore({ url: embedded.url })
  await prepareStore(store, buildCatalogue(), configSchema.parse({}))
}, 240_000)
afterAll(async () => {
  await store?.close()
  await embedded?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

/** Server spans, evenly over three days. */
async function insertSpans(table: string, from: number, seconds: number, count: number): Promise<void> {
  await store.command(
    `INSERT INTO ${table} (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes, Duration, StatusCode)
    SELECT toDateTime64({from:UInt32} + intDiv(number * {seconds:UInt64}, {count:UInt64}), 9), toString(number), toString(number), 'GET', 'Server',
      concat('service-', toString(number % 3)), map('service.version', '1.0'), map('http.request.method', 'GET', 'http.route', concat('/', toString(number % 7))),
      1000000 * (1 + number % 250), if(number % 50 = 0, 'Error', 'Unset')
    FROM numbers({count:UInt64})`,
    { from, seconds, count },
  )
}

async function counted(table: 'signal_1m' | 'signal_1h', measure = 'server.request') {
  const [row] = await store.query<{ n: number; bad: number; seconds: number }>(
    `SELECT sum(count) AS n, sum(bad) AS bad, round(sum(cells.sum), 3) AS seconds FROM ${table} AS cells WHERE measure = {measure:String}`,
    { measure },
  )
  return row
}

it('killed again and again, counts every row of the past once', { timeout: 300_000 }, async () => {
  const [generation] = GENERATIONS.filter(({ name }) => name === 'until_v0150')
  if (generation === undefined) throw new Error('no such generation')
  await makeTables(store, {
    ...generation,
    tables: generation.tables.filter((sql) => sql.includes('.otel_traces ')),
  })
  await insertSpans('until_v0150.otel_traces', START, 3 * DAY, SPANS)
  const flags = ['--no-wait', '--clickhouse.url', embedded.url, '--clickhouse.source.database', 'until_v0150']
  await prepareStore(
    store,
    buildCatalogue(),
    configSchema.parse({ clickhouse: { source: { database: 'until_v0150' } } }),
  )
  const progressed = async () =>
    (await store.query<{ n: number }>('SELECT count() AS n FROM backfill FINAL'))[0]?.n ?? 0
  for (const spans of [1, 3, 6]) {
    const run = startCli(dataDir, ['backfill', ...flags])
    while ((await progressed()) < spans) await sleep(20)
    run.child.kill('SIGKILL')
    await run.ended
    expect(await counted('signal_1m')).not.toMatchObject({ n: SPANS })
  }
  const last = await startCli(dataDir, ['backfill', '--json', ...flags]).ended
  expect(last, last.err).toMatchObject({ code: 0 })
  for (const table of ['signal_1m', 'signal_1h'] as const)
    expect(await counted(table), table).toEqual({ n: SPANS, bad: SPANS / 50, seconds: 3765 })
  const verified = await startCli(dataDir, ['backfill', '--verify', ...flags]).ended
  expect(verified.out).toMatch(/server\.request.*agrees/)
  expect(verified.code).toBe(0)

  // A row that came late is found, by the recount and by the next run.
  await insertSpans('until_v0150.otel_traces', START + 60, 1, 1)
  expect((await startCli(dataDir, ['backfill', '--verify', ...flags]).ended).code).toBe(1)
  const late = await startCli(dataDir, ['backfill', ...flags]).ended
  expect(late, late.err).toMatchObject({ code: 0 })
  expect(await counted('signal_1h')).toMatchObject({ n: SPANS + 1 })
})

it("counts a new signal's past, and nothing twice that its view takes", async () => {
  const signal = (metric: string) =>
    customSignalSchema.parse({ id: 'carts', title: 'Carts', metric, type: 'gauge' })
  const only = (catalogue: Catalogue): Catalogue => ({
    ...catalogue,
    measures: new Map([...catalogue.measures].filter(([id]) => id === 'custom.carts')),
  })
  const point = (seconds: number) => ({
    ServiceName: 'shop',
    ResourceAttributes: { 'service.version': '1.0' },
    MetricName: 'carts',
    TimeUnix: new Date(seconds * 1000).toISOString(),
    Value: 2,
  })
  const config = configSchema.parse({})
  const now = Math.floor(Date.now() / 1000)
  // The first on a day before: of the day on which a table's rows begin it is not known whether all are there, and it is not verified.
  await store.insert('otel_metrics_gauge', [point(now - DAY - 7200), point(now - 60), point(now)])
  const catalogue = only(buildCatalogue([signal('carts')]))
  await prepareStore(store, catalogue, config)
  // Between now and the cut-over, and after it.
  await store.insert('otel_metrics_gauge', [point(now + 5), point(now + 600), point(now + 900)])
  expect(await counted('signal_1m', 'custom.carts')).toMatchObject({ n: 2 })
  const options = {
    store,
    tasks: await backfillTasks(store, catalogue, [], new Set()),
    lateness: 0,
    from: 0,
    to: now + DAY,
    threads: 1,
    cardinality: config.cardinality,
  }
  const early = await backfill({ ...options, now })
  expect(early.restFrom).toBeGreaterThan(now)
  await backfill({ ...options, now: now + 3600 })
  expect(await counted('signal_1m', 'custom.carts')).toMatchObject({ n: 6 })
  expect(await counted('signal_1h', 'custom.carts')).toMatchObject({ n: 6 })
  // Made anew for another reason, the view goes on where it was.
  await prepareStore(store, only(buildCatalogue([{ ...signal('carts'), dimension: 'shop' }])), config)
  expect(await backfill({ ...options, now: now + 3600 })).toMatchObject({ spans: 0 })
  // Gone and come back, it is counted anew, not beside what was there.
  await prepareStore(store, { ...catalogue, measures: new Map() }, config)
  await prepareStore(store, catalogue, config)
  const tasks = await backfillTasks(store, catalogue, [], new Set())
  await backfill({ ...options, tasks, now: now + 7200, again: true })
  expect(await counted('signal_1m', 'custom.carts')).toMatchObject({ n: 6 })
  expect(await counted('signal_1h', 'custom.carts')).toMatchObject({ n: 6 })
  const verified = await verify({ ...options, tasks, now: now + 7200 })
  expect(verified).toMatchObject([{ measure: 'custom.carts', differing: 0 }])
})

it('says which table and column of the user cannot be read', async () => {
  await store.command('CREATE DATABASE broken')
  await store.command(
    'CREATE TABLE broken.otel_logs (Timestamp DateTime64(9), ServiceName String, SeverityNumber UInt8, Body Array(String), ResourceAttributes Map(String, String), LogAttributes Map(String, String)) ENGINE = MergeTree ORDER BY Timestamp',
  )
  const prepare = (source: object) =>
    prepareStore(store, buildCatalogue(), configSchema.parse({ clickhouse: { source } }))
  await expect(prepare({ database: 'broken' })).rejects.toMatchObject({
    code: 'SOURCE_UNREADABLE',
    message: 'broken.otel_logs, Body: expected String, got Array(String).',
  })
  await store.command('ALTER TABLE broken.otel_logs DROP COLUMN Body')
  await expect(prepare({ database: 'broken' })).rejects.toThrow('Body: expected String, got no such column')
  await expect(prepare({ database: 'nowhere' })).rejects.toThrow('no tables in the database nowhere')
  await expect(prepare({ database: 'broken', tables: { otel_traces: 'spans' } })).rejects.toThrow(
    'no table spans',
  )
  await store.command('CREATE VIEW broken.otel_traces AS SELECT 1 AS x')
  await expect(prepare({ database: 'broken' })).rejects.toThrow('MergeTree family, got View')
  expect(() => configSchema.parse({ clickhouse: { source: { database: 'default' } } })).toThrow(
    'expected another database',
  )
})
