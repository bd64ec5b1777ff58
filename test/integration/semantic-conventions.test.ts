import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCells } from '../../analytics/queries/cells.ts'
import { mergeCells } from '../../analytics/queries/merge-cells.ts'
import { signalLines } from '../../analytics/queries/signal-lines.ts'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'

const catalogue = buildCatalogue()
const MINUTES = 5
const START = Math.floor(Date.now() / 60_000) * 60_000 - 20 * 60_000
let embedded: EmbeddedStore
let store: Store
let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'postflight-semconv-'))
  embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
  store = openStore({ url: embedded.url })
  await migrate(store, catalogue, configSchema.parse({}).retention)
  for (const names of ['old', 'new', 'dup'] as const) await send(names)
})
afterAll(async () => {
  await store?.close()
  await embedded?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

type Names = 'old' | 'new' | 'dup'

/** As an SDK sends it before, after and during a move to new names. */
function attributes(names: Names, older: object, newer: object): object {
  return { ...(names === 'new' ? {} : older), ...(names === 'old' ? {} : newer) }
}

async function send(names: Names): Promise<void> {
  const common = {
    ServiceName: names,
    ResourceAttributes: { 'service.version': '1', 'service.instance.id': 'a' },
  }
  const minutes = Array.from({ length: MINUTES }, (_, i) => new Date(START + i * 60_000 + 1000).toISOString())
  const span = (time: string, SpanKind: string, SpanAttributes: object) => ({
    ...common,
    Timestamp: time,
    SpanKind,
    SpanName: 'x',
    Duration: 250_000_000,
    SpanAttributes,
  })
  await store.insert(
    'otel_traces',
    minutes.flatMap((time) => [
      span(time, 'Server', {
        'http.route': '/cart',
        ...attributes(
          names,
          { 'http.method': 'GET', 'http.status_code': '503', 'http.user_agent': 'Mozilla/5.0' },
          {
            'http.request.method': 'GET',
            'http.response.status_code': '503',
            'user_agent.original': 'Mozilla/5.0',
          },
        ),
      }),
      span(time, 'Server', attributes(names, { 'http.target': '/healthz' }, { 'url.path': '/healthz' })),
      span(time, 'Client', attributes(names, { 'net.peer.name': 'pay' }, { 'server.address': 'pay' })),
      span(
        time,
        'Producer',
        attributes(names, { 'messaging.destination': 'orders' }, { 'messaging.destination.name': 'orders' }),
      ),
      span(
        time,
        'Client',
        attributes(
          names,
          { 'db.system': 'postgresql', 'db.statement': 'SELECT 1', 'db.operation': 'SELECT' },
          { 'db.system.name': 'postgresql', 'db.query.text': 'SELECT 1', 'db.operation.name': 'SELECT' },
        ),
      ),
    ]),
  )
  type Metric = readonly [name: string, attributes: object, unit?: string]
  const both = (older: Metric, newer: Metric) => [
    ...(names === 'new' ? [] : [older]),
    ...(names === 'old' ? [] : [newer]),
  ]
  const point = (time: string, [MetricName, Attributes, MetricUnit = '1']: Metric) => ({
    ...common,
    MetricName,
    MetricUnit,
    Attributes,
    StartTimeUnix: new Date(START).toISOString(),
    TimeUnix: time,
  })
  const gauges = [
    ...both(
      ['db.client.connections.usage', { state: 'used' }],
      ['db.client.connection.count', { 'db.client.connection.state': 'used' }],
    ),
    ...both(
      ['process.runtime.jvm.memory.usage', { pool: 'Eden' }],
      ['jvm.memory.used', { 'jvm.memory.pool.name': 'Eden' }],
    ),
  ]
  const gc = both(
    ['process.runtime.jvm.gc.duration', { gc: 'G1' }, 'ms'],
    ['jvm.gc.duration', { 'jvm.gc.name': 'G1' }, 's'],
  )
  const network = both(
    ['system.network.io', { direction: 'receive' }],
    ['system.network.io', { 'network.io.direction': 'receive' }],
  )
  await store.insert(
    'otel_metrics_sum',
    minutes.flatMap((time, i) => [
      ...gauges.map((metric) => ({
        ...point(time, metric),
        Value: 7,
        AggregationTemporality: 2,
        IsMonotonic: false,
      })),
      ...network.slice(-1).map((metric) => ({
        ...point(time, metric),
        Value: 600 * i,
        AggregationTemporality: 2,
        IsMonotonic: true,
      })),
    ]),
  )
  await store.insert(
    'otel_metrics_histogram',
    minutes.flatMap((time, i) =>
      gc.map((metric) => ({
        ...point(time, metric),
        Count: i,
        Sum: 3 * i * (metric[2] === 'ms' ? 1000 : 1),
        AggregationTemporality: 2,
      })),
    ),
  )
}

async function read(service: string, id: string) {
  const signal = catalogue.signal(id)
  const set = await loadCells(store, catalogue, {
    service,
    environment: 'default',
    from: START / 1000 - 60,
    to: START / 1000 + 3600,
    signals: [signal],
  })
  return [...signalLines(set, signal, ['1'])]
    .map(([dimension, cells]) => {
      const all = mergeCells([cells])
      const count = all.reduce((sum, cell) => sum + cell.count, 0)
      return {
        dimension,
        count,
        bad: all.reduce((sum, cell) => sum + cell.bad, 0),
        mean: Number((all.reduce((sum, cell) => sum + cell.sum, 0) / count).toFixed(9)),
      }
    })
    .sort((a, b) => a.dimension.localeCompare(b.dimension))
}

describe.each(['old', 'new', 'dup'] as const)('%s names', (names) => {
  it.each([
    ['errors.server', [{ dimension: 'GET /cart', count: 5, bad: 5, mean: 0.25 }]],
    [
      'latency.client',
      [
        { dimension: 'orders', count: 5, bad: 0, mean: 0.25 },
        { dimension: 'pay', count: 5, bad: 0, mean: 0.25 },
      ],
    ],
    ['db.duration', [{ dimension: 'SELECT ?', count: 5, bad: 0, mean: 0.25 }]],
    ['db.connections', [{ dimension: 'used', count: 5, bad: 0, mean: 7 }]],
    ['runtime.heap', [{ dimension: 'Eden', count: 5, bad: 0, mean: 7 }]],
    ['runtime.gc_time', [{ dimension: 'G1', count: 4, bad: 0, mean: 0.05 }]],
    ['host.network', [{ dimension: 'receive', count: 4, bad: 0, mean: 10 }]],
  ])('are one %s, counted once', async (signal, expected) => {
    expect(await read(names, signal)).toEqual(expected)
  })
})

it('the older measure of a metric is read with the present one, and never beside it', () => {
  const { measures } = catalogue.signal('db.connections')
  expect(measures).toEqual(['db.connections.used', 'db.connections.used.older'])
  for (const signal of catalogue.signals) expect(new Set(signal.measures).size).toBe(signal.measures.length)
})
