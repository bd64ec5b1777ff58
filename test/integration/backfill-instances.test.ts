import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { historyRests } from '../../analytics/queries/history-rests.ts'
import { dimensionFindings } from '../../deploy/cli/doctor-dimensions.ts'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { backfill } from '../../ingest/backfill/backfill.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { verify } from '../../ingest/backfill/verify.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import type { SourceTable } from '../../schemas/source/probe.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { prepareStore } from '../../schemas/store/prepare.ts'

const HOUR = 3600
const DAY = 86_400
const MOST = 10
const catalogue = buildCatalogue()
const MEASURES = new Set([
  'server.request',
  'exception.span_event',
  'exception.log',
  'process.cpu_time',
  'process.memory_gauge',
])
const TABLES = ['signal_1m', 'signal_1h', 'counter_1m', 'exception_1m', 'version_1h'] as const
/** Start of a day some days ago; the first rows of all are older, so that the days are known to be whole. */
const CROWDED = Math.floor(Date.now() / 1000 / DAY) * DAY - 4 * DAY
const CALM = CROWDED + DAY
let dataDir: string
let embedded: EmbeddedStore
let store: Store
let source: readonly SourceTable[]

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'postflight-history-instances-'))
  embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
  store = openStore({ url: embedded.url })
  const own = configSchema.parse({})
  await prepareStore(store, { ...catalogue, measures: new Map() }, own)
  await store.command('CREATE DATABASE theirs')
  for (const table of ['otel_traces', 'otel_logs', 'otel_metrics_sum', 'otel_metrics_gauge'])
    await store.command(`CREATE TABLE theirs.${table} AS ${table}`)
  await send(CROWDED - DAY, ids(0, 1))
  await send(CROWDED + HOUR, ids(0, 8))
  await send(CROWDED + 3 * HOUR, { a: 30, b: 20, ...ids(100, 60) })
  await send(CROWDED + 5 * HOUR, { a: 30, night: 25, ...ids(200, 40) })
  await send(CALM + HOUR, ids(0, 8))
  const clickhouse = { source: { database: 'theirs', live: false } }
  ;({ source } = await prepareStore(store, catalogue, configSchema.parse({ clickhouse })))
}, 240_000)
afterAll(async () => {
  await store?.close()
  await embedded?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

const ids = (from: number, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`pod-${from + i}`, 1]))

/** Requests of instances in the user's tables, each with an exception as event and log; of each instance two points of a counter and one of a gauge. */
async function send(second: number, instances: Readonly<Record<string, number>>): Promise<void> {
  const at = (later: number) => new Date((second + later) * 1000).toISOString()
  const resource = (instance: string) => ({
    ServiceName: 'shop',
    ResourceAttributes: { 'service.version': '1.0', 'service.instance.id': instance },
  })
  const requests = Object.entries(instances).flatMap(([instance, count]) =>
    Array.from({ length: count }, (_, i) => ({
      ...resource(instance),
      Timestamp: at(0),
      TraceId: `${instance}-${i}`.padStart(32, '0'),
      SpanId: `${instance}-${i}`.padStart(16, '0'),
    })),
  )
  const exception = { 'exception.type': 'Failed', 'exception.message': 'failed' }
  const span = { SpanName: 'GET /', SpanKind: 'Server', Duration: 100_000_000 }
  const event = {
    'Events.Timestamp': [at(0)],
    'Events.Name': ['exception'],
    'Events.Attributes': [exception],
  }
  await store.insert(
    'theirs.otel_traces',
    requests.map((request) => ({ ...request, ...span, ...event })),
  )
  await store.insert(
    'theirs.otel_logs',
    requests.map((request) => ({ ...request, SeverityNumber: 17, Body: 'failed', LogAttributes: exception })),
  )
  const names = Object.keys(instances)
  await store.insert(
    'theirs.otel_metrics_sum',
    names.flatMap((name) =>
      [0, 60].map((later) => ({
        ...resource(name),
        TimeUnix: at(later),
        StartTimeUnix: new Date((CROWDED - DAY) * 1000).toISOString(),
        AggregationTemporality: 2,
        MetricName: 'process.cpu.time',
        Value: later,
        IsMonotonic: true,
      })),
    ),
  )
  await store.insert(
    'theirs.otel_metrics_gauge',
    names.map((name) => ({
      ...resource(name),
      TimeUnix: at(0),
      MetricName: 'process.memory.usage',
      Value: 1,
    })),
  )
}

