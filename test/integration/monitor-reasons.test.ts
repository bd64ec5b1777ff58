import { afterAll, beforeAll, expect, it } from 'vitest'
import { listAlerts } from '../../analytics/alerts/stored-alerts.ts'
import { createMonitor, type Monitor } from '../../analytics/monitor/monitor.ts'
import { readWatchEvents, readWatches } from '../../analytics/monitor/stored-watches.ts'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { bucketOf } from '../../schemas/histogram.ts'
import { type Bench, openBench } from './report-fixture.ts'

const MINUTE = 60
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const start = Math.floor(Date.now() / 1000 / MINUTE) * MINUTE - 45 * MINUTE
const BEFORE = 120
const AFTER = 40

let bench: Bench
let now = 0

interface Series {
  readonly service: string
  readonly version: string
  readonly measure: string
  readonly dimension?: string
  /** Of a minute, counted from the first one. */
  readonly count: (minute: number) => number
  /** What each of them took, or is. */
  readonly value?: (minute: number) => number
  readonly gauge?: boolean
}

/** Rows of the rollup as its views would have written them. */
async function write(from: number, minutes: number, all: readonly Series[]): Promise<void> {
  const rows = all.flatMap((series) =>
    Array.from({ length: minutes }, (_, minute) => {
      // Some noise that is the same on every run.
      const count = Math.round(series.count(minute) * (1 + 0.05 * Math.sin(7 * minute)))
      const value = (series.value?.(minute) ?? 0) * (1 + 0.02 * Math.cos(5 * minute))
      return {
        time: from + minute * MINUTE,
        service: series.service,
        environment: 'production',
        version: series.version,
        instance: 'one',
        measure: series.measure,
        dimension: series.dimension ?? '',
        traffic: 'users',
        count,
        bad: 0,
        sum: count * value,
        sum_squares: count * value ** 2,
        min: value,
        max: value,
        histogram: series.gauge === true || value === 0 ? {} : spread(value, count, minute),
      }
    }).filter(({ count }) => count > 0),
  )
  await bench.store.insert('signal_1m', rows)
}

/** Durations around a value: a minute's are neither all alike nor all in one bucket. */
function spread(value: number, count: number, minute: number): Record<number, number> {
  const parts: Record<number, number> = {}
  const places = 20
  for (let i = 0; i < places; i++) {
    const bucket = bucketOf(value * Math.exp((i - places / 2 + Math.sin(minute + i)) / 12))
    parts[bucket] = (parts[bucket] ?? 0) + Math.floor(count / places)
  }
  return parts
}

const service = (name: string, version: string): Series[] => [
  {
    service: name,
    version,
    measure: 'server.request',
    dimension: 'GET /cart',
    count: () => 300,
    value: () => 0.03,
  },
]
const statement = (
  name: string,
  version: string,
  text: string,
  perRequest: number,
  seconds: number,
): Series => ({
  service: name,
  version,
  measure: 'db.query',
  dimension: text,
  count: () => 300 * perRequest,
  value: () => seconds,
})
const memory = (name: string, version: string, bytes: (minute: number) => number): Series => ({
  service: name,
  version,
  measure: 'process.memory',
  count: () => 4,
  value: bytes,
  gauge: true,
})

const tell = async (name: string, version: string, at: number) => {
  await recordDeployment(
    bench.store,
    {
      service: name,
      environment: 'production',
      version,
      startedAt: new Date(at * 1000).toISOString(),
      status: 'succeeded',
      attributes: {},
    },
    () => now,
  )
}

let monitor: Monitor
const look = async () => await monitor.look()
const idOf = async (name: string, version: string) =>
  (await allDeployments(bench.store)).find((one) => one.service === name && one.version === version)?.id ?? ''
const incidentOf = async (name: string) =>
  (await listAlerts(bench.store)).items.find((alert) => alert.service === name && alert.kind === 'regression')
const reasons = async (name: string) =>
  (await incidentOf(name))?.reasons.map(({ summary }) => summary).join('\n') ?? ''

beforeAll(async () => {
  bench = await openBench({ monitor: { services: { minor: { criticality: 'low' } } } })
  monitor = createMonitor({
    store: bench.store,
    catalogue: bench.catalogue,
    config: bench.config,
    clock: () => now,
    publicUrl: 'http://postflight.test',
    logger: silent,
  })
  now = start * 1000
  const cart = 'SELECT * FROM items WHERE cart = ?'
  const stock = 'UPDATE stock SET n = n - ? WHERE id = ?'
  for (const name of ['many', 'slow', 'leak', 'minor']) await tell(name, '1.0', start - 6 * 3600)
  await write(start - BEFORE * MINUTE, BEFORE, [
    ...service('many', '1.0'),
    statement('many', '1.0', cart, 1, 0.003),
    ...service('slow', '1.0'),
    statement('slow', '1.0', stock, 1, 0.004),
    ...service('minor', '1.0'),
    statement('minor', '1.0', stock, 1, 0.004),
    ...service('leak', '1.0'),
    memory('leak', '1.0', () => 3e8),
  ])
  for (const name of ['many', 'slow', 'leak', 'minor']) await tell(name, '1.1', start)
  await write(start, AFTER, [
    ...service('many', '1.1'),
    statement('many', '1.1', cart, 9, 0.003),
    ...service('slow', '1.1'),
    statement('slow', '1.1', stock, 1, 0.02),
    ...service('minor', '1.1'),
    statement('minor', '1.1', stock, 1, 0.02),
    ...service('leak', '1.1'),
    memory('leak', '1.1', (minute) => 3e8 + 1e7 * minute),
  ])
  now = (start + AFTER * MINUTE) * 1000
  await look()
})
afterAll(() => bench?.close())

it('names the statement that is called nine times as often, and the one that is slower', async () => {
  expect(await reasons('many')).toMatch(/SELECT \* FROM items WHERE cart = \?.*9(\.\d)?x/)
  expect(await reasons('slow')).toMatch(/UPDATE stock SET n = n - \? WHERE id = \?.*longer/)
})

it('says by how much what leaks grows', async () => {
  expect(await reasons('leak')).toMatch(/grows by 5\d\d MiB an hour/)
})

it('wakes nobody for a service of little worth', async () => {
  expect((await incidentOf('slow'))?.severity).toBe('page')
  expect((await incidentOf('minor'))?.severity).toBe('ticket')
})

it('is superseded by the next release: the watch ends, and its incident with it', async () => {
  const at = start + AFTER * MINUTE
  await tell('slow', '1.2', at)
  await write(at, 2, [...service('slow', '1.2')])
  now = (at + 2 * MINUTE) * 1000
  await look()
  const id = await idOf('slow', '1.1')
  expect((await readWatches(bench.store, [id])).get(id)?.state).toBe('superseded')
  expect((await readWatchEvents(bench.store, id)).map(({ kind }) => kind)).toContain('superseded')
  const [incident] = (await listAlerts(bench.store, { deploymentId: id })).items
  expect(incident).toMatchObject({ status: 'resolved', resolution: 'superseded by the next release' })
})
