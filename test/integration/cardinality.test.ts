import { afterAll, beforeAll, expect, it } from 'vitest'
import { compareSignals } from '../../analytics/jobs/compare-signals.ts'
import { restNotes } from '../../analytics/jobs/rest-notes.ts'
import { loadCells } from '../../analytics/queries/cells.ts'
import { recount } from '../../ingest/backfill/recount.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { lookAtDimensions } from '../../ingest/cardinality/look.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import { openStore } from '../../schemas/store/client.ts'
import { keepDimensions } from '../../schemas/store/kept-dimensions.ts'
import { migrate } from '../../schemas/store/migrate.ts'
import { type Bench, openBench } from './report-fixture.ts'

const MINUTE = 60
const MOST = 40
/** A minute of an hour that is over, well within its day (UTC). */
const NOW = Math.floor(Date.now() / 86_400_000) * 86_400 - 86_400 + 12 * 3600 + 30 * MINUTE
const SERVICE = 'shop'
let bench: Bench

beforeAll(async () => {
  bench = await openBench()
}, 120_000)
afterAll(() => bench?.close())

/** Requests of routes in a minute: number by route; each fails with an exception of its own kind. */
async function send(
  second: number,
  routes: Readonly<Record<string, number>>,
  service = SERVICE,
): Promise<void> {
  const resource = { ServiceName: service, ResourceAttributes: { 'service.version': '1.0' } }
  const at = new Date(second * 1000).toISOString()
  const requests = Object.entries(routes).flatMap(([route, count]) =>
    Array.from({ length: count }, (_, i) => ({ route, id: `${route}-${i}` })),
  )
  await bench.store.insert(
    'otel_traces',
    requests.map(({ route, id }) => ({
      ...resource,
      Timestamp: at,
      TraceId: id.padStart(32, '0'),
      SpanId: id.padStart(16, '0'),
      SpanName: `GET ${route}`,
      SpanKind: 'Server',
      SpanAttributes: { 'http.request.method': 'GET', 'http.route': route },
      Duration: 100_000_000,
      StatusCode: 'Error',
      'Events.Timestamp': [at],
      'Events.Name': ['exception'],
      'Events.Attributes': [{ 'exception.type': route, 'exception.message': 'failed' }],
    })),
  )
  await bench.store.insert(
    'otel_logs',
    requests.map(({ route, id }) => ({
      ...resource,
      Timestamp: at,
      TraceId: id.padStart(32, '0'),
      SpanId: id.padStart(16, '0'),
      SeverityNumber: 17,
      Body: 'failed',
      LogAttributes: { 'exception.type': route, 'exception.message': 'failed' },
    })),
  )
}

const ids = (from: number, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`/order/x${from + i}`, 1]))

const look = (now: number) =>
  lookAtDimensions(
    {
      store: bench.store,
      catalogue: bench.catalogue,
      source: [],
      most: MOST,
      mostStreams: MOST,
      mostInstances: 1000,
      maxFutureMinutes: 60,
    },
    now,
  )

async function counted(second: number, service = SERVICE): Promise<Record<string, number>> {
  const rows = await bench.store.query<{ dimension: string; n: number }>(
    `SELECT dimension, sum(count) AS n FROM signal_1m WHERE measure = 'server.request' AND service = {service:String}
    AND time = toStartOfMinute(toDateTime({second:UInt32})) GROUP BY dimension`,
    { second, service },
  )
  return Object.fromEntries(rows.map(({ dimension, n }) => [dimension, n]))
}

