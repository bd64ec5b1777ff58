import { afterAll, beforeAll, expect, it } from 'vitest'
import { restNotes, streamNotes } from '../../analytics/jobs/rest-notes.ts'
import { loadCells } from '../../analytics/queries/cells.ts'
import { dimensionRests } from '../../analytics/queries/dimension-rests.ts'
import { streamsLeftOut } from '../../analytics/queries/streams-left-out.ts'
import { dimensionFindings } from '../../deploy/cli/doctor-dimensions.ts'
import { recount } from '../../ingest/backfill/recount.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { lookAtStreams } from '../../ingest/cardinality/streams.ts'
import { streamLevel } from '../../schemas/signals/stream-level.ts'
import { type Bench, openBench } from './report-fixture.ts'

const MINUTE = 60
const MOST = 100
/** A minute well within its day (UTC). */
const NOW = Math.floor(Date.now() / 86_400_000) * 86_400 - 86_400 + 12 * 3600 + 30 * MINUTE
const COUNTER = 'process.cpu_time'
const HISTOGRAM = 'server.request.metric'
let bench: Bench

beforeAll(async () => {
  bench = await openBench()
}, 120_000)
afterAll(() => bench?.close())

const look = (now: number) =>
  lookAtStreams(
    {
      store: bench.store,
      catalogue: bench.catalogue,
      source: [],
      most: 1000,
      mostStreams: MOST,
      mostInstances: 1000,
      maxFutureMinutes: 60,
    },
    now,
  )

/** A point of each stream in a minute: a counter that has risen by a second a minute since the start, and a histogram of as many values. */
async function send(second: number, streams: number, service = 'shop', temporality = 2): Promise<void> {
  const common = (stream: number) => ({
    ServiceName: service,
    ResourceAttributes: { 'service.version': '1.0', 'service.instance.id': 'one' },
    TimeUnix: new Date(second * 1000).toISOString(),
    StartTimeUnix: new Date((NOW - 3600) * 1000).toISOString(),
    AggregationTemporality: temporality,
    Attributes: { 'cpu.mode': 'user', id: String(stream), 'http.request.method': 'GET', 'http.route': '/' },
  })
  const minutes = 1 + (second - NOW + 3600) / MINUTE
  const ids = Array.from({ length: streams }, (_, stream) => stream)
  if (temporality === 2)
    await bench.store.insert(
      'otel_metrics_sum',
      ids.map((id) => ({
        ...common(id),
        MetricName: 'process.cpu.time',
        MetricUnit: 's',
        Value: minutes,
        IsMonotonic: true,
      })),
    )
  await bench.store.insert(
    'otel_metrics_histogram',
    ids.map((id) => ({
      ...common(id),
      MetricName: 'http.server.request.duration',
      MetricUnit: 's',
      Count: minutes,
      Sum: minutes / 2,
      BucketCounts: [minutes, 0],
      ExplicitBounds: [1],
    })),
  )
}

async function streams(table: 'counter_1m' | 'histogram_1m', second: number, service = 'shop') {
  const rows = await bench.store.query<{ level: number }>(
    `SELECT DISTINCT stream, ${streamLevel('stream')} AS level FROM ${table}
    WHERE service = {service:String} AND time = toStartOfMinute(toDateTime({second:UInt32}))`,
    { second, service },
  )
  return { count: rows.length, lowest: Math.min(...rows.map(({ level }) => level)) }
}

async function differing(): Promise<number> {
  const measures = new Set([COUNTER, HISTOGRAM])
  let count = 0
  for (const task of await backfillTasks(bench.store, bench.catalogue, [], measures)) {
    const { cells, differing } = await recount(bench.store, task, { from: NOW - 3600, to: NOW + 7200 }, 1)
    expect(cells, task.measure).toBeGreaterThan(100)
    count += differing
  }
  return count
}

