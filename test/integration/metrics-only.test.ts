import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildReport } from '../../analytics/jobs/report.ts'
import { loadCells } from '../../analytics/queries/cells.ts'
import { mergeCells } from '../../analytics/queries/merge-cells.ts'
import { exposureLine, signalLines } from '../../analytics/queries/signal-lines.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { type Bench, openBench, sendTraffic } from './report-fixture.ts'

const HOUR = 3_600_000
const T0 = Math.floor(Date.now() / HOUR - 48) * HOUR
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5]
const ENVIRONMENT = 'prod'

/** What a service measures of each minute: requests of a kind, all of the same duration, some of them failed. */
interface Kind {
  readonly metric: string
  readonly unit: 's' | 'ms'
  readonly temporality: 1 | 2
  readonly exponential?: true
  readonly attributes: (failed: boolean) => Record<string, string>
}

const http = (failed: boolean) => ({
  'http.request.method': 'GET',
  'http.route': '/cart',
  'http.response.status_code': failed ? '503' : '200',
})
const KINDS: Record<string, Kind> = {
  http: { metric: 'http.server.request.duration', unit: 's', temporality: 2, attributes: http },
  delta: { metric: 'http.server.request.duration', unit: 's', temporality: 1, attributes: http },
  exponential: {
    metric: 'http.server.request.duration',
    unit: 's',
    temporality: 2,
    exponential: true,
    attributes: http,
  },
  older: {
    metric: 'http.server.duration',
    unit: 'ms',
    temporality: 2,
    attributes: (failed) => ({
      'http.method': 'GET',
      'http.route': '/cart',
      'http.status_code': failed ? '503' : '200',
    }),
  },
  rpc: {
    metric: 'rpc.server.duration',
    unit: 'ms',
    temporality: 2,
    attributes: (failed) => ({
      'rpc.system': 'grpc',
      'rpc.service': 'shop.Cart',
      'rpc.method': 'Get',
      'rpc.grpc.status_code': failed ? '14' : '5',
    }),
  },
  rpc_newer: {
    metric: 'rpc.server.call.duration',
    unit: 's',
    temporality: 2,
    attributes: (failed) => ({
      'rpc.system.name': 'grpc',
      'rpc.method': 'shop.Cart/Get',
      'rpc.response.status_code': failed ? 'UNAVAILABLE' : 'NOT_FOUND',
    }),
  },
}

/** @param hours from and to, after T0 */
async function measure(
  bench: Bench,
  service: string,
  kind: Kind,
  version: string,
  hours: readonly [number, number],
  each: { readonly seconds: number; readonly failed: (minute: number) => number },
): Promise<void> {
  const rows: object[] = []
  const total = [0, 0]
  const start = T0 + hours[0] * HOUR
  const factor = kind.unit === 'ms' ? 1000 : 1
  for (let minute = 0; minute < (hours[1] - hours[0]) * 60; minute++) {
    const failed = each.failed(minute)
    for (const [at, count] of [30 + (minute % 7) - failed, failed].entries()) {
      total[at] = (kind.temporality === 1 ? 0 : (total[at] ?? 0)) + count
      const n = total[at] ?? 0
      const buckets = Array.from({ length: SECONDS.length + 1 }, () => 0)
      buckets[SECONDS.findIndex((bound) => each.seconds <= bound)] = n
      rows.push({
        ServiceName: service,
        ResourceAttributes: {
          'service.version': version,
          'service.instance.id': `${service}-${version}`,
          'deployment.environment.name': ENVIRONMENT,
        },
        MetricName: kind.metric,
        MetricUnit: kind.unit,
        Attributes: kind.attributes(at === 1),
        StartTimeUnix: new Date(start).toISOString(),
        TimeUnix: new Date(start + minute * 60_000 + 30_000).toISOString(),
        Count: n,
        Sum: n * each.seconds * factor,
        ...(kind.exponential === true
          ? {
              Scale: 4,
              PositiveOffset: Math.ceil(Math.log2(each.seconds) * 16) - 1,
              PositiveBucketCounts: [n],
            }
          : { BucketCounts: buckets, ExplicitBounds: SECONDS.map((bound) => bound * factor) }),
        AggregationTemporality: kind.temporality,
      })
    }
  }
  await bench.store.insert(
    kind.exponential === true ? 'otel_metrics_exponential_histogram' : 'otel_metrics_histogram',
    rows,
  )
}