/** Cells that differ from what the raw rows say now. */
async function differing(): Promise<number> {
  const task = (await backfillTasks(bench.store, bench.catalogue, [], new Set(['server.request'])))[0]
  if (task === undefined) throw new Error('no such task')
  const requests = await recount(bench.store, task, { from: NOW - 3600, to: NOW + 7200 }, 2)
  expect(requests.cells).toBeGreaterThan(100)
  const raw = [...bench.catalogue.measures.values()]
    .filter(({ cells }) => cells === 'exception_1m')
    .map((measure) => rollupSelect(measure))
  expect(raw).toHaveLength(2)
  const keys = 'time, service, version, dimension, says, span'
  const [exceptions] = await bench.store.query<{ n: number; differing: number }>(
    `SELECT count() AS n, countIf(e != 0 OR l != 0) AS differing FROM (
      SELECT ${keys}, sum(events * side) AS e, sum(logs * side) AS l FROM (
        SELECT ${keys}, toInt64(events) AS events, toInt64(logs) AS logs, 1 AS side FROM exception_1m
        UNION ALL SELECT ${keys}, toInt64(events), toInt64(logs), -1 FROM (${raw.join(' UNION ALL ')})
      ) GROUP BY ${keys})`,
  )
  expect(exceptions?.n).toBeGreaterThan(100)
  return requests.differing + (exceptions?.differing ?? Number.NaN)
}

it('puts the rest together from a minute that nothing has been counted of, and names newcomers that are frequent', {
  timeout: 120_000,
}, async () => {
  await send(NOW - 5 * MINUTE, { '/cart': 30, '/pay': 20, ...ids(0, 100) })
  // A sender whose clock is ahead.
  await send(NOW + 7 * MINUTE, ids(1000, 10))
  await send(NOW, { '/cart': 5 }, 'quiet')
  const first = await look(NOW)
  expect(first.map(({ measure, service }) => [measure, service]).sort()).toEqual([
    ['exception', SERVICE],
    ['server.request', SERVICE],
  ])

  const limited = NOW + 8 * MINUTE
  await send(limited - MINUTE, ids(2000, 10))
  expect(Object.keys(await counted(limited - MINUTE))).toHaveLength(20)
  await send(limited, { '/cart': 30, '/refund': 25, ...ids(3000, 100) })
  expect(await counted(limited)).toEqual({ 'GET /cart': 30, [OTHER]: 125 })
  await send(limited, { '/a': 1, '/b': 1 }, 'quiet')
  expect(await counted(limited, 'quiet')).toEqual({ 'GET /a': 1, 'GET /b': 1 })

  const [, routes] = (await look(limited + MINUTE)).sort((a, b) => a.measure.localeCompare(b.measure))
  expect(routes).toMatchObject({
    measure: 'server.request',
    kept: MOST / 2,
    of: 175,
    values: 111,
    records: 135,
    full: false,
  })
  const named = limited + 3 * MINUTE
  await send(named, { '/refund': 7, ...ids(4000, 50) })
  expect(await counted(named)).toEqual({ 'GET /refund': 7, [OTHER]: 50 })
  // Late rows are counted as they would have been in time.
  await send(limited, { '/refund': 1, '/cart': 1 })
  await send(NOW, ids(5000, 3))
  expect(await counted(limited)).toEqual({ 'GET /cart': 31, [OTHER]: 126 })
  expect(Object.keys(await counted(NOW))).toHaveLength(3)

  // An exception that came as event and log is one of the rest, too.
  const [cell] = await bench.store.query<{ rows: number; events: number; logs: number }>(
    `SELECT uniqExact(says) AS rows, sum(events) AS events, sum(logs) AS logs FROM exception_1m
    WHERE service = {service:String} AND dimension = {other:String} AND time = toDateTime({named:UInt32})`,
    { service: SERVICE, other: OTHER, named },
  )
  expect(cell).toEqual({ rows: 1, events: 50, logs: 50 })
  expect(await differing()).toBe(0)
})

