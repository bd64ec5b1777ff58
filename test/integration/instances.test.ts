import { afterAll, beforeAll, expect, it } from 'vitest'
import { comparability } from '../../analytics/jobs/comparability.ts'
import { instanceNotes } from '../../analytics/jobs/rest-notes.ts'
import { loadPlaces } from '../../analytics/monitor/places.ts'
import type { WatchEvidence } from '../../analytics/monitor/watch-evidence.ts'
import { loadCells } from '../../analytics/queries/cells.ts'
import { dimensionRests } from '../../analytics/queries/dimension-rests.ts'
import { keptInstances } from '../../analytics/queries/kept-instances.ts'
import { adoption } from '../../analytics/releases/adoption.ts'
import { restsSection } from '../../api/pages/rests.ts'
import { dimensionFindings } from '../../deploy/cli/doctor-dimensions.ts'
import { recount } from '../../ingest/backfill/recount.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { lookAtInstances } from '../../ingest/cardinality/instances.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { migrate } from '../../schemas/store/migrate.ts'
import { type Bench, openBench } from './report-fixture.ts'

const MINUTE = 60
const MOST = 10
/** A minute of an hour that is over, well within its day (UTC). */
const NOW = Math.floor(Date.now() / 86_400_000) * 86_400 - 86_400 + 12 * 3600 + 30 * MINUTE
/** The first minute that the rest is put together in. */
const BOUND = NOW + 2 * MINUTE
let bench: Bench

beforeAll(async () => {
  bench = await openBench()
}, 120_000)
afterAll(() => bench?.close())

const look = (now: number) =>
  lookAtInstances(
    {
      store: bench.store,
      catalogue: bench.catalogue,
      source: [],
      most: 1000,
      mostStreams: 1000,
      mostInstances: MOST,
      maxFutureMinutes: 60,
    },
    now,
  )

const ids = (from: number, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`pod-${from + i}`, 1]))
const FLEET = { a: 30, b: 20, ...ids(0, 30) }

/** Requests of instances in a minute, each with an exception as event and log, and of each instance a counter that rises by one a second, a gauge and deltas. */
async function send(
  second: number,
  instances: Readonly<Record<string, number>>,
  version = '1.0',
): Promise<void> {
  const at = new Date(second * 1000).toISOString()
  const resource = (instance: string) => ({
    ServiceName: 'shop',
    ResourceAttributes: { 'service.version': version, 'service.instance.id': instance },
  })
  const requests = Object.entries(instances).flatMap(([instance, count]) =>
    Array.from({ length: count }, (_, i) => ({
      ...resource(instance),
      Timestamp: at,
      TraceId: `${instance}-${i}`.padStart(32, '0'),
      SpanId: `${instance}-${i}`.padStart(16, '0'),
    })),
  )
  const exception = { 'exception.type': 'Failed', 'exception.message': 'failed' }
  await bench.store.insert(
    'otel_traces',
    requests.map((request) => ({
      ...request,
      SpanName: 'GET /',
      SpanKind: 'Server',
      Duration: 100_000_000,
      'Events.Timestamp': [at],
      'Events.Name': ['exception'],
      'Events.Attributes': [exception],
    })),
  )
  await bench.store.insert(
    'otel_logs',
    requests.map((request) => ({ ...request, SeverityNumber: 17, Body: 'failed', LogAttributes: exception })),
  )
  const point = (instance: string) => ({
    ...resource(instance),
    TimeUnix: at,
    StartTimeUnix: new Date((NOW - 3600) * 1000).toISOString(),
  })
  const seconds = second - NOW + 3600
  const names = Object.keys(instances)
  await bench.store.insert(
    'otel_metrics_sum',
    names.map((name) => ({
      ...point(name),
      AggregationTemporality: 2,
      MetricName: 'process.cpu.time',
      Value: seconds,
      IsMonotonic: true,
    })),
  )
  await bench.store.insert(
    'otel_metrics_gauge',
    names.map((name, i) => ({ ...point(name), MetricName: 'process.memory.usage', Value: i })),
  )
  const histogram = (name: string) => ({
    ...point(name),
    MetricName: 'http.server.request.duration',
    MetricUnit: 's',
    ExplicitBounds: [1],
  })
  await bench.store.insert('otel_metrics_histogram', [
    ...names.map((name) => ({
      ...histogram(name),
      AggregationTemporality: 2,
      Count: seconds,
      Sum: seconds / 2,
      BucketCounts: [seconds, 0],
    })),
    ...names.map((name) => ({
      ...histogram(name),
      MetricName: 'http.client.request.duration',
      AggregationTemporality: 1,
      Count: 1,
      Sum: 0.5,
      BucketCounts: [1, 0],
    })),
  ])
}

