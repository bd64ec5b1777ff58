import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backfill } from '../../ingest/backfill/backfill.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { verify } from '../../ingest/backfill/verify.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue, type Catalogue } from '../../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../../schemas/signals/custom.ts'
import { prepareStore } from '../../schemas/store/prepare.ts'
import { encode, official } from '../conformance/official.ts'
import { type RunningIngest, startIngest } from '../conformance/postflight.ts'
import { copyRows, GENERATIONS, makeTables } from './exporter-generations.ts'

const whole = buildCatalogue([
  customSignalSchema.parse({
    id: 'jobs',
    title: 'Jobs',
    unit: 's',
    metric: 'job.duration',
    type: 'histogram',
    dimension: 'queue',
  }),
])
/** Of each kind of cells and each raw table one measure or two: making the views of all is most of the time. */
const MEASURES = [
  'server.request',
  'db.query',
  'exception.span_event',
  'exception.log',
  'log.error',
  'log.template',
  'session',
  'process.cpu',
  'process.cpu_time',
  'custom.jobs',
  'custom.jobs.exponential',
]
const catalogue: Catalogue = {
  ...whole,
  measures: new Map([...whole.measures].filter(([id]) => MEASURES.includes(id))),
}
const LATENESS = 90
/** Minutes of telemetry: history to 8 minutes before now, and what the views see, so far after now that all generations have had their turn on a busy machine. */
const START = Math.floor(Date.now() / 60_000) * 60 - 3 * 3600
const MINUTES = [...Array.from({ length: 6 }, (_, i) => i * 29), 224, 225, 226]
let ingest: RunningIngest

beforeAll(async () => {
  ingest = await startIngest()
  await send()
  await prepareStore(ingest.store, catalogue, configOf(''))
  // The own rows' rollup of the user's signal, which is newer than they are.
  await backfillAll('')
}, 240_000)
afterAll(async () => {
  await ingest?.close()
})

function configOf(database: string, more: object = {}) {
  return configSchema.parse({ clickhouse: { source: { database, ...more } } })
}

async function backfillAll(database: string, more: object = {}) {
  const { store } = ingest
  const { source } = await prepareStore(store, catalogue, configOf(database, more))
  const tasks = await backfillTasks(store, catalogue, source, new Set())
  const options = {
    store,
    tasks,
    now: START + 5 * 3600,
    lateness: LATENESS,
    from: 0,
    to: START + 86_400,
    threads: 2,
    cardinality: configOf(database, more).cardinality,
  }
  const outcome = await backfill(options)
  // What the views on Postflight's own tables count is verified once.
  const theirs = tasks.filter(({ table }) => database === '' || table.source !== undefined)
  return { outcome, verified: await verify({ ...options, tasks: theirs, from: START - 3600 }) }
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })

async function send(): Promise<void> {
  const gathered: Record<string, Record<string, object[]>> = {}
  const gather = (signal: string, message: Record<string, object[]>) => {
    for (const [key, list] of Object.entries(message)) {
      const lists = gathered[signal] ?? {}
      gathered[signal] = { ...lists, [key]: [...(lists[key] ?? []), ...list] }
    }
  }
  for (const [at, minute] of MINUTES.entries()) {
    const seconds = START + minute * 60
    const nanos = (second: number, nano = 0) =>
      String(BigInt(seconds + second) * 1_000_000_000n + BigInt(nano))
    const resource = {
      attributes: [
        text('service.name', 'shop'),
        text('service.version', at < 4 ? '1.0' : '2.0'),
        text('service.instance.id', 'shop-a'),
        text('deployment.environment.name', 'production'),
      ],
    }
    const traceId = Buffer.alloc(16, at + 1)
    const span = (id: number, kind: number, attributes: object[], rest: object = {}) => ({
      traceId,
      spanId: Buffer.alloc(8, id),
      name: 'x',
      kind,
      startTimeUnixNano: nanos(5, 123),
      endTimeUnixNano: nanos(5, 123 + id * 100_000_000),
      attributes,
      ...rest,
    })
    const thrown = [text('exception.type', 'CardDeclined'), text('exception.message', 'order 4711 refused')]
    gather('traces', {
      resourceSpans: [
        {
          resource,
          scopeSpans: [
            {
              spans: [
                span(1, 2, [
                  text('http.request.method', 'GET'),
                  text('http.route', '/cart'),
                  text('session.id', `s${at}`),
                ]),
                span(2, 2, [text('http.request.method', 'POST'), text('http.route', '/pay')], {
                  status: { code: 2 },
                  events: [{ name: 'exception', timeUnixNano: nanos(5, 200), attributes: thrown }],
                }),
                span(3, 3, [
                  text('db.system.name', 'postgresql'),
                  text('db.query.text', 'SELECT name FROM cart WHERE id = 42'),
                ]),
                span(4, 3, [text('server.address', 'payments')]),
              ],
            },
          ],
        },
      ],
    })
    gather('logs', {
      resourceLogs: [
        {
          resource,
          scopeLogs: [
            {
              logRecords: [
                { timeUnixNano: nanos(7, 1), severityNumber: 9, body: { stringValue: 'served' } },
                {
                  timeUnixNano: nanos(8, 1),
                  severityNumber: 17,
                  body: { stringValue: 'card 17 refused by bank' },
                },
                {
                  timeUnixNano: nanos(9, 1),
                  severityNumber: 17,
                  body: { stringValue: 'failed' },
                  attributes: thrown,
                },
              ],
            },
          ],
        },
      ],
    })
    const common = { startTimeUnixNano: nanos(-minute * 60), timeUnixNano: nanos(30) }
    gather('metrics', {
      resourceMetrics: [
        {
          resource,
          scopeMetrics: [
            {
              metrics: [
                {
                  name: 'process.cpu.utilization',
                  gauge: { dataPoints: [{ ...common, asDouble: 0.25 * (at + 1) }] },
                },
                {
                  name: 'process.cpu.time',
                  sum: {
                    aggregationTemporality: 2,
                    isMonotonic: true,
                    dataPoints: ['user', 'system'].map((mode) => ({
                      ...common,
                      asDouble: 7 * at,
                      attributes: [text('cpu.mode', mode), text('cpu', '0')],
                    })),
                  },
                },
                {
                  name: 'job.duration',
                  histogram: {
                    aggregationTemporality: 2,
                    dataPoints: [
                      {
                        ...common,
                        count: 3 * at,
                        sum: 1.5 * at,
                        bucketCounts: [at, 2 * at],
                        explicitBounds: [0.5],
                        attributes: [text('queue', 'mail')],
                      },
                    ],
                  },
                },
                {
                  name: 'job.duration',
                  exponentialHistogram: {
                    aggregationTemporality: 1,
                    dataPoints: [
                      {
                        ...common,
                        count: 3,
                        sum: 1.5,
                        scale: 3,
                        zeroCount: 1,
                        positive: { offset: -4, bucketCounts: [1, 1] },
                        attributes: [text('queue', 'print')],
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    })
  }
  for (const signal of ['traces', 'logs', 'metrics'] as const)
    await post(signal, encode(official[signal], gathered[signal] ?? {}))
}

async function post(signal: string, body: Buffer): Promise<void> {
  const response = await fetch(`${ingest.url}/v1/${signal}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-protobuf' },
  })
  expect(response.status).toBe(200)
}

const READ = {
  signal_1m:
    'measure, time, version, instance, dimension, traffic, sum(count) AS n, sum(bad) AS bad, sum(cells.sum) AS total, sumMap(histogram) AS h',
  signal_1h:
    'measure, time, version, instance, dimension, traffic, sum(count) AS n, sum(bad) AS bad, sum(cells.sum) AS total, sumMap(histogram) AS h',
  counter_1m:
    'measure, time, version, dimension, stream, start_time, argMinMerge(first) AS f, argMaxMerge(last) AS l, max(last_time) AS t',
  histogram_1m:
    'measure, time, version, dimension, temporality, stream, scale, argMinMerge(first) AS f, argMaxMerge(last) AS l, sum(count) AS n, sumMap(buckets) AS b',
  exception_1m:
    'time, version, says, span, sum(events) AS e, sum(logs) AS l, sum(bad_events) AS be, sum(bad_logs) AS bl',
} as const

/** What the rollups have of one database (or, '', of Postflight's own tables), but for words that are made of texts. */
async function cells(table: keyof typeof READ, database: string) {
  const columns = READ[table]
  const keys = columns.split(', ').filter((column) => !column.includes('('))
  const measures = table === 'exception_1m' ? '' : 'AND has({measures:Array(String)}, measure)'
  return await ingest.store.query<Record<string, unknown>>(
    `SELECT ${columns} FROM ${table} AS cells
    WHERE if({database:String} = '', origin = '' OR origin LIKE 'otel%', startsWith(origin, concat({database:String}, '.'))) ${measures}
    GROUP BY ${keys.join(', ')} ORDER BY ${keys.join(', ')}`,
    { database, measures: MEASURES.filter((id) => id !== 'log.template') },
  )
}

async function words(sql: string, database: string) {
  const rows = await ingest.store.query<{ word: string }>(
    `SELECT DISTINCT toString(dimension) AS word FROM ${sql} AND startsWith(origin, concat({database:String}, '.')) ORDER BY word`,
    { database },
  )
  return rows.map(({ word }) => word)
}

it('Postflight’s own tables give the same cells when they are recounted, whatever counts into the same ones', async () => {
  const { verified } = await backfillAll('')
  expect(verified.filter(({ differing }) => differing > 0)).toEqual([])
  const compared = verified.filter(({ cells }) => cells > 0).map(({ measure }) => measure)
  expect(compared).toEqual(
    expect.arrayContaining(['server.request', 'exception.span_event', 'exception.log']),
  )
})

describe.each(GENERATIONS)("the exporter's tables, $name", (generation) => {
  const { name } = generation

  it('give the same rollups as the same telemetry over OTLP, from views and from history', {
    timeout: 300_000,
  }, async () => {
    const { store } = ingest
    await makeTables(store, generation)
    const now = Math.floor(Date.now() / 1000)
    await copyRows(store, generation, START, now)
    await prepareStore(store, catalogue, configOf(name))
    const before = await store.query(
      `SELECT name, engine_full FROM system.tables WHERE database = '${name}' ORDER BY name`,
    )
    await copyRows(store, generation, now, START + 86_400)
    expect((await cells('signal_1m', name)).length).toBeGreaterThan(0)
    const { outcome, verified } = await backfillAll(name)
    expect(outcome).toMatchObject({ stopped: false })
    expect(outcome.restFrom).toBeUndefined()
    for (const table of Object.keys(READ) as (keyof typeof READ)[]) {
      const own = await cells(table, '')
      expect(own.length, table).toBeGreaterThan(0)
      expect(await cells(table, name), table).toEqual(own)
    }
    expect(verified.filter(({ differing }) => differing > 0)).toEqual([])
    expect(verified.filter(({ table, cells: n }) => table.startsWith(`${name}.`) && n > 0).length).toBe(
      MEASURES.length,
    )
    // Of rows that Postflight did not decode, kinds of lines and of exceptions are named by their texts.
    expect(await words("signal_1m WHERE measure = 'log.template'", name)).toEqual([
      'card # refused by bank',
      'failed',
    ])
    expect(await words('exception_1m WHERE 1', name)).toEqual(['CardDeclined: order # refused'])
    // Nothing of theirs is altered, and what is read twice is counted once.
    expect(
      await store.query(
        `SELECT name, engine_full FROM system.tables WHERE database = '${name}' ORDER BY name`,
      ),
    ).toEqual(before)
    expect((await backfillAll(name)).outcome).toMatchObject({ spans: 0 })
    const versions = await store.query(
      'SELECT version FROM version_1h WHERE origin = {origin:String} GROUP BY version ORDER BY version',
      { origin: `${name}.otel_traces:history` },
    )
    expect(versions).toEqual([{ version: '1.0' }, { version: '2.0' }])
    const seen = await store.query(`SELECT count() AS n FROM source_otel_traces WHERE SpanKind = 'Server'`)
    expect(seen).toEqual([{ n: 2 * MINUTES.length }])
  })
})
