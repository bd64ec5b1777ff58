import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadCells } from '../../analytics/queries/cells.ts'
import { historyRests } from '../../analytics/queries/history-rests.ts'
import { restsSection } from '../../api/pages/rests.ts'
import { dimensionFindings } from '../../deploy/cli/doctor-dimensions.ts'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { type BackfillOutcome, backfill } from '../../ingest/backfill/backfill.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { type Verified, verify } from '../../ingest/backfill/verify.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { prepareStore } from '../../schemas/store/prepare.ts'

const HOUR = 3600
const DAY = 86_400
const config = configSchema.parse({})
const catalogue = buildCatalogue()
const CARDINALITY = { values: 40, streams: 100, instances: 10 }
const MEASURES = new Set([
  'server.request',
  'exception.span_event',
  'exception.log',
  'process.cpu_time',
  'server.request.metric',
])
/** Start of a day some days ago; the first rows of all are older, so that the days are known to be whole. */
const CROWDED = Math.floor(Date.now() / 1000 / DAY) * DAY - 4 * DAY
const CALM = CROWDED + DAY
let dataDir: string
let embedded: EmbeddedStore
let store: Store

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'postflight-history-'))
  embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
  store = openStore({ url: embedded.url })
  // No view counts what comes before the catalogue does.
  await prepareStore(store, { ...catalogue, measures: new Map() }, config)
  await send(CROWDED - DAY, [['/cart', 1]], 1)
  await send(CROWDED + HOUR, [['/cart', 30], ...ids(0, 30)], 20)
  await send(CROWDED + 3 * HOUR, [['/cart', 30], ['/pay', 20], ...ids(100, 300)], 400)
  await send(CROWDED + 5 * HOUR, [['/cart', 30], ['/night', 25], ...ids(1000, 100)], 400)
  await send(CALM + HOUR, [['/cart', 30], ...ids(0, 30)], 60)
  await prepareStore(store, catalogue, config)
}, 240_000)
afterAll(async () => {
  await store?.close()
  await embedded?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

type Routes = readonly (readonly [route: string, requests: number])[]
const ids = (from: number, count: number): Routes =>
  Array.from({ length: count }, (_, i) => [`/order/x${from + i}`, 1] as const)

/** Requests of routes, each with an exception of its own kind, as event and log, and points of metrics' streams: two minutes of them. */
async function send(second: number, routes: Routes, streams: number): Promise<void> {
  const resource = { ServiceName: 'shop', ResourceAttributes: { 'service.version': '1.0' } }
  const at = new Date(second * 1000).toISOString()
  const requests = routes.flatMap(([route, count]) =>
    Array.from({ length: count }, (_, i) => ({ route, id: `${route}-${i}` })),
  )
  const span = ({ id }: { id: string }) => ({ TraceId: id.padStart(32, '0'), SpanId: id.padStart(16, '0') })
  await store.insert(
    'otel_traces',
    requests.map((request) => ({
      ...resource,
      ...span(request),
      Timestamp: at,
      SpanName: 'GET',
      SpanKind: 'Server',
      SpanAttributes: { 'http.request.method': 'GET', 'http.route': request.route },
      Duration: 100_000_000,
      'Events.Timestamp': [at],
      'Events.Name': ['exception'],
      'Events.Attributes': [{ 'exception.type': request.route, 'exception.message': 'failed' }],
    })),
  )
  await store.insert(
    'otel_logs',
    requests.map((request) => ({
      ...resource,
      ...span(request),
      Timestamp: at,
      SeverityNumber: 17,
      Body: 'failed',
      LogAttributes: { 'exception.type': request.route, 'exception.message': 'failed' },
    })),
  )
  const points = [0, 60].flatMap((later) =>
    Array.from({ length: streams }, (_, stream) => ({
      ...resource,
      TimeUnix: new Date((second + later) * 1000).toISOString(),
      StartTimeUnix: new Date((CROWDED - DAY) * 1000).toISOString(),
      AggregationTemporality: 2,
      Attributes: { 'cpu.mode': 'user', stream: String(stream), 'http.route': '/' },
      n: 1 + later / 60,
    })),
  )
  await store.insert(
    'otel_metrics_sum',
    points.map(({ n, ...point }) => ({
      ...point,
      MetricName: 'process.cpu.time',
      Value: n,
      IsMonotonic: true,
    })),
  )
  await store.insert(
    'otel_metrics_histogram',
    points.map(({ n, ...point }) => ({
      ...point,
      MetricName: 'http.server.request.duration',
      MetricUnit: 's',
      Count: n,
      Sum: n,
      BucketCounts: [n, 0],
      ExplicitBounds: [1],
    })),
  )
}

const options = async (over: Store = store) => ({
  store: over,
  tasks: await backfillTasks(over, catalogue, [], MEASURES),
  now: Math.floor(Date.now() / 1000),
  lateness: 0,
  from: 0,
  to: CALM + 2 * DAY,
  threads: 1,
  cardinality: CARDINALITY,
})
const count = async (again = false): Promise<BackfillOutcome> =>
  await backfill({ ...(await options()), again })
const recounted = async (): Promise<readonly Verified[]> => await verify(await options())

async function dimensions(from: number, hours = 24): Promise<Record<string, number>> {
  const rows = await store.query<{ dimension: string; n: number }>(
    `SELECT dimension, sum(count) AS n FROM signal_1m WHERE measure = 'server.request'
    AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32}) GROUP BY dimension`,
    { from, to: from + hours * HOUR },
  )
  return Object.fromEntries(rows.map(({ dimension, n }) => [dimension, n]))
}

it('the past of a day with too many values or streams is bounded, said, and agrees with a recount', {
  timeout: 240_000,
}, async () => {
  const { rests } = await count()
  const crowded = await dimensions(CROWDED)
  // Half of the room for the most frequent, and what the span before the decision had already.
  expect(crowded).toMatchObject({ 'GET /cart': 90, 'GET /pay': 20, 'GET /night': 25 })
  expect(Object.keys(crowded).length).toBeLessThanOrEqual(2 * CARDINALITY.values + 1)
  expect(Object.values(crowded).reduce((sum, n) => sum + n, 0)).toBe(565)
  expect(crowded[OTHER]).toBeGreaterThan(300)
  expect(Object.keys(await dimensions(CALM))).toHaveLength(31)
  const told = rests.filter(({ measure }) => measure === 'server.request')
  expect(told).toMatchObject([
    { service: 'shop', at: CROWDED, streams: false, records: crowded[OTHER], of: 565 },
  ])
  expect(await historyRests(store, 'shop')).toMatchObject([
    { measure: 'exception', streams: false, days: 1 },
    { measure: 'process.cpu_time', streams: true, days: 1, of: 2 * 820 },
    { measure: 'server.request', streams: false, days: 1, records: crowded[OTHER] },
    { measure: 'server.request.metric', streams: true, days: 1 },
  ])
  for (const { measure, kept, records, of } of await historyRests(store))
    expect(records / of, measure).toBeGreaterThan(measure.startsWith('process') ? 0.5 : kept / 1e6)
  for (const table of ['counter_1m', 'histogram_1m'])
    expect(
      await store.query(
        `SELECT max(n) AS most, sum(n) > 0 AS some FROM (SELECT uniqExact(stream) AS n FROM ${table} WHERE time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32}) GROUP BY time)`,
        { from: CROWDED, to: CALM },
      ),
      table,
    ).toMatchObject([
      { most: expect.toSatisfy((most: number) => most <= CARDINALITY.streams) as number, some: 1 },
    ])
  const findings = await dimensionFindings(store, Date.now())
  expect(findings.map(({ check, found }) => `${check}: ${found}`).join('\n')).toMatch(
    new RegExp(
      `history of server.request of shop: .* counted as \\(other\\) on 1 days .* ${crowded[OTHER]} of 565 records`,
    ),
  )
  const page = restsSection([], await historyRests(store, 'shop'))
  expect(page).toContain(`<td data-label="Their records" class="n">${crowded[OTHER]}</td>`)
  expect(page).toContain('<td data-label="Of">streams</td>')
  const verified = await recounted()
  expect(new Set(verified.map(({ measure }) => measure))).toEqual(MEASURES)
  for (const { measure, cells, differing } of verified) {
    expect(cells, measure).toBeGreaterThan(50)
    expect(differing, measure).toBe(0)
  }
})

it('rows that come late are counted by what was decided', { timeout: 240_000 }, async () => {
  const before = await dimensions(CROWDED)
  await send(
    CROWDED + 3 * HOUR + 60,
    [
      ['/cart', 1],
      ['/late', 60],
    ],
    401,
  )
  expect((await recounted()).some(({ differing }) => differing > 0)).toBe(true)
  await count()
  expect(await dimensions(CROWDED)).toEqual({
    ...before,
    'GET /cart': 91,
    [OTHER]: (before[OTHER] ?? 0) + 60,
  })
  expect((await recounted()).filter(({ differing }) => differing > 0)).toEqual([])
})

it('killed before a span is written down, while counting anew, it goes on as it had decided', {
  timeout: 240_000,
}, async () => {
  const before = await dimensions(CROWDED)
  for (const fails of [1, 3, 6]) {
    let left = fails
    const dying: Store = {
      ...store,
      url: store.url,
      database: store.database,
      query: (...of) => store.query(...of),
      command: async (sql, ...of) => {
        await store.command(sql, ...of)
        if (sql.startsWith('DELETE') && --left === 0) throw new Error('killed')
      },
      insert: (...of) => store.insert(...of),
    }
    await expect(backfill({ ...(await options(dying)), again: true })).rejects.toThrow('killed')
  }
  await count()
  expect(await dimensions(CROWDED)).toEqual(before)
  expect((await recounted()).filter(({ differing }) => differing > 0)).toEqual([])
})

it('is read as one series, with what views put together', async () => {
  const request = { service: 'shop', environment: 'default', from: CROWDED, to: CALM + DAY }
  const set = await loadCells(store, catalogue, request)
  const routes = set.get('server.request')
  const total = [...(routes?.values() ?? [])].flatMap((versions) => [...versions.values()].flat())
  expect(total.reduce((sum, { count: n }) => sum + n, 0)).toBe(565 + 61 + 60)
  expect(routes?.has(OTHER)).toBe(true)
  expect(routes?.has('GET /order/x250')).toBe(false)
})