async function instancesOf(table: string, second: number, version = '1.0', more = 'true'): Promise<string[]> {
  const rows = await bench.store.query<{ instance: string }>(
    `SELECT DISTINCT toString(instance) AS instance FROM ${table}
    WHERE service = 'shop' AND version = {version:String} AND time = toDateTime({second:UInt32}) AND ${more} ORDER BY instance`,
    { second, version },
  )
  return rows.map(({ instance }) => instance)
}

/** Cells that differ from what the raw rows say now. */
async function differing(): Promise<number> {
  const measures = ['server.request', 'exception.log', 'process.cpu_time', 'process.memory_gauge']
  let count = 0
  for (const task of await backfillTasks(bench.store, bench.catalogue, [], new Set(measures))) {
    const { cells, differing } = await recount(bench.store, task, { from: NOW - 3600, to: NOW + 7200 }, 1)
    expect(cells, task.measure).toBeGreaterThan(40)
    count += differing
  }
  return count
}

it('puts the rest together in all rollups, from a minute that nothing has been counted of, version by version', {
  timeout: 120_000,
}, async () => {
  await send(NOW - 5 * MINUTE, FLEET)
  for (const minute of [-1, 0, 1]) await send(NOW + minute * MINUTE, FLEET)
  await send(NOW, ids(0, 3), '2.0')
  const [first, ...others] = await look(NOW)
  expect(others).toEqual([])
  expect(first).toMatchObject({
    measure: 'instance',
    service: 'shop',
    environment: 'default',
    version: '1.0',
  })
  expect(await instancesOf('signal_1m', NOW + MINUTE)).toHaveLength(32)

  for (const minute of [0, 1, 2]) await send(BOUND + minute * MINUTE, FLEET)
  await send(BOUND, ids(0, 3), '2.0')
  const kept = [OTHER, 'a', 'b', 'pod-0', 'pod-1', 'pod-10']
  for (const table of ['signal_1m', 'counter_1m', 'histogram_1m', 'exception_1m'])
    expect(await instancesOf(table, BOUND), table).toEqual(kept)
  expect(await instancesOf('signal_1m', BOUND, '2.0')).toEqual(['pod-0', 'pod-1', 'pod-2'])
  const rows = async (table: string, where: string) =>
    (
      await bench.store.query<{ n: number }>(
        `SELECT count() AS n FROM ${table} FINAL WHERE version = '1.0' AND ${where} AND time = toDateTime({BOUND:UInt32})`,
        { BOUND },
      )
    )[0]?.n
  // Streams stay what they are; deltas and requests of the rest are one row.
  expect(await rows('counter_1m', "measure = 'process.cpu_time'")).toBe(32)
  expect(await rows('histogram_1m', "measure = 'server.request.metric'")).toBe(32)
  expect(await rows('histogram_1m', "measure = 'client.request.metric'")).toBe(6)
  expect(await rows('signal_1m', "measure = 'server.request'")).toBe(6)
  expect(await differing()).toBe(0)
})

