import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { encode, official } from '../conformance/official.ts'
import { type RunningIngest, startIngest } from '../conformance/postflight.ts'
import { type Collector, startCollector } from '../peers/collector.ts'
import { startCli } from './cli-process.ts'

const DATABASE = 'collected'
const MINUTES = 90
/** Seconds, the start of an hour. */
const START = Math.floor(Date.now() / 3_600_000 - 3) * 3600
let ingest: RunningIngest
let collector: Collector

beforeAll(async () => {
  ingest = await startIngest()
  collector = await startCollector({ storeUrl: ingest.store.url, ownDatabase: DATABASE })
}, 1_300_000)
afterAll(async () => {
  await collector?.close()
  await ingest?.close()
})

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })

/** All signals of some minutes, the same to the Collector and to Postflight's own door. */
async function send(from: number, minutes: number): Promise<void> {
  const resource = {
    attributes: [
      text('service.name', 'shop'),
      text('service.version', '1.0'),
      text('service.instance.id', 'shop-a'),
      text('deployment.environment.name', 'production'),
    ],
  }
  const nanos = (seconds: number) => String(BigInt(seconds) * 1_000_000_000n + 5n)
  const each = <T>(make: (minute: number, time: number) => T[]) =>
    Array.from({ length: minutes }, (_, minute) => make(minute, from + minute * 60)).flat()
  const span = (kind: number, time: number, id: number, attributes: object[], rest: object = {}) => ({
    traceId: Buffer.alloc(16, 1 + (id % 250)),
    spanId: Buffer.from(id.toString(16).padStart(16, '0'), 'hex'),
    name: 'x',
    kind,
    startTimeUnixNano: nanos(time),
    endTimeUnixNano: String(BigInt(nanos(time)) + BigInt(id % 17) * 9_000_000n),
    attributes,
    ...rest,
  })
  const thrown = [text('exception.type', 'CardDeclined'), text('exception.message', 'no funds')]
  const spans = each((minute, time) => [
    ...['/cart', '/pay'].map((route, at) =>
      span(2, time + at, minute * 10 + at + 1, [
        text('http.request.method', 'GET'),
        text('http.route', route),
      ]),
    ),
    span(2, time + 5, minute * 10 + 5, [text('http.request.method', 'POST'), text('http.route', '/pay')], {
      status: { code: 2 },
      events: [{ name: 'exception', timeUnixNano: nanos(time + 5), attributes: thrown }],
    }),
    span(3, time + 6, minute * 10 + 6, [text('server.address', 'payments')]),
  ])
  const logRecords = each((_, time) => [
    { timeUnixNano: nanos(time), severityNumber: 9, body: { stringValue: 'served' } },
    { timeUnixNano: nanos(time + 7), severityNumber: 17, body: { stringValue: 'card refused by bank' } },
  ])
  const points = (make: (minute: number) => object) =>
    each((minute, time) => [
      {
        // The exporter stores a stream's start in whole seconds.
        startTimeUnixNano: String(BigInt(START - 60) * 1_000_000_000n),
        timeUnixNano: nanos(time + 30),
        ...make(minute),
      },
    ])
  const cumulative = { aggregationTemporality: 2 }
  const metrics = [
    {
      name: 'process.cpu.utilization',
      gauge: { dataPoints: points((minute) => ({ asDouble: minute / 100 })) },
    },
    {
      name: 'process.cpu.time',
      sum: {
        ...cumulative,
        isMonotonic: true,
        dataPoints: points((minute) => ({ asDouble: 3 * minute, attributes: [text('cpu.mode', 'user')] })),
      },
    },
    {
      name: 'http.server.request.duration',
      unit: 's',
      histogram: {
        ...cumulative,
        dataPoints: points((minute) => ({
          count: 3 * minute,
          sum: 1.5 * minute,
          bucketCounts: [minute, 2 * minute],
          explicitBounds: [0.5],
          attributes: [text('http.request.method', 'GET'), text('http.route', '/cart')],
        })),
      },
    },
    {
      name: 'http.client.request.duration',
      unit: 's',
      exponentialHistogram: {
        aggregationTemporality: 1,
        dataPoints: points(() => ({
          count: 3,
          sum: 1.5,
          scale: 3,
          zeroCount: 1,
          positive: { offset: -4, bucketCounts: [1, 1] },
          attributes: [text('server.address', 'payments')],
        })),
      },
    },
  ]
  const messages = {
    traces: { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] },
    logs: { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] },
    metrics: { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] },
  }
  for (const [signal, message] of Object.entries(messages)) {
    const body = encode(official[signal as keyof typeof messages], message)
    for (const url of [ingest.url, collector.url]) {
      const headers = { 'content-type': 'application/x-protobuf' }
      const response = await fetch(`${url}/v1/${signal}`, { method: 'POST', body, headers })
      expect(response.status).toBe(200)
    }
  }
}

const TABLES = [
  'logs',
  'traces',
  'metrics_gauge',
  'metrics_sum',
  'metrics_histogram',
  'metrics_exponential_histogram',
]