const options = async () => ({
  store,
  tasks: await backfillTasks(store, catalogue, source, MEASURES),
  now: Math.floor(Date.now() / 1000),
  lateness: 0,
  from: 0,
  to: CALM + 2 * DAY,
  threads: 1,
  cardinality: { values: 1000, streams: 1000, instances: MOST },
})

async function instances(table: string, from: number): Promise<string[]> {
  const rows = await store.query<{ instance: string }>(
    `SELECT DISTINCT toString(instance) AS instance FROM ${table} WHERE time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32}) ORDER BY instance`,
    { from, to: from + DAY },
  )
  return rows.map(({ instance }) => instance)
}
const differing = async () => (await verify(await options())).filter((one) => one.differing > 0)
const requests = async () =>
  (
    await store.query<{ instance: string; n: number }>(
      `SELECT toString(instance) AS instance, sum(count) AS n FROM signal_1m WHERE measure = 'server.request'
      AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32}) GROUP BY instance`,
      { from: CROWDED, to: CALM },
    )
  ).reduce<Record<string, number>>((all, { instance, n }) => Object.assign(all, { [instance]: n }), {})

it('the past of a day with too many instances is bounded in all rollups, said, and agrees with a recount', {
  timeout: 240_000,
}, async () => {
  const { rests } = await backfill(await options())
  for (const table of TABLES) {
    const names = await instances(table, CROWDED)
    expect(names, table).toEqual(expect.arrayContaining([OTHER, 'a', 'b', 'night']))
    expect(names.length, table).toBeLessThanOrEqual(2 * MOST + 1)
    expect(await instances(table, CALM), table).toHaveLength(8)
  }
  const counted = await requests()
  expect(counted).toMatchObject({ a: 60, b: 20, night: 25 })
  expect(Object.values(counted).reduce((sum, n) => sum + n, 0)).toBe(213)
  const [streams] = await store.query<{ n: number }>(
    'SELECT uniqExact(stream) AS n FROM counter_1m WHERE time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})',
    { from: CROWDED, to: CALM },
  )
  expect(streams?.n).toBe(8 + 62 + 41)
  const fleet = { service: 'shop', environment: 'default', version: '1.0', measure: 'instance' }
  expect(rests).toMatchObject([{ ...fleet, at: CROWDED, streams: false }])
  expect(await historyRests(store, 'shop')).toMatchObject([{ ...fleet, days: 1, streams: false }])
  const [rest] = rests
  expect((rest?.kept ?? 0) + (rest?.values ?? 0)).toBe(8 + 62 + 41)
  const findings = await dimensionFindings(store, Date.now())
  expect(findings.map(({ check, found }) => `${check}: ${found}`).join('\n')).toMatch(
    /history of instances of shop 1\.0 in default: up to \d+ instances a day are counted as \(other\) on 1 days/,
  )
  expect(await differing()).toEqual([])
})

it('rows that come late, and a day that is counted again, are counted by what was decided', {
  timeout: 240_000,
}, async () => {
  const before = await requests()
  await send(CROWDED + 3 * HOUR + 60, { a: 1, late: 60 })
  await backfill({ ...(await options()), again: true })
  expect(await requests()).toEqual({ ...before, a: 61, [OTHER]: (before[OTHER] ?? 0) + 60 })
  expect(await differing()).toEqual([])
})