it('loses no difference of a counter or histogram whose instance has no name any more', async () => {
  const span = { service: 'shop', environment: 'default', from: NOW - MINUTE, to: BOUND + 3 * MINUTE }
  const set = await loadCells(bench.store, bench.catalogue, span)
  const counter = set.get('process.cpu_time')?.get('')?.get('1.0') ?? []
  expect(counter.map(({ time }) => time)).toEqual([-1, 0, 1, 2, 3, 4].map((at) => NOW + at * MINUTE))
  for (const { count, sum } of counter) expect([count, sum]).toEqual([32, expect.closeTo(32, 6)])
  // Spans count requests; the histogram of them stands beside.
  const [{ n, histogram } = { n: 0, histogram: 0 }] = await bench.store.query<{
    n: number
    histogram: number
  }>(
    "SELECT uniqExact(stream) AS n, count() AS histogram FROM histogram_1m FINAL WHERE measure = 'server.request.metric' AND version = '1.0' AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})",
    span,
  )
  expect([n, histogram]).toEqual([32, 32 * 6])
})

it('has the mean over the instances for a gauge of the rest', async () => {
  const cells = async (second: number) =>
    await bench.store.query<{ instance: string; n: number; mean: number }>(
      `SELECT toString(instance) AS instance, sum(count) AS n, sum(cells.sum) / n AS mean FROM signal_1m AS cells
      WHERE measure = 'process.memory_gauge' AND version = '1.0' AND time = toDateTime({second:UInt32}) GROUP BY instance ORDER BY instance`,
      { second },
    )
  const before = await cells(NOW)
  const [other, ...named] = await cells(BOUND)
  const rest = before.filter(({ instance }) => !named.some((one) => one.instance === instance))
  expect(rest).toHaveLength(27)
  expect(other).toEqual({
    instance: OTHER,
    n: 27,
    mean: expect.closeTo(rest.reduce((sum, { mean }) => sum + mean, 0) / 27, 9),
  })
})

it('names newcomers that are frequent, and says how much is put together', { timeout: 60_000 }, async () => {
  await send(BOUND + 3 * MINUTE, { ...FLEET, busy: 200 })
  const [rest] = await look(BOUND + 4 * MINUTE)
  expect(rest).toMatchObject({ kept: MOST / 2, values: 28, full: false })
  const raw = ['traces', 'logs', 'metrics_sum', 'metrics_gauge', 'metrics_histogram'].map(
    (
      table,
    ) => `SELECT ResourceAttributes['service.instance.id'] AS instance, ${table.startsWith('metrics') ? 'TimeUnix' : 'Timestamp'} AS at
    FROM otel_${table} WHERE ResourceAttributes['service.version'] = '1.0'`,
  )
  const [counted] = await bench.store.query<{ records: number; of: number }>(
    `SELECT countIf(NOT has({kept:Array(String)}, instance)) AS records, count() AS of FROM (${raw.join(' UNION ALL ')})
    WHERE at >= toDateTime({from:UInt32}) AND at < toDateTime({to:UInt32})`,
    { kept: ['a', 'b', 'pod-0', 'pod-1', 'pod-10'], from: BOUND - 6 * MINUTE, to: BOUND + 4 * MINUTE },
  )
  expect(rest).toMatchObject({ ...counted, minutes: 10 })
  const named = BOUND + 6 * MINUTE
  await send(named, { ...FLEET, busy: 200 })
  expect(await instancesOf('signal_1m', named)).toContain('busy')
  expect(await dimensionRests(bench.store, { service: 'shop', since: (NOW - 60) * 1000 })).toMatchObject([
    { measure: 'instance', environment: 'default', version: '1.0', streams: false, values: 28 },
  ])
  const page = restsSection(await dimensionRests(bench.store, { since: (NOW - 60) * 1000 }), [])
  expect(page).toContain('<th scope="row">1.0 in default</th>')
  expect(page).toContain('<td data-label="Of">instances</td>')
  const [finding] = await dimensionFindings(bench.store, (NOW + 600) * 1000)
  expect(finding).toMatchObject({ check: 'instances of shop 1.0 in default', level: 'warning' })
  expect(finding?.found).toContain('28 others')
  // Late rows are counted as they would have been in time.
  await send(BOUND, { busy: 1 })
  expect(await instancesOf('signal_1m', BOUND)).not.toContain('busy')
})

