import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { allDashboards } from '../../dashboards/all-dashboards.ts'
import { quantileSql } from '../../dashboards/quantile-sql.ts'
import { signalComparisonSql, signalSeriesSql } from '../../dashboards/signal-sql.ts'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { configSchema } from '../../schemas/config.ts'
import { bucketOf, histogramQuantile } from '../../schemas/histogram.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../../schemas/signals/custom.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'
import { type CheckedQuery, checkDashboards } from './check-dashboards.ts'
import { insertTelemetry } from './dashboard-telemetry.ts'
import { interpolate } from './grafana-interpolation.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const SERVICE = `o'brien "shop"`
const ENVIRONMENT = 'live'
const OLD = '1.0.0'
const NEW = "1.1.0-rc'1"
const now = Math.floor(Date.now() / MINUTE) * MINUTE
const start = now - 180 * MINUTE
const released = start + 90 * MINUTE

const catalogue = buildCatalogue([
  customSignalSchema.parse({ id: 'cart', title: 'Items in a cart', metric: 'cart.size', type: 'gauge' }),
])

// Some 260 statements a check, one after the other.
describe('the dashboards on the embedded store', { timeout: 120_000 }, () => {
  let embedded: EmbeddedStore
  let store: Store
  let dataDir: string

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'postflight-dashboards-'))
    embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
    store = openStore({ url: embedded.url })
    await migrate(store, catalogue, configSchema.parse({}).retention)
    await insertTelemetry(
      store,
      [
        { service: SERVICE, version: OLD, from: 0, to: 120 },
        { service: SERVICE, version: NEW, from: 90, to: 180 },
        { service: 'other', version: '7', from: 0, to: 10 },
      ],
      start,
      ENVIRONMENT,
    )
    await insertReleases(store)
  })

  afterAll(async () => {
    await store?.close()
    await embedded?.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const view = (from: number) => ({ from, to: now, service: SERVICE, environment: ENVIRONMENT, catalogue })

  it('draw every panel, variable and annotation from the minutes', async () => {
    const checked = await checkDashboards(store, view(start))
    expect(checked.length).toBeGreaterThan(100)
    expect(failures(checked)).toEqual([])
    expect(empty(checked)).toEqual([])
  })

  it('draw them from the hours when the range is long', async () => {
    const checked = await checkDashboards(store, view(now - 5 * DAY))
    expect(failures(checked)).toEqual([])
    // All telemetry may fall into one step of an hour, where a counter has no earlier point: its difference within the step counts.
    expect(empty(checked)).toEqual([])
  })

  it('answer without rows, and without errors, for a service that never was', async () => {
    const checked = await checkDashboards(store, { ...view(start), service: 'nobody' })
    expect(failures(checked.filter(({ what }) => !what.includes('variable')))).toEqual([])
  })

  const context = (from: number, versions: readonly string[]) => ({
    from: from / 1000,
    to: now / 1000,
    interval: 60,
    variables: new Map([
      ['service', { values: [SERVICE], all: false }],
      ['environment', { values: [ENVIRONMENT], all: false }],
      ['version', { values: versions, all: false }],
    ]),
  })

  it('show the numbers that were sent', async () => {
    const series = async (id: string, by: readonly ('version' | 'dimension')[], from = start) => {
      const sql = signalSeriesSql(catalogue, catalogue.signal(id), { by })
      return await store.query<{
        time: string
        version: string
        value: number
        p95: number
        dimension: string
      }>(interpolate(sql, context(from, [OLD])))
    }
    for (const from of [start, now - 5 * DAY]) {
      const shares = await series('errors.server', ['version'], from)
      // Of four users' requests one fails; health checks are not users'.
      expect(shares.every((row) => row.version === OLD && row.value === 0.25)).toBe(true)
      const calls = await series('db.calls', ['dimension'], from)
      expect(calls.length).toBeGreaterThan(0)
      expect(calls.every((row) => row.value === 1)).toBe(true)
      const exceptions = await series('exceptions.rate', ['version'], from)
      expect(exceptions.every((row) => row.value === 0.25)).toBe(true)
      for (const row of await series('latency.server', ['version'], from))
        expect(row.p95 / 0.05).toSatisfy((ratio: number) => ratio > 0.98 && ratio < 1.02)
    }
    const requests = await series('traffic.requests', ['version'])
    expect(requests).toHaveLength(120)
    expect(requests.every((row) => row.value === 4)).toBe(true)
    const cpu = await series('runtime.cpu_time', ['version'])
    expect(cpu.length).toBeGreaterThan(100)
    for (const row of cpu) expect(row.value).toBeCloseTo(20 / 60, 6)
  })

  it('compare two versions', async () => {
    const compare = async (id: string, q?: number) => {
      const variables = new Map([
        ...context(start, []).variables,
        ['before', { values: [OLD], all: false }] as const,
        ['after', { values: [NEW], all: false }] as const,
      ])
      const sql = signalComparisonSql(catalogue, catalogue.signal(id), q)
      const [row] = await store.query<Record<string, number | string>>(
        interpolate(sql, { ...context(start, []), variables }),
      )
      return row
    }
    expect(await compare('errors.server')).toMatchObject({
      signal: 'Failed requests',
      before: 0.25,
      after: 0.25,
      ratio: 1,
      difference: 0,
      'events before': 480,
      'events after': 360,
    })
    expect(await compare('traffic.requests')).toMatchObject({ before: 4, after: 4 })
    expect(await compare('db.calls')).toMatchObject({ before: 1, after: 1 })
    const p99 = await compare('latency.server', 0.99)
    expect(p99?.['signal']).toBe('Server response time (p99)')
    expect(Number(p99?.['after']) / 0.05).toBeCloseTo(1, 1)
  })

  it('take quantiles as the histogram itself does', async () => {
    const values = [0, -1, 0.001, 0.02, 0.02, 1, 5, 5.1, 80, 1e4]
    const histogram = new Map<number, number>()
    for (const value of values) histogram.set(bucketOf(value), (histogram.get(bucketOf(value)) ?? 0) + 1)
    const map = `CAST(map(${[...histogram].reverse().flat().join(', ')}), 'Map(Int16, UInt64)')`
    for (const q of [0, 0.1, 0.25, 0.5, 0.95, 1]) {
      const [row] = await store.query<{ v: number }>(
        `SELECT ${quantileSql('h', q)} AS v FROM (SELECT ${map} AS h)`,
      )
      expect(row?.v).toBeCloseTo(histogramQuantile(histogram, q) ?? Number.NaN, 9)
    }
    const [none] = await store.query<{ v: null }>(
      `SELECT ${quantileSql('h', 0.5)} AS v FROM (SELECT CAST(map(), 'Map(Int16, UInt64)') AS h)`,
    )
    expect(none).toEqual({ v: null })
  })

  it('mark the deployments of the shown service and environment only', async () => {
    const checked = await checkDashboards(store, view(start))
    const marks = checked.filter(({ what }) => what.includes('annotation'))
    expect(marks).toHaveLength(7)
    expect(marks.every(({ rows }) => rows === 2)).toBe(true)
  })
})

it('the provisioned data source is the one that the dashboards choose', async () => {
  const folder = join(import.meta.dirname, '..', '..', 'deploy', 'grafana', 'provisioning')
  const read = async (name: string) => parse(await readFile(join(folder, name), 'utf8'))
  const { apiVersion, datasources } = await read('datasources/postflight.yaml')
  expect(apiVersion).toBe(1)
  const variable = allDashboards(catalogue)[0]?.templating?.list?.find(({ name }) => name === 'datasource')
  expect(datasources[0]).toMatchObject({
    uid: variable?.current?.value,
    type: variable?.query,
    jsonData: { protocol: 'http' },
  })
  const { providers } = await read('dashboards/postflight.yaml')
  expect(providers[0]).toMatchObject({ type: 'file', folderUid: 'postflight' })
})

function failures(checked: readonly CheckedQuery[]): readonly string[] {
  return checked.flatMap(({ what, problems }) => problems.map((problem) => `${what}: ${problem}`))
}

function empty(checked: readonly CheckedQuery[]): readonly string[] {
  return checked.filter(({ rows }) => rows === 0).map(({ what }) => what)
}

async function insertReleases(store: Store): Promise<void> {
  const at = (time: number) => new Date(time).toISOString()
  const deployment = (id: string, service: string, environment: string, version: string, time: number) => ({
    id,
    service,
    environment,
    version,
    previous_version: version === NEW ? OLD : '',
    started_at: at(time),
    finished_at: null,
    source: 'api',
    status: 'succeeded',
    updated_at: at(time),
  })
  await store.insert('deployments', [
    deployment('d1', SERVICE, ENVIRONMENT, OLD, start + MINUTE),
    deployment('d2', SERVICE, ENVIRONMENT, NEW, released),
    deployment('d3', 'other', ENVIRONMENT, '7', released),
    deployment('d4', SERVICE, 'staging', NEW, released),
  ])
  // Written twice: the newer row of a deployment is the one that counts.
  for (const [state, computed] of [
    ['watching', released + MINUTE],
    ['regressed', now],
  ] as const) {
    await store.insert('reports', [
      {
        deployment_id: 'd2',
        service: SERVICE,
        environment: ENVIRONMENT,
        version: NEW,
        started_at: at(released),
        state,
        provisional: state === 'watching',
        computed_at: at(computed),
        method: 'test@1',
        report_json: JSON.stringify({
          headline: 'Worse',
          counts: { regressed: 1, improved: 0, unchanged: 2, inconclusive: 1 },
        }),
      },
    ])
  }
  const signals = catalogue.signals.map((signal) => signal.id)
  await store.insert(
    'verdicts',
    signals.map((signal, index) => ({
      deployment_id: 'd2',
      signal,
      dimension: '',
      service: SERVICE,
      environment: ENVIRONMENT,
      version: NEW,
      started_at: at(released),
      word: ['regressed', 'improved', 'unchanged', 'inconclusive'][index % 4],
      kind: catalogue.signal(signal).kind,
      effect_ratio: 1.5,
      effect_difference: 0.1,
      interval_low: 1.2,
      interval_high: 1.9,
      p_value: 0.001,
      before_value: 0.2,
      after_value: 0.3,
      before_count: 100,
      after_count: 120,
      provisional: false,
      method: 'test@1',
      computed_at: at(now),
      verdict_json: JSON.stringify({ summary: 'Half as much again', intervalOf: 'ratio' }),
    })),
  )
}
