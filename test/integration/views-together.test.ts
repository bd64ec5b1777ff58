import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../../schemas/signals/custom.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { rollupRows, rollupSelect, rollupViews } from '../../schemas/signals/views.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { keepDimensions } from '../../schemas/store/kept-dimensions.ts'
import { migrate } from '../../schemas/store/migrate.ts'

const { retention } = configSchema.parse({})
const custom = ['gauge', 'delta', 'histogram'].map((type) =>
  customSignalSchema.parse({ id: `own_${type}`, title: type, metric: 'process.cpu.utilization', type }),
)
const catalogue = buildCatalogue(custom)
const measures = [...catalogue.measures.values()]

/** SQL of one of these texts, by the row's number. */
const one = (of: readonly string[], by: number) =>
  `[${of.map((text) => `'${text}'`).join(', ')}][1 + intDiv(number, ${by}) % ${of.length}]`
const RESOURCE = `map('service.name', ${one(['shop', 'pay'], 1)}, 'service.version', ${one(['1', '2', ''], 2)}, 'host.name', ${one(['a', 'b'], 3)})`
const TIME = "toDateTime64('2026-11-01 10:00:00', 9) + INTERVAL number * 700 MILLISECOND"
const METRICS = [...new Set(measures.flatMap(({ metrics }) => metrics ?? [])), 'nobody.reads.this']
const METRIC = `ResourceAttributes, ServiceName, MetricName, MetricUnit, Attributes, StartTimeUnix, TimeUnix, Flags`
const METRIC_VALUES = `${RESOURCE}, 'shop', ${one(METRICS, 1)}, ${one(['s', 'ms', 'ns'], 5)},
  map('state', ${one(['used', 'idle'], 7)}, 'kind', ${one(['', 'calls'], 3)}, 'http.route', ${one(['/a', '/b'], 5)}, 'http.response.status_code', ${one(['200', '500'], 11)}, 'db.query.text', 'SELECT 1'),
  toDateTime64('2026-11-01 09:00:00', 9), ${TIME}, number % 13 = 0`
const ROWS = 4_000
/** How often all metrics have had their turn: what varies by it keeps no step with which metric it is. */
const TURNS = `intDiv(number, ${METRICS.length})`

const FILL = [
  `INSERT INTO otel_logs (Timestamp, ServiceName, ResourceAttributes, TraceId, SpanId, SeverityNumber, Body, LogAttributes, Template, ExceptionKind)
  SELECT ${TIME}, 'shop', ${RESOURCE}, '', '', [0, 9, 13, 17, 21][1 + number % 5], concat('line ', toString(number % 17)),
    map('exception.type', if(number % 19 = 0, 'Boom', '')), ${one(['', 'line <num>'], 3)}, '' FROM numbers(${ROWS})`,
  `INSERT INTO otel_traces (Timestamp, ServiceName, ResourceAttributes, TraceId, SpanId, TraceState, SpanName, SpanKind, StatusCode, Duration, \`Events.Timestamp\`, \`Events.Name\`, \`Events.Attributes\`, SpanAttributes)
  SELECT ${TIME}, 'shop', ${RESOURCE}, toString(number), toString(number), ${one(['', 'ot=th:8'], 5)}, ${one(['GET /a', 'call'], 3)},
    ${one(['Server', 'Client', 'Internal', 'Consumer'], 1)}, ${one(['Ok', 'Error'], 7)}, 1000000 * (number % 97),
    if(number % 7 = 0, [${TIME}, ${TIME}], []), if(number % 7 = 0, ['exception', 'retry'], []),
    if(number % 7 = 0, [map('exception.type', ${one(['Boom', 'Late'], 7)}, 'exception.message', 'no answer'), map('exception.type', '', 'exception.message', '')], []),
    map('http.request.method', ${one(['GET', ''], 3)}, 'db.system.name', ${one(['', 'postgresql'], 5)}, 'db.query.text', ${one(['', 'SELECT 1'], 3)},
      'db.response.returned_rows', ${one(['', '7'], 11)}, 'user.id', ${one(['u1', ''], 13)}, 'session.id', ${one(['s1', 's2', ''], 3)}, 'url.path', ${one(['/health', '/a'], 3)})
  FROM numbers(${ROWS})`,
  `INSERT INTO otel_metrics_gauge (${METRIC}, Value) SELECT ${METRIC_VALUES}, if(number % 23 = 0, nan, number % 101) FROM numbers(${ROWS})`,
  `INSERT INTO otel_metrics_sum (${METRIC}, Value, AggregationTemporality, IsMonotonic)
  SELECT ${METRIC_VALUES}, number, 1 + ${TURNS} % 2, intDiv(${TURNS}, 2) % 2 FROM numbers(${ROWS})`,
  `INSERT INTO otel_metrics_histogram (${METRIC}, Count, Sum, BucketCounts, ExplicitBounds, AggregationTemporality)
  SELECT ${METRIC_VALUES}, 6, number, [1, 2, 3], [0.1, number % 7 + 1], 1 + number % 2 FROM numbers(${ROWS})`,
  `INSERT INTO otel_metrics_exponential_histogram (${METRIC}, Count, Sum, Scale, ZeroCount, PositiveOffset, PositiveBucketCounts, NegativeOffset, NegativeBucketCounts, AggregationTemporality)
  SELECT ${METRIC_VALUES}, 6, number, number % 3, 1, 2, [2, 3], 0, [], 1 + number % 2 FROM numbers(${ROWS})`,
]

