import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadCells } from '../../analytics/queries/cells.ts'
import { type Levels, loadLevels } from '../../analytics/queries/levels.ts'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import type { Cell } from '../../schemas/cell.ts'
import { configSchema } from '../../schemas/config.ts'
import { bucketOf, LN_GAMMA, ZERO_BUCKET } from '../../schemas/histogram.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../../schemas/signals/custom.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'
import { seededRandom } from '../bench/ingest-load.ts'

const SIGNAL = 'custom.job.duration'
const METRIC = 'job.duration'
const catalogue = buildCatalogue([
  customSignalSchema.parse({
    id: 'job.duration',
    title: 'Jobs',
    unit: 's',
    metric: METRIC,
    type: 'histogram',
    dimension: 'queue',
  }),
])
const MINUTES = 8
const START = Math.floor(Date.now() / 60_000) * 60_000 - 30 * 60_000
const BOUNDS = [0.1, 0.5, 1, 5]
let embedded: EmbeddedStore
let store: Store
let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'postflight-histograms-'))
  embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
  store = openStore({ url: embedded.url })
  await migrate(store, catalogue, configSchema.parse({}).retention)
})
afterAll(async () => {
  await store?.close()
  await embedded?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

interface Point {
  readonly start: number
  readonly time: number
  readonly instance: string
  /** All values since `start`. */
  readonly values: readonly number[]
  readonly scale?: number
}

const nanos = (time: number) => new Date(time).toISOString().replace('Z', '000000Z')

function explicitRow(service: string, temporality: number, { start, time, instance, values }: Point): object {
  const counts = Array.from({ length: BOUNDS.length + 1 }, () => 0)
  for (const value of values) {
    const at = BOUNDS.findIndex((bound) => value <= bound)
    counts[at === -1 ? BOUNDS.length : at] = (counts[at === -1 ? BOUNDS.length : at] ?? 0) + 1
  }
  return {
    ...commonOf(service, temporality, { start, time, instance, values }),
    BucketCounts: counts,
    ExplicitBounds: BOUNDS,
  }
}

function exponentialRow(service: string, temporality: number, point: Point): object {
  const { values, scale = 0 } = point
  const indexes = values
    .filter((value) => value > 0)
    .map((value) => Math.ceil(Math.log2(value) * 2 ** scale) - 1)
  const offset = indexes.length === 0 ? 0 : Math.min(...indexes)
  const counts = Array.from({ length: indexes.length === 0 ? 0 : Math.max(...indexes) - offset + 1 }, () => 0)
  for (const index of indexes) counts[index - offset] = (counts[index - offset] ?? 0) + 1
  return {
    ...commonOf(service, temporality, point),
    Scale: scale,
    ZeroCount: values.length - indexes.length,
    PositiveOffset: offset,
    PositiveBucketCounts: counts,
  }
}

function commonOf(service: string, temporality: number, { start, time, instance, values }: Point): object {
  return {
    ServiceName: service,
    ResourceAttributes: { 'service.version': '1', 'service.instance.id': instance },
    MetricName: METRIC,
    Attributes: { queue: 'mail' },
    StartTimeUnix: nanos(start),
    TimeUnix: nanos(time),
    Count: values.length,
    Sum: values.reduce((sum, value) => sum + value, 0),
    AggregationTemporality: temporality,
  }
}

async function cellsOf(
  service: string,
  measure = SIGNAL,
  [from, to]: readonly [number, number] = [0, MINUTES],
): Promise<readonly Cell[]> {
  const set = await loadCells(store, catalogue, {
    service,
    environment: 'default',
    from: START / 1000 + from * 60,
    to: START / 1000 + to * 60,
    signals: [catalogue.signal(SIGNAL)],
  })
  return set.get(measure)?.get('mail')?.get('1') ?? []
}

/** Counts, sums (to a millionth) and what the buckets hold, by minute. */
function told(cells: readonly Cell[]) {
  return cells.map(({ time, count, sum, histogram }) => ({
    minute: (time * 1000 - START) / 60_000,
    count,
    sum: Math.round(sum * 1e6) / 1e6,
    inBuckets: [...(histogram?.values() ?? [])].reduce((total, n) => total + n, 0),
  }))
}

/** Values of each minute of one process. */
function minutesOf(seed: number): number[][] {
  const random = seededRandom(seed)
  return Array.from({ length: MINUTES }, () =>
    Array.from({ length: 5 + Math.floor(random() * 20) }, () => Math.round(random() ** 3 * 8_000) / 1000),
  )
}

function cumulative(minutes: readonly number[][], instance: string, start = START): Point[] {
  return minutes.map((_, at) => ({
    start,
    time: START + at * 60_000 + 30_000,
    instance,
    values: minutes.slice(0, at + 1).flat(),
  }))
}

const truth = (minutes: readonly number[][]) =>
  minutes.map((values, minute) => ({
    minute,
    count: values.length,
    sum: Math.round(values.reduce((sum, value) => sum + value, 0) * 1e6) / 1e6,
    inBuckets: values.length,
  }))

const added = (a: readonly number[][], b: readonly number[][]) =>
  a.map((values, at) => [...values, ...(b[at] ?? [])])

for (const [kind, table, row, measure] of [
  ['explicit', 'otel_metrics_histogram', explicitRow, SIGNAL],
  ['exponential', 'otel_metrics_exponential_histogram', exponentialRow, `${SIGNAL}.exponential`],
] as const) {
  test(`${kind}: cumulative points of two instances in any order and any inserts become what each minute added`, async () => {
    const [a, b] = [minutesOf(1), minutesOf(2)]
    const points = [...cumulative(a, 'a'), ...cumulative(b, 'b')]
    const random = seededRandom(3)
    for (let round = 0; round < 5; round++) {
      const service = `${kind}-${round}`
      const shuffled = points
        .map((point) => ({ point, key: random() }))
        .sort((x, y) => x.key - y.key)
        .map(({ point }) => point)
      // A point that comes twice counts once.
      shuffled.push(...shuffled.slice(0, 2))
      for (let at = 0; at < shuffled.length; ) {
        const size = 1 + Math.floor(random() * 5)
        await store.insert(
          table,
          shuffled.slice(at, at + size).map((point) => row(service, 2, point)),
        )
        at += size
      }
      expect(told(await cellsOf(service, measure))).toEqual(truth(added(a, b)))
    }
  })

  test(`${kind}: minutes read one by one are those read together, and what a stream counted long before it was seen is of no minute`, async () => {
    const minutes = minutesOf(7)
    await store.insert(
      table,
      cumulative(minutes, 'a').map((point) => row(`${kind}-portions`, 2, point)),
    )
    const portions = await Promise.all(
      minutes.map((_, at) => cellsOf(`${kind}-portions`, measure, [at, at + 1])),
    )
    expect(told(portions.flat())).toEqual(truth(minutes))
    await store.insert(
      table,
      cumulative(minutes, 'a', START - 3_600_000).map((point) => row(`${kind}-old`, 2, point)),
    )
    expect(told(await cellsOf(`${kind}-old`, measure))).toEqual(truth(minutes).slice(1))
  })

  test(`${kind}: minutes read one by one have what is exported every six minutes`, async () => {
    const minutes = minutesOf(9).slice(0, 5)
    const points = cumulative(minutes, 'a', START - 3_600_000).map((point, at) => ({
      ...point,
      time: START + at * 360_000 + 30_000,
    }))
    await store.insert(
      table,
      points.map((point) => row(`${kind}-slow`, 2, point)),
    )
    const portions = await Promise.all(
      minutes.map((_, at) => cellsOf(`${kind}-slow`, measure, [6 * at, 6 * at + 1])),
    )
    const expected = truth(minutes).map((one) => ({ ...one, minute: 6 * one.minute }))
    expect(told(portions.flat())).toEqual(expected.slice(1))
  })

  test(`${kind}: a restart begins anew, and so does a count that falls with the same start`, async () => {
    const minutes = minutesOf(4)
    const restarted = [
      ...cumulative(minutes, 'a').slice(0, 4),
      ...cumulative(minutes.slice(4), 'a').map((point, at) => ({
        ...point,
        time: START + (at + 4) * 60_000 + 30_000,
      })),
    ]
    const fallen = restarted.map((point) => row(`${kind}-fallen`, 2, point))
    await store.insert(table, fallen)
    const expected = truth(minutes)
    const cells = told(await cellsOf(`${kind}-fallen`, measure))
    // A reset shows only as far as the count falls below what it was; these minutes are small beside the first four.
    expect(cells).toEqual(expected)
    const anew = restarted.map((point, at) => ({ ...point, start: at < 4 ? START : START + 4 * 60_000 }))
    await store.insert(
      table,
      anew.map((point) => row(`${kind}-anew`, 2, point)),
    )
    expect(told(await cellsOf(`${kind}-anew`, measure))).toEqual(expected)
  })

  test(`${kind}: deltas add up, whatever their starts`, async () => {
    const minutes = minutesOf(5)
    const points = minutes.flatMap((values, at) => [
      {
        start: START + at * 60_000,
        time: START + at * 60_000 + 20_000,
        instance: 'a',
        values: values.slice(0, 3),
      },
      {
        start: START + at * 60_000 + 20_000,
        time: START + at * 60_000 + 40_000,
        instance: 'a',
        values: values.slice(3),
      },
    ])
    await store.insert(
      table,
      points.map((point) => row(`${kind}-delta`, 1, point)),
    )
    expect(told(await cellsOf(`${kind}-delta`, measure))).toEqual(truth(minutes))
  })
}

test('exponential: scales that change within a stream lose nothing, and buckets are those of the values', async () => {
  const minutes = minutesOf(6)
  const points = cumulative(minutes, 'a').map((point, at) => ({
    ...point,
    scale: at < 3 ? 6 : at < 6 ? 4 : 2,
  }))
  await store.insert(
    'otel_metrics_exponential_histogram',
    points.map((point) => exponentialRow('scales', 2, point)),
  )
  const cells = await cellsOf('scales', `${SIGNAL}.exponential`)
  expect(told(cells)).toEqual(truth(minutes))
  // At scale 4 a bucket spans 4.4 %, as ours do: the value is in ours or beside it.
  const values = minutes[4] ?? []
  const seen = [...(cells[4]?.histogram?.keys() ?? [])]
  for (const value of values) {
    expect(
      seen.some((bucket) => Math.abs(bucket - bucketOf(value)) <= 1 || value === 0),
      `${value}`,
    ).toBe(true)
  }
})

test('explicit: a bucket stands for its geometric middle', async () => {
  const minutes = Array.from({ length: MINUTES }, () => [0.05, 0.3, 0.3, 7])
  await store.insert(
    'otel_metrics_histogram',
    cumulative(minutes, 'a').map((point) => explicitRow('middle', 2, point)),
  )
  const [cell] = await cellsOf('middle')
  expect(cell?.histogram).toEqual(
    new Map([
      [bucketOf(0.05), 1],
      [bucketOf(Math.sqrt(0.1 * 0.5)), 2],
      [bucketOf(5), 1],
    ]),
  )
})

test('over long spans the logarithms of what the buckets hold come in their stead', async () => {
  for (const [service, measure] of [
    ['explicit-0', SIGNAL],
    ['explicit-delta', SIGNAL],
    ['exponential-0', `${SIGNAL}.exponential`],
    ['scales', `${SIGNAL}.exponential`],
  ] as const) {
    const cells = await cellsOf(service, measure)
    const set = await loadLevels(store, catalogue, {
      service,
      environment: 'default',
      from: START / 1000,
      to: START / 1000 + MINUTES * 60,
      step: 60,
      signals: [catalogue.signal(SIGNAL)],
    })
    const levels = set.get(measure)?.get('mail')?.get('1') as Levels
    expect([...levels.slots]).toEqual(cells.map(({ time }) => (time - START / 1000) / 60))
    expect([...levels.counts]).toEqual(cells.map(({ count }) => count))
    cells.forEach(({ histogram }, at) => {
      const expected = [...(histogram ?? [])].reduce(
        (sum, [bucket, n]) =>
          sum + (bucket === ZERO_BUCKET ? Number.NEGATIVE_INFINITY : n * (bucket - 0.5) * LN_GAMMA),
        0,
      )
      expect(levels.logs[at]).toBeCloseTo(expected, 9)
    })
  }
})