describe('services that send metrics only', () => {
  let bench: Bench
  const failedBefore = (minute: number) => (minute % 5 === 0 ? 1 : 0)
  beforeAll(async () => {
    bench = await openBench({ analysis: { beforeMinutes: 360, watchMinutes: 60 } })
    for (const [service, kind] of Object.entries(KINDS)) {
      await measure(bench, service, kind, '1.0', [0, 6], { seconds: 0.09, failed: failedBefore })
      await measure(bench, service, kind, '2.0', [6, 8], { seconds: 0.4, failed: () => 5 })
    }
  }, 120_000)
  afterAll(() => bench?.close())

  async function read(service: string, id: string, version: string, hour: number) {
    const signal = bench.catalogue.signal(id)
    const window = { from: T0 / 1000 + hour * 3600, to: T0 / 1000 + (hour + 1) * 3600 }
    const set = await loadCells(bench.store, bench.catalogue, {
      service,
      environment: ENVIRONMENT,
      signals: [signal],
      ...window,
    })
    const sums = [...signalLines(set, signal, [version])].map(([dimension, cells]) => {
      const total = mergeCells([cells])
      return {
        dimension,
        count: total.reduce((sum, cell) => sum + cell.count, 0),
        bad: total.reduce((sum, cell) => sum + cell.bad, 0),
        seconds: total.reduce((sum, cell) => sum + cell.sum, 0),
      }
    })
    const exposure = exposureLine(set, bench.catalogue.signal('logs.error_rate'), [version], 60)
    return { sums, exposure: exposure.reduce((sum, cell) => sum + cell.count, 0) }
  }

  /** Requests of an hour. */
  const minutes = Array.from({ length: 60 }, (_, i) => 7 * 60 + i - 6 * 60)
  const requests = minutes.reduce((sum, minute) => sum + 30 + (minute % 7), 0)

  it.each(Object.keys(KINDS))(
    '%s: requests, failures and durations are those of the metric',
    async (name) => {
      const { sums, exposure } = await read(name, 'errors.server', '2.0', 7)
      expect(sums).toEqual([
        {
          dimension: name.startsWith('rpc') ? 'shop.Cart/Get' : 'GET /cart',
          count: requests,
          bad: 5 * 60,
          seconds: expect.closeTo(requests * 0.4, 6),
        },
      ])
      expect(exposure).toBe(requests)
    },
  )

  it.each(Object.keys(KINDS))(
    '%s: is discovered, and its regression is found',
    { timeout: 60_000 },
    async (name) => {
      const now = T0 + 9 * HOUR
      await discoverDeployments(bench.store, now)
      const found = await allDeployments(bench.store, { service: name })
      expect(found.map(({ version }) => version)).toEqual(['1.0', '2.0'])
      const deployment = found.find(({ version }) => version === '2.0')
      if (deployment === undefined) throw new Error('not discovered')
      const report = await buildReport(bench.store, bench.catalogue, bench.config, deployment, now)
      expect(report.state).toBe('regressed')
      const regressed = report.verdicts.filter(({ word }) => word === 'regressed').map(({ signal }) => signal)
      expect(regressed).toContain('latency.server')
      expect(regressed).toContain('errors.server')
      expect(report.notes.join('\n')).toContain('counted by the metrics of their durations')
    },
  )

  it('are counted by spans where every version has them, and never by both', async () => {
    const traffic = {
      service: 'both',
      environment: ENVIRONMENT,
      routes: [{ route: 'GET /cart', perMinute: 30, seconds: 0.1 }],
      seed: 3,
    }
    await sendTraffic(bench.store, { ...traffic, version: '1.0', from: T0, to: T0 + HOUR })
    await measure(bench, 'both', KINDS['http'] as Kind, '1.0', [0, 1], { seconds: 0.4, failed: () => 5 })
    const [spans] = await bench.store.query<{ n: number }>(
      "SELECT count() AS n FROM otel_traces WHERE ServiceName = 'both'",
    )
    expect((await read('both', 'errors.server', '1.0', 0)).sums).toMatchObject([{ count: spans?.n }])
    // Of a version without spans only metrics tell: then all versions are read by them.
    await measure(bench, 'both', KINDS['http'] as Kind, '2.0', [0, 1], { seconds: 0.4, failed: () => 5 })
    expect((await read('both', 'errors.server', '1.0', 0)).sums).toMatchObject([{ bad: 5 * 60 }])
    expect((await read('both', 'errors.server', '2.0', 0)).sums).toMatchObject([{ bad: 5 * 60 }])
  })
})