it('counts the same after the server has forgotten what is in its memory', { timeout: 60_000 }, async () => {
  await bench.store.command('TRUNCATE TABLE kept_instance_now')
  await migrate(bench.store, bench.catalogue, bench.config.retention)
  await send(NOW + 20 * MINUTE, FLEET)
  expect(await instancesOf('signal_1m', NOW + 20 * MINUTE)).toHaveLength(MOST / 2 + 1)
  expect(await differing()).toBe(0)
})

it('says how many instances there are at least', async () => {
  const window = { from: (BOUND + 6 * MINUTE) * 1000, to: (BOUND + 7 * MINUTE) * 1000 }
  const [point] = await adoption(bench.store, 'shop', 'default', window)
  expect(point).toMatchObject({ version: '1.0', instances: MOST / 2 + 1, moreInstances: true })
  const before = { from: NOW * 1000, to: (NOW + MINUTE) * 1000 }
  expect(await adoption(bench.store, 'shop', 'default', before)).toMatchObject([
    { version: '1.0', instances: 32, moreInstances: false },
    { version: '2.0', instances: 3, moreInstances: false },
  ])
})

it('is said in a report, of the versions that it compares', async () => {
  const of = { service: 'shop', environment: 'default' }
  const kept = await keptInstances(bench.store, of, { from: NOW, to: BOUND + 600 })
  expect(instanceNotes(kept, ['2.0', '1.0'])).toEqual([
    expect.stringMatching(/^Instances of 1\.0 are too many .* beside 6 with a name/),
  ])
  expect(await keptInstances(bench.store, of, { from: NOW - 600, to: NOW })).toEqual(new Map())
})

it('does not take those that have lost their name for one that has begun then', async () => {
  const [from, to] = [BOUND + MINUTE, BOUND + 3 * MINUTE]
  const of = { service: 'shop', environment: 'default' }
  const set = await loadCells(bench.store, bench.catalogue, { ...of, from, to })
  const arm = (version: string) => ({ set, versions: [version], from, to })
  const found = await comparability(
    bench.store,
    { ...of, attributes: {} },
    { before: arm('2.0'), after: arm('1.0') },
    { step: 60, from: NOW - 3600, warmUpMinutes: 2 },
  )
  expect(found.map(({ check }) => check)).not.toContain('warm caches')
})

it('has those without a name as one place beside the others, for blame', async () => {
  const deployment = {
    service: 'shop',
    environment: 'default',
    version: '1.0',
    startedAt: new Date(NOW * 1000).toISOString(),
  }
  const places = await loadPlaces(bench.store, bench.catalogue, {
    deployment: deployment as Deployment,
    baseline: null,
    relations: { callers: [], callees: [] },
    evidence: { signals: [] as WatchEvidence['signals'] } as WatchEvidence,
    others: [],
    collectors: bench.config.collectors,
    since: BOUND,
    now: BOUND + MINUTE,
  })
  const exposure = new Map(
    places.map(({ kind, name, failed }) => [
      `${kind} ${name}`,
      failed.filter(({ time }) => time === BOUND).map((one) => one.exposure),
    ]),
  )
  expect(exposure.get('instance a')).toEqual([30])
  // One more came late.
  expect(exposure.get(`instance ${OTHER}`)).toEqual([28])
})

it('is decided for the next day before its first row may come, and given up when the instances are few again', {
  timeout: 120_000,
}, async () => {
  const midnight = (Math.floor(NOW / 86_400) + 1) * 86_400
  await send(midnight - 75 * MINUTE, FLEET)
  await look(midnight - 65 * MINUTE)
  await send(midnight + 5 * MINUTE, FLEET)
  for (const [table, at] of [
    ['signal_1m', midnight + 5 * MINUTE],
    ['version_1h', midnight],
  ] as const)
    expect(await instancesOf(table, at), table).toEqual([OTHER, 'a', 'b', 'pod-0', 'pod-1'])
  await bench.store.command('TRUNCATE TABLE dimension_rest')
  await look(midnight + 86_400 - 65 * MINUTE)
  await send(midnight + 86_400 + 5 * MINUTE, ids(100, 12))
  expect(await instancesOf('signal_1m', midnight + 86_400 + 5 * MINUTE)).toHaveLength(12)
})
