import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareSignals } from '../../analytics/jobs/compare-signals.ts'
import { sourceNotes } from '../../analytics/jobs/source-notes.ts'
import { loadCells } from '../../analytics/queries/cells.ts'
import { exposureLine, signalLines } from '../../analytics/queries/signal-lines.ts'
import { signalSeries } from '../../analytics/queries/signal-series.ts'
import { adoption } from '../../analytics/releases/adoption.ts'
import { WEIGHT } from '../../schemas/signals/sampling.ts'
import { type Bench, openBench } from './report-fixture.ts'

const START = Math.floor(Date.now() / 3_600_000 - 5) * 3600
const MINUTES = 30

describe('sampled spans', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await openBench()
  }, 120_000)
  afterAll(() => bench?.close())

  it.each([
    ['', {}, 1],
    ['ot=th:0', {}, 1],
    ['ot=th:8', {}, 2],
    ['vendor=x:y, ot=rv:6d559aaba53b18;th:c', {}, 4],
    ['ot=th:fd70a3d70a3d71', {}, 100],
    ['other=th:8', {}, 1],
    ['ot=p:3;r:5', {}, 8],
    ['', { SampleRate: '20' }, 20],
    ['', { SampleRate: '0.5' }, 1],
    ['', { sampleRate: '5' }, 5],
    ['', { _sample_rate: '0.25' }, 4],
    ['', { _sample_rate: '1.5' }, 1],
    ['', { _sample_rate: '0' }, 1],
    ['ot=th:8', { SampleRate: '20', _sample_rate: '0.25' }, 2],
    ['', { 'sampling.priority': '1', '_dd.rule_psr': '0.1' }, 1],
    ['ot=th:ffffffffffffff', {}, 1e6],
  ])('of trace state %s and attributes %s stand for so many', async (state, attributes, weight) => {
    const [row] = await bench.store.query<{ weight: number }>(
      `SELECT ${WEIGHT} AS weight FROM (SELECT {state:String} AS TraceState, {attributes:Map(String, String)} AS SpanAttributes)`,
      { state, attributes },
    )
    expect(row?.weight).toBeCloseTo(weight, 6)
  })

  const at = (minute: number, second: number) => new Date((START + minute * 60 + second) * 1000).toISOString()
  const resource = (service: string, version: string) => ({
    ServiceName: service,
    ResourceAttributes: { 'service.version': version, 'service.instance.id': 'a' },
  })
  /** Twenty requests a minute, of which two fail and every tenth span is kept (`keep`), and ten errors in the logs. */
  async function send(service: string, version: string, keep: (request: number) => boolean, state: string) {
    const each = Array.from({ length: MINUTES }, (_, minute) => minute)
    await bench.store.insert(
      'otel_traces',
      each.flatMap((minute) =>
        Array.from({ length: 20 }, (_, request) => request)
          .filter(keep)
          .map((request) => ({
            ...resource(service, version),
            Timestamp: at(minute, request),
            SpanKind: 'Server',
            SpanName: 'GET /cart',
            Duration: 100_000_000,
            StatusCode: request < 2 ? 'Error' : 'Unset',
            TraceState: state,
          })),
      ),
    )
    await bench.store.insert(
      'otel_logs',
      each.flatMap((minute) =>
        Array.from({ length: 10 }, (_, record) => ({
          ...resource(service, version),
          Timestamp: at(minute, record),
          SeverityNumber: 17,
          Body: 'failed',
        })),
      ),
    )
  }

  async function cells(service: string) {
    return await loadCells(bench.store, bench.catalogue, {
      service,
      environment: 'default',
      from: START,
      to: START + MINUTES * 60,
    })
  }
  const total = (list: readonly { count: number }[]) => list.reduce((sum, { count }) => sum + count, 0)

  it('are weighted where they are compared with what is no sample, and counted as they are elsewhere', async () => {
    await send('head', '1.0', () => true, '')
    await send('head', '2.0', (request) => request % 10 === 5, 'ot=th:e6666666666666')
    const set = await cells('head')
    const logs = bench.catalogue.signal('logs.error_rate')
    const calls = bench.catalogue.signal('db.calls')
    const errors = bench.catalogue.signal('errors.server')
    expect(total(exposureLine(set, logs, ['1.0'], 60))).toBe(20 * MINUTES)
    expect(total(exposureLine(set, logs, ['2.0'], 60))).toBeCloseTo(20 * MINUTES, 6)
    // What stands in spans is compared with spans, and tests are told how many there were.
    expect(total(exposureLine(set, calls, ['2.0'], 60))).toBe(2 * MINUTES)
    expect(total([...signalLines(set, errors, ['2.0']).values()].flat())).toBe(2 * MINUTES)
    expect(sourceNotes(bench.catalogue, set, ['1.0', '2.0'])).toEqual([
      'Spans are a sample (100 % of 1.0, 10 % of 2.0): requests a minute, and the requests that logs are compared with, are counted by the weights of their spans. The sampling changed: other numbers of events by version are not comparable.',
    ])
  })

  it('give as many requests a minute as there were, to charts, comparisons and adoption', async () => {
    const set = await cells('head')
    const requests = bench.catalogue.signal('traffic.requests')
    const rate = (version: string) => {
      const counted = total([...signalLines(set, requests, [version]).values()].flat())
      return { counted, rate: counted / total(exposureLine(set, requests, [version], 60)) }
    }
    expect(rate('1.0')).toEqual({ counted: 20 * MINUTES, rate: 20 })
    const sampled = rate('2.0')
    expect(sampled.counted).toBeCloseTo(2 * MINUTES, 6)
    expect(sampled.rate).toBeCloseTo(20, 6)
    const window = { from: START * 1000, to: (START + MINUTES * 60) * 1000 }
    const shares = await adoption(bench.store, 'head', 'default', window)
    expect(shares).toHaveLength(2 * MINUTES)
    expect(new Set(shares.map(({ requests: each }) => each))).toEqual(new Set([20]))
    const { lines } = await signalSeries(bench.store, bench.catalogue, {
      service: 'head',
      environment: 'default',
      signal: 'traffic.requests',
      ...window,
      byVersion: true,
    })
    expect(lines.map(({ version }) => version)).toEqual(['1.0', '2.0'])
    for (const { points } of lines) for (const { value } of points) expect(value).toBeCloseTo(20, 6)
    const arm = (version: string) => ({ set, versions: [version], from: START, to: START + MINUTES * 60 })
    const [compared] = compareSignals([requests], arm('1.0'), arm('2.0'), {
      alpha: 0.01,
      design: 'before-after',
      stepSeconds: 60,
    })
    expect(compared?.comparison).toMatchObject({ kind: 'measured' })
    if (compared?.comparison.kind === 'measured') expect(compared.comparison.effect.ratio).toBeCloseTo(1, 1)
  })

  it('that were chosen by their outcome are recognised by metrics, which then count', async () => {
    await send('tail', '1.0', (request) => request < 2, '')
    await bench.store.insert(
      'otel_metrics_histogram',
      Array.from({ length: MINUTES }, (_, minute) =>
        [18, 2].map((count, failed) => ({
          ...resource('tail', '1.0'),
          MetricName: 'http.server.request.duration',
          MetricUnit: 's',
          Attributes: {
            'http.request.method': 'GET',
            'http.route': '/cart',
            'http.response.status_code': failed === 1 ? '500' : '200',
          },
          TimeUnix: at(minute, 30),
          Count: count,
          Sum: count / 10,
          BucketCounts: [count, 0],
          ExplicitBounds: [0.1],
          AggregationTemporality: 1,
        })),
      ).flat(),
    )
    const set = await cells('tail')
    const lines = [...signalLines(set, bench.catalogue.signal('errors.server'), ['1.0']).values()].flat()
    expect(total(lines)).toBe(20 * MINUTES)
    expect(lines.reduce((sum, { bad }) => sum + bad, 0)).toBe(2 * MINUTES)
    expect(total(exposureLine(set, bench.catalogue.signal('db.calls'), ['1.0'], 60))).toBe(2 * MINUTES)
    expect(total(exposureLine(set, bench.catalogue.signal('logs.error_rate'), ['1.0'], 60))).toBe(
      20 * MINUTES,
    )
    expect(sourceNotes(bench.catalogue, set, ['1.0']).join()).toContain(
      'Spans are there for 10 % of the requests of 1.0 only',
    )
  })
})
