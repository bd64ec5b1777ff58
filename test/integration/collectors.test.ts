import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildReport } from '../../analytics/jobs/report.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { readReportCharts } from '../../api/reads/report-charts.ts'
import { clickhouseCollector } from '../../ingest/collectors/clickhouse.ts'
import { hostCollector } from '../../ingest/collectors/host/host.ts'
import type { NumberPoint, ResourceMetrics } from '../../ingest/collectors/metric.ts'
import { startCollectors } from '../../ingest/collectors/start.ts'
import { metricRequests } from '../../ingest/collectors/to-otlp.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import type { Transport } from '../../ingest/transport/transport.ts'
import { collectorsSchema } from '../../schemas/collectors.ts'
import { checkDashboards } from './check-dashboards.ts'
import { type Bench, openBench, type Route, seeded, sendTraffic } from './report-fixture.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const T0 = Math.floor(Date.now() / HOUR - 24) * HOUR
const routes: readonly Route[] = [{ route: 'POST /pay', perMinute: 12, seconds: 0.2 }]

// All queries of all dashboards are run twice.
describe('what collectors read', { timeout: 120_000 }, () => {
  let bench: Bench
  let transport: Transport
  let exposition: Server
  beforeAll(async () => {
    const prometheus = ['orders-db', 'stock-db'].map((name) => ({
      url: `http://127.0.0.1:1/${name}`,
      name,
      environment: 'prod',
      services: name === 'orders-db' ? ['checkout', 'cart'] : ['stock'],
    }))
    bench = await openBench({
      analysis: { beforeMinutes: 360, watchMinutes: 60 },
      collectors: { prometheus },
    })
    transport = createDirectTransport({
      store: bench.store,
      logger: pino({ level: 'silent' }),
      clock: Date.now,
      newToken: randomUUID,
    })
  })
  afterAll(async () => {
    exposition?.close()
    await transport?.close()
    await bench?.close()
  })

  it('is stored as if it had been sent: from an exposition to rows', async () => {
    exposition = createServer((_, response) => {
      response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0')
      response.end(`# TYPE hits counter
hits_total{route="/"} 12 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 1
# TYPE took_seconds histogram
took_seconds_bucket{le="0.5"} 3
took_seconds_bucket{le="+Inf"} 4
took_seconds_sum 2.5
took_seconds_count 4
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.9"} 0.25
rpc_seconds_sum 1
rpc_seconds_count 5
# EOF
`)
    }).listen(0, '127.0.0.1')
    await new Promise((listening) => exposition.once('listening', listening))
    const { port } = exposition.address() as { port: number }
    const { promise, resolve } = Promise.withResolvers<void>()
    const target = { ...bench.config.collectors.prometheus[0], url: `http://127.0.0.1:${port}/`, name: 'web' }
    const running = startCollectors({
      settings: {
        ...bench.config.collectors,
        prometheus: [target as (typeof bench.config.collectors.prometheus)[number]],
      },
      store: bench.store,
      transport: {
        admit: () => {},
        send: async (request) => {
          const answer = await transport.send(request)
          expect(answer).toMatchObject({ accepted: 4, rejected: 0 })
          resolve()
          return answer
        },
      },
      logger: pino({ level: 'silent' }),
      clock: Date.now,
      random: () => 0,
    })
    await promise
    await running.close()
    const of = `ServiceName = 'web' AND ResourceAttributes['deployment.environment.name'] = 'prod'`
    expect(
      await bench.store.query(
        `SELECT MetricName, Value, IsMonotonic, Attributes['route'] AS route, Exemplars.TraceId AS traces FROM otel_metrics_sum WHERE ${of}`,
      ),
    ).toEqual([
      {
        MetricName: 'hits_total',
        Value: 12,
        IsMonotonic: true,
        route: '/',
        traces: ['0af7651916cd43dd8448eb211c80319c'],
      },
    ])
    expect(
      await bench.store.query(
        `SELECT Count, Sum, BucketCounts, ExplicitBounds, MetricUnit FROM otel_metrics_histogram WHERE ${of}`,
      ),
    ).toEqual([{ Count: 4, Sum: 2.5, BucketCounts: [3, 1], ExplicitBounds: [0.5], MetricUnit: 's' }])
    expect(
      await bench.store.query(
        `SELECT Count, Sum, ValueAtQuantiles.Value AS q FROM otel_metrics_summary WHERE ${of}`,
      ),
    ).toEqual([{ Count: 5, Sum: 1, q: [0.25] }])
    expect(await bench.store.query(`SELECT MetricName, Value FROM otel_metrics_gauge WHERE ${of}`)).toEqual([
      { MetricName: 'up', Value: 1 },
    ])
  })

  it('of a host and of ClickHouse itself fills the panels of its dashboard', async () => {
    const { host, clickhouse } = collectorsSchema.parse({
      host: { enabled: true, name: 'web-1', environment: 'prod' },
      clickhouse: { enabled: true, environment: 'prod' },
    })
    const warnings: string[] = []
    const collectors = [
      hostCollector(host),
      clickhouseCollector(
        clickhouse,
        bench.store,
        (message) => void (message === '' || warnings.push(message)),
      ),
    ]
    const now = Math.floor(Date.now() / MINUTE) * MINUTE
    for (const time of [now - 2 * MINUTE, now - MINUTE, now]) {
      for (const collector of collectors) {
        const read = await collector.collect({ time, signal: AbortSignal.timeout(10_000) })
        for (const body of metricRequests(read, time)) {
          const request = {
            signal: 'metrics',
            contentType: 'application/x-protobuf',
            sender: 'test',
          } as const
          expect(await transport.send({ ...request, body, receivedAt: Date.now() })).toMatchObject({
            rejected: 0,
          })
        }
      }
    }
    expect(warnings).toEqual([])
    const shown = async (service: string) => {
      const view = {
        from: now - HOUR,
        to: now + MINUTE,
        service,
        environment: 'prod',
        catalogue: bench.catalogue,
      }
      const checked = await checkDashboards(bench.store, view)
      return new Set(checked.filter(({ rows }) => rows > 0).map(({ what }) => what))
    }
    const panels = [...(await shown('web-1'))].filter((what) => what.includes('hosts'))
    const titles = [
      'CPU of the host',
      'Memory of the host',
      'File systems of the host',
      'Disk traffic of the host',
    ]
    for (const title of titles)
      expect(
        panels.some((what) => what.includes(title)),
        title,
      ).toBe(true)
    const tables = [...(await shown('clickhouse'))].filter((what) => what.includes('Size of tables'))
    expect(tables.length).toBeGreaterThan(0)
    const [events] = await bench.store.query<{ counters: number; gauges: number }>(
      `SELECT uniqIf(MetricName, startsWith(MetricName, 'ClickHouseProfileEvents_') AND IsMonotonic) AS counters,
        (SELECT uniq(MetricName) FROM otel_metrics_gauge WHERE startsWith(MetricName, 'ClickHouseMetrics_')) AS gauges
      FROM otel_metrics_sum WHERE ServiceName = 'clickhouse'`,
    )
    expect(events?.counters).toBeGreaterThan(50)
    expect(events?.gauges).toBeGreaterThan(10)
  })

  it("of a database that a release made worse stands in that release's report, and in no other's", async () => {
    const random = seeded(7)
    const release = T0 + 6 * HOUR
    const read = ['orders-db', 'stock-db'].map((name): ResourceMetrics => {
      const hits: NumberPoint[] = []
      const deadlocks: NumberPoint[] = []
      const times: NumberPoint[] = []
      const load: NumberPoint[] = []
      const spent = { old: 0, fresh: 0 }
      let count = 0
      for (let time = T0; time < T0 + 8 * HOUR; time += MINUTE) {
        // Since the release of checkout, orders-db has deadlocks and its cache is of less use.
        const hurt = name === 'orders-db' && time >= release
        if (random() < (hurt ? 0.9 : 0.02)) count += 1 + Math.floor(3 * random())
        // A statement that was always there, and one that the release brought: 0.15 s more each second.
        spent.old += 60 * 0.2 * (0.9 + 0.2 * random())
        if (hurt) spent.fresh += 60 * 0.15 * (0.9 + 0.2 * random())
        const of = (text: string) => ({ attributes: { 'db.query.text': text }, time, start: T0 })
        times.push({ ...of('SELECT * FROM cart WHERE id = $1'), value: spent.old })
        if (hurt) times.push({ ...of('SELECT * FROM cart'), value: spent.fresh })
        load.push({ attributes: {}, time, start: T0, value: spent.old + spent.fresh })
        hits.push({ attributes: {}, time, value: (hurt ? 0.8 : 0.99) - 0.005 * random() })
        deadlocks.push({ attributes: {}, time, value: count, start: T0 })
      }
      return {
        resource: {
          'service.name': name,
          'service.version': '15.14',
          'service.instance.id': `${name}:5432`,
          'deployment.environment.name': 'prod',
        },
        metrics: [
          { kind: 'gauge', name: 'postgresql.cache_hit_ratio', unit: '1', points: hits },
          { kind: 'counter', name: 'postgresql.statement.time', unit: 's', points: times },
          { kind: 'counter', name: 'postgresql.statement.total_time', unit: 's', points: load },
          { kind: 'counter', name: 'postgresql.deadlocks', unit: '{deadlock}', points: deadlocks },
        ],
      }
    })
    for (const body of metricRequests(read, T0)) {
      await transport.send({
        signal: 'metrics',
        contentType: 'application/x-protobuf',
        body,
        sender: 'test',
        receivedAt: Date.now(),
      })
    }
    const traffic = { environment: 'prod', routes }
    for (const service of ['checkout', 'stock']) {
      const send = (version: string, from: number, to: number) =>
        sendTraffic(bench.store, { ...traffic, service, version, from, to, seed: from / HOUR })
      await send('1.0.0', T0, release)
      await send('1.1.0', release, T0 + 8 * HOUR)
    }
    const now = T0 + 9 * HOUR
    await sendTraffic(bench.store, {
      ...traffic,
      service: 'cart',
      version: '3.1',
      from: release + 20 * MINUTE,
      to: release + HOUR,
      seed: 1,
    })
    await discoverDeployments(bench.store, now)
    const deployments = await allDeployments(bench.store)
    const reportOf = async (service: string) => {
      const found = deployments.find((one) => one.service === service && one.version === '1.1.0')
      if (found === undefined) throw new Error(`no deployment of ${service}`)
      return await buildReport(bench.store, bench.catalogue, bench.config, found, now)
    }
    const hurt = await reportOf('checkout')
    expect(hurt.state).toBe('regressed')
    expect(hurt.verdicts.filter(({ word }) => word === 'regressed')).toMatchObject([
      { signal: 'db.load', dimension: 'orders-db', design: 'before_after' },
      { signal: 'db.deadlocks', dimension: 'orders-db' },
      { signal: 'db.cache_hits', dimension: 'orders-db' },
      { signal: 'db.statement_time', dimension: 'orders-db: SELECT * FROM cart' },
    ])
    expect(hurt.headline).toContain('orders-db')
    const charts = await readReportCharts(bench, hurt)
    expect(charts.get(2)?.lines.map(({ version, role }) => [version, role])).toEqual([
      ['1.0.0', 'before'],
      ['1.1.0', 'after'],
    ])
    const level = charts.get(2)?.lines.map(({ values }) => values.find((value) => value !== null))
    expect(level?.[0]).toBeGreaterThan(0.98)
    expect(level?.[1] ?? 1).toBeGreaterThan(0.7)

    expect(hurt.notes).toContain('orders-db is shared with cart: it is compared by time alone.')
    expect(hurt.notes.some((note) => note.startsWith('cart 3.1 was deployed at'))).toBe(true)

    const other = await reportOf('stock')
    expect(other.verdicts.filter(({ word }) => word === 'regressed')).toEqual([])
    // It is looked at there as well, and found to be as it was.
    expect(other.verdicts.some(({ dimension }) => dimension === 'stock-db')).toBe(true)
    expect(other.verdicts.some(({ dimension }) => dimension.startsWith('orders-db'))).toBe(false)
  })
})