it('keeps a random sample of a metric’s streams from a minute on that nothing has been counted of', {
  timeout: 120_000,
}, async () => {
  await send(NOW - 2 * MINUTE, 300)
  await send(NOW - MINUTE, 300)
  await send(NOW - MINUTE, 20, 'quiet')
  const first = await look(NOW)
  expect(first.map(({ measure, service }) => [measure, service])).toEqual([
    [COUNTER, 'shop'],
    [HISTOGRAM, 'shop'],
  ])
  const from = NOW + 2 * MINUTE
  await send(from - MINUTE, 300)
  expect(await streams('counter_1m', from - MINUTE)).toEqual({ count: 300, lowest: 0 })
  for (const minute of [0, 1, 2]) await send(from + minute * MINUTE, 300)
  await send(from, 20, 'quiet')
  for (const table of ['counter_1m', 'histogram_1m'] as const) {
    const kept = await streams(table, from)
    expect(kept.count).toBeLessThanOrEqual(MOST)
    expect(kept.count).toBeGreaterThan(MOST / 4)
    expect(kept.lowest).toBeGreaterThan(0)
    expect(await streams(table, from, 'quiet')).toMatchObject({ count: 20, lowest: 0 })
  }

  const [counter] = await look(from + 3 * MINUTE)
  const { count } = await streams('counter_1m', from)
  expect(counter).toMatchObject({ streams: true, kept: count, values: 300 - count })
  const points = (counter?.minutes ?? 0) > 0 ? counter : undefined
  expect(points?.records).toBe((points?.of ?? 0) * (1 - count / 300))
  expect(await dimensionRests(bench.store, { service: 'shop', since: (NOW - 60) * 1000 })).toMatchObject([
    { measure: COUNTER, streams: true, kept: count },
    { measure: HISTOGRAM, streams: true },
  ])
  const [finding] = await dimensionFindings(bench.store, (NOW + 600) * 1000)
  expect(finding).toMatchObject({ check: `streams of ${COUNTER} of shop`, level: 'warning' })
  expect(finding?.found).toContain(`${count} streams are kept, a random sample; ${300 - count} others`)
  // A repeated minute, a late one and one of before count as they did.
  await send(from + MINUTE, 300)
  await send(NOW - 3 * MINUTE, 300)
  expect(await streams('counter_1m', from + MINUTE)).toMatchObject({ count })
  expect(await streams('counter_1m', NOW - 3 * MINUTE)).toMatchObject({ count: 300 })
  expect(await differing()).toBe(0)
})

it('reads all of a span from the streams that are kept to its end, and says so', {
  timeout: 60_000,
}, async () => {
  const span = { from: NOW - 600, to: NOW + 600 }
  const set = await loadCells(bench.store, bench.catalogue, {
    service: 'shop',
    environment: 'default',
    ...span,
  })
  const cells = set.get(COUNTER)?.get('user')?.get('1.0') ?? []
  const { count } = await streams('counter_1m', NOW + 2 * MINUTE)
  expect(cells.length).toBeGreaterThan(4)
  for (const cell of cells)
    expect(cell).toMatchObject({ count, sum: expect.closeTo(count / 60, 6) as number })
  const levels = await streamsLeftOut(bench.store, 'shop', span)
  const notes = streamNotes(bench.catalogue, set, levels)
  expect(notes.join('\n')).toContain(`about one in ${2 ** (levels.get(COUNTER) ?? 0)} of its streams`)
  expect(restNotes(bench.catalogue, set)).toEqual([])
})

it('leaves the same streams out on the next day, and takes half of them back when there is room', {
  timeout: 120_000,
}, async () => {
  const midnight = (Math.floor(NOW / 86_400) + 1) * 86_400
  await send(midnight - 75 * MINUTE, 300)
  await look(midnight - 65 * MINUTE)
  await send(midnight + 5 * MINUTE, 300)
  const kept = await streams('counter_1m', midnight + 5 * MINUTE)
  expect(kept).toEqual(await streams('counter_1m', NOW + 2 * MINUTE))
  await send(midnight + 86_400 - 75 * MINUTE, 60)
  await look(midnight + 86_400 - 65 * MINUTE)
  await send(midnight + 86_400 + 5 * MINUTE, 60)
  expect(await streams('counter_1m', midnight + 86_400 + 5 * MINUTE)).toMatchObject({
    lowest: kept.lowest - 1,
  })
})

it('is looked at also when the signal of a metric is no more', { timeout: 60_000 }, async () => {
  const at = NOW + 4 * 86_400
  await send(at - MINUTE, 150, 'moving')
  await bench.store.command(
    `INSERT INTO counter_1m SELECT * REPLACE ('custom.gone' AS measure) FROM counter_1m WHERE service = 'moving'`,
  )
  const looked = await look(at)
  expect(looked.filter(({ service }) => service === 'moving').map(({ measure }) => measure)).toEqual([
    COUNTER,
    HISTOGRAM,
  ])
})

it('adds deltas up whatever their stream', async () => {
  await send(NOW, 50, 'deltas', 1)
  const [row] = await bench.store.query<{ rows: number; n: number }>(
    "SELECT count() AS rows, sum(count) AS n FROM histogram_1m FINAL WHERE service = 'deltas' AND measure = {measure:String}",
    { measure: HISTOGRAM },
  )
  expect(row).toEqual({ rows: 1, n: 50 * 61 })
})