/** Until the Collector's tables have as many rows as ours. */
async function arrived(): Promise<void> {
  const rows = async (table: string) =>
    (await ingest.store.query<{ n: number }>(`SELECT count() AS n FROM ${table}`))[0]?.n ?? 0
  for (const table of TABLES) {
    const ours = await rows(`otel_${table}`)
    expect(ours).toBeGreaterThan(0)
    const until = performance.now() + 60_000
    const theirs = () => rows(`${DATABASE}.otel_${table}`).catch(() => 0)
    while ((await theirs()) < ours) {
      if (performance.now() > until)
        throw new Error(`${await theirs()} of ${ours} ${table}: ${await collector.output()}`)
      await sleep(200)
    }
    expect(await theirs(), table).toBe(ours)
  }
}

async function backfill(...more: string[]) {
  const flags = ['--json', '--clickhouse.url', ingest.store.url, '--clickhouse.source.database', DATABASE]
  const { code, out, err } = await startCli(ingest.dataDir, ['backfill', ...more, ...flags]).ended
  if (out === '') throw new Error(err)
  return {
    code,
    result: JSON.parse(out) as Record<string, unknown> &
      { measure: string; cells: number; differing: number }[],
  }
}

/** Cells as they were counted from one of the two. */
async function cells(theirs: boolean, from: number) {
  const origin = theirs ? `origin LIKE '${DATABASE}.%'` : `origin NOT LIKE '${DATABASE}.%'`
  const where = `WHERE ${origin} AND time >= toDateTime({from:UInt32})`
  const series = 'time, service, environment, version, instance, dimension'
  const tables = {
    signal_1m: `SELECT measure, ${series}, sum(count) AS n, sum(bad) AS bad, round(sum(cells.sum), 6) AS s, sumMap(histogram) AS h FROM signal_1m AS cells ${where} AND measure != 'log.template' GROUP BY measure, ${series} ORDER BY ALL`,
    counter_1m: `SELECT measure, ${series}, stream, start_time, argMinMerge(first) AS f, argMaxMerge(last) AS l FROM counter_1m AS cells ${where} GROUP BY measure, ${series}, stream, start_time ORDER BY ALL`,
    histogram_1m: `SELECT measure, ${series}, temporality, stream, scale, argMinMerge(first) AS f, argMaxMerge(last) AS l, sum(count) AS n, sumMap(buckets) AS b FROM histogram_1m AS cells ${where} GROUP BY measure, ${series}, temporality, stream, scale ORDER BY ALL`,
    exception_1m: `SELECT time, service, version, says, span, sum(events) AS e, sum(bad_events) AS be FROM exception_1m AS cells ${where} GROUP BY time, service, version, says, span ORDER BY ALL`,
  }
  return Object.fromEntries(
    await Promise.all(
      Object.entries(tables).map(
        async ([name, sql]) => [name, await ingest.store.query(sql, { from })] as const,
      ),
    ),
  )
}

it('a real Collector’s own tables give the same rollups as Postflight’s door, by backfill and by views, and a recount agrees', {
  timeout: 600_000,
}, async () => {
  await send(START, MINUTES)
  await arrived()
  const before = await ingest.store.query(
    `SELECT name, engine_full FROM system.tables WHERE database = '${DATABASE}' ORDER BY name`,
  )
  const counted = await backfill('--no-wait')
  expect(counted.code).toBe(0)
  expect(counted.result).toMatchObject({ stopped: false })
  const ours = await cells(false, START)
  for (const [table, rows] of Object.entries(ours)) expect(rows.length, table).toBeGreaterThanOrEqual(MINUTES)
  expect(await cells(true, START)).toEqual(ours)

  // What comes from the cut-over on is counted by views, while the Collector goes on writing.
  const [view] = await ingest.store.query<{ since: number }>(
    `SELECT max(since) AS since FROM rollup_views FINAL WHERE NOT dropped AND source = '${DATABASE}.otel_traces'`,
  )
  const live = view?.since ?? 0
  expect(live).toBeGreaterThan(START + MINUTES * 60)
  await send(live, 3)
  await arrived()
  const liveCells = await cells(false, live)
  expect(liveCells['signal_1m']?.length).toBeGreaterThan(0)
  // Rows are there before views have counted them.
  await expect.poll(() => cells(true, live), { timeout: 60_000, interval: 500 }).toEqual(liveCells)

  const verified = await backfill('--verify')
  expect(verified.result.reduce((sum, { cells: n }) => sum + n, 0)).toBeGreaterThan(MINUTES)
  expect(verified.result.filter(({ differing }) => differing > 0)).toEqual([])
  expect(verified.code).toBe(0)
  // Nothing of theirs was altered.
  expect(
    await ingest.store.query(
      `SELECT name, engine_full FROM system.tables WHERE database = '${DATABASE}' ORDER BY name`,
    ),
  ).toEqual(before)
})