it('is read as one series, also of the time before, said in a note and never judged by itself', {
  timeout: 120_000,
}, async () => {
  const request = { service: SERVICE, environment: 'default', from: NOW - 600, to: NOW + 1200 }
  const set = await loadCells(bench.store, bench.catalogue, request)
  const routes = set.get('server.request')
  const dimensions = [...(routes?.keys() ?? [])]
  expect(dimensions).toHaveLength(MOST / 2 + 2)
  expect(dimensions).toContain('GET /refund')
  const cells = routes?.get(OTHER)?.get('1.0') ?? []
  expect(cells.map(({ time }) => time)).toContain(NOW - 5 * MINUTE)
  const total = [...(routes?.values() ?? [])].flatMap((versions) => [...versions.values()].flat())
  const [raw] = await bench.store.query<{ n: number }>(
    "SELECT count() AS n FROM otel_traces WHERE ServiceName = 'shop'",
  )
  expect(total.reduce((sum, { count }) => sum + count, 0)).toBe(raw?.n)
  const rest = cells.reduce((sum, { count }) => sum + count, 0)
  expect(restNotes(bench.catalogue, set).join()).toContain(`${rest} of ${raw?.n}`)
  const arm = { set, versions: ['1.0'], from: NOW - 600, to: NOW + 1200 }
  const compared = compareSignals(bench.catalogue.signals, arm, arm, {
    alpha: 0.01,
    design: 'before-after',
    stepSeconds: 60,
  })
  expect(compared.map(({ dimension }) => dimension)).toContain('GET /cart')
  expect(compared.map(({ dimension }) => dimension)).not.toContain(OTHER)
})

it('counts the same after the server has forgotten what is in its memory', { timeout: 120_000 }, async () => {
  await bench.store.command('TRUNCATE TABLE kept_dimension_now')
  await migrate(bench.store, bench.catalogue, bench.config.retention)
  const at = NOW + 20 * MINUTE
  await send(at, { '/cart': 2, ...ids(6000, 5) })
  expect(await counted(at)).toEqual({ 'GET /cart': 2, [OTHER]: 5 })
  expect(await differing()).toBe(0)
})

it('is decided for the next day before its first row may come, and given up when the values are few again', {
  timeout: 120_000,
}, async () => {
  const midnight = (Math.floor(NOW / 86_400) + 1) * 86_400
  await send(midnight - 75 * MINUTE, { '/cart': 3, ...ids(7000, 5) })
  await look(midnight - 65 * MINUTE)
  await send(midnight + 5 * MINUTE, { '/cart': 2, ...ids(8000, 5) })
  expect(await counted(midnight + 5 * MINUTE)).toEqual({ 'GET /cart': 2, [OTHER]: 5 })
  await bench.store.command('TRUNCATE TABLE dimension_rest')
  await look(midnight + 86_400 - 65 * MINUTE)
  await send(midnight + 86_400 + 5 * MINUTE, ids(9000, 3))
  expect(Object.keys(await counted(midnight + 86_400 + 5 * MINUTE))).toHaveLength(3)
})

it('is looked at also when a signal that had too many values is no more', { timeout: 60_000 }, async () => {
  const day = new Date(NOW * 1000).toISOString().slice(0, 10)
  const gone = { service: SERVICE, measure: 'custom.gone', day, since: NOW }
  await keepDimensions(bench.store, [
    { ...gone, dimension: OTHER },
    { ...gone, dimension: 'a' },
  ])
  const looked = await look(NOW + 30 * MINUTE)
  expect(looked.map(({ measure }) => measure)).toContain('server.request')
})

it('is asked for in another session’s database', { timeout: 60_000 }, async () => {
  await bench.store.command('CREATE DATABASE elsewhere')
  const elsewhere = openStore({ url: bench.store.url, database: 'elsewhere' })
  try {
    await elsewhere.command(
      "INSERT INTO default.otel_traces (Timestamp, ServiceName, SpanName, SpanKind) VALUES (now(), 'there', 'GET', 'Server')",
    )
  } finally {
    await elsewhere.close()
  }
  const [row] = await bench.store.query<{ n: number }>(
    "SELECT sum(count) AS n FROM signal_1m WHERE service = 'there' AND measure = 'server.request'",
  )
  expect(row?.n).toBe(1)
})