/** Seconds since the epoch. */
const BOUNDED_FROM = Date.UTC(2026, 10, 1, 10, 10) / 1000

let store: Store
let embedded: EmbeddedStore
let dataDir: string

/** All cells of a statement, as one text a row; aggregate states by their values. */
async function cellsOf(sql: string, columns: readonly string[]): Promise<string[]> {
  const shown = columns.map((column) => {
    if (column === 'first' || column === 'last') return `toString(finalizeAggregation(${column}))`
    // A flag of histogram_1m, a number of signal_1m.
    return column === 'bad' ? 'toString(toUInt64(bad))' : `toString(${column})`
  })
  const rows = await store.query<{ cell: string }>(
    `SELECT arrayStringConcat([${shown.join(', ')}], '|') AS cell FROM (${sql}) ORDER BY cell`,
  )
  return rows.map(({ cell }) => cell)
}

describe('views that count several measures at once', () => {
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'postflight-views-'))
    embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
    store = openStore({ url: embedded.url })
    await migrate(store, catalogue, retention)
    // One measure has more values than it keeps; the others of its view keep all.
    const bound = { measure: 'log.template', service: 'shop', day: '2026-11-01', since: BOUNDED_FROM }
    await keepDimensions(store, [
      { ...bound, dimension: OTHER },
      { ...bound, dimension: 'line #' },
    ])
    for (const sql of FILL) await store.command(sql)
  }, 90_000)

  afterAll(async () => {
    await store?.close()
    await embedded?.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const views = rollupViews(measures)
  it.each(views.map((view) => [view.name, view] as const))(
    '%s counts what its measures do',
    async (_, view) => {
      const first = view.counts[0]
      if (first === undefined) throw new Error('an empty view')
      const { columns } = rollupRows(first.measure)
      const own = view.counts.map(
        ({ measure }) => `SELECT ${columns.join(', ')} FROM (${rollupSelect(measure)})`,
      )
      const expected = await cellsOf(own.map((sql) => `(${sql})`).join(' UNION ALL '), columns)
      expect(
        await cellsOf(
          view.select(() => 0, 'default'),
          columns,
        ),
      ).toEqual(expected)
      for (const [at, { measure }] of view.counts.entries())
        expect((await cellsOf(own[at] as string, columns)).length, measure.id).toBeGreaterThan(0)
    },
  )

  it('counts each measure from its own cut-over', async () => {
    const view = views.find(({ name }) => name === 'signal_1m_mv_otel_logs')
    if (view === undefined) throw new Error('no view of logs')
    const cutOver = Date.UTC(2026, 10, 1, 10, 20) / 1000
    const { columns } = rollupRows(view.counts[0]?.measure as (typeof measures)[number])
    const sinceOf = (id: string) => (id === 'log.error' ? cutOver : 0)
    const own = view.counts.map(
      ({ measure }) =>
        `(SELECT ${columns.join(', ')} FROM (${rollupSelect(measure, measure.id === 'log.error' ? { since: cutOver } : {})}))`,
    )
    const cells = await cellsOf(
      view.select(({ measure }) => sinceOf(measure.id), 'default'),
      columns,
    )
    expect(cells).toEqual(await cellsOf(own.join(' UNION ALL '), columns))
    expect(cells).not.toEqual(
      await cellsOf(
        view.select(() => 0, 'default'),
        columns,
      ),
    )
  })

  it('puts together what a measure does not keep, and nothing of the others', async () => {
    const rest = await store.query(
      `SELECT DISTINCT measure, dimension FROM signal_1m WHERE time >= fromUnixTimestamp(${BOUNDED_FROM}) AND startsWith(measure, 'log.') ORDER BY ALL`,
    )
    expect(rest).toEqual([
      { measure: 'log.error', dimension: '' },
      { measure: 'log.fatal', dimension: '' },
      { measure: 'log.record', dimension: '' },
      { measure: 'log.template', dimension: OTHER },
      { measure: 'log.template', dimension: 'line #' },
    ])
  })

  it('filled the cells as rows came in', async () => {
    for (const measure of measures.filter(({ cells }) => cells === 'signal_1m')) {
      const total = 'SELECT sum(count) AS count, sum(bad) AS bad, sumMap(histogram) AS histogram FROM'
      const cells = await store.query(`${total} signal_1m WHERE measure = {id:String}`, { id: measure.id })
      expect(cells, measure.id).toEqual(await store.query(`${total} (${rollupSelect(measure)})`))
    }
  })
})
