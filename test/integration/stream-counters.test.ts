import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadCells } from '../../analytics/queries/cells.ts'
import { seededRandom } from '../bench/ingest-load.ts'
import { type Bench, openBench } from './report-fixture.ts'

const START = Math.floor(Date.now() / 60_000) * 60_000 - 30 * 60_000
let bench: Bench

beforeAll(async () => {
  bench = await openBench()
}, 120_000)
afterAll(() => bench?.close())

interface Point {
  /** Minutes since {@link START}. */
  readonly minute: number
  readonly value: number
  readonly instance?: string
  /** Minute in which the stream began, before 0 if left out. */
  readonly start?: number
}

async function send(service: string, points: readonly Point[]): Promise<void> {
  await bench.store.insert(
    'otel_metrics_sum',
    points.map(({ minute, value, instance = 'a', start = -10 }) => ({
      ServiceName: service,
      ResourceAttributes: { 'service.version': '1.0', 'service.instance.id': instance },
      MetricName: 'process.cpu.time',
      MetricUnit: 's',
      Attributes: { 'cpu.mode': 'user' },
      AggregationTemporality: 2,
      IsMonotonic: true,
      TimeUnix: new Date(START + minute * 60_000 + 15_000).toISOString(),
      StartTimeUnix: new Date(START + start * 60_000).toISOString(),
      Value: value,
    })),
  )
}

/** What all streams rose by in each minute, and of how many that is known. */
async function increases(
  service: string,
  [from, to]: readonly [number, number] = [0, 30],
): Promise<Record<number, [streams: number, sum: number]>> {
  const set = await loadCells(bench.store, bench.catalogue, {
    service,
    environment: 'default',
    from: START / 1000 + from * 60,
    to: START / 1000 + to * 60,
  })
  const cells = set.get('process.cpu_time')?.get('user')?.get('1.0') ?? []
  return Object.fromEntries(
    cells.map(({ time, count, sum }) => [time / 60 - START / 60_000, [count, Math.round(sum * 6000) / 100]]),
  )
}

test('points of two instances in any order, repeated and late, become what each minute added', async () => {
  const a = [100, 103, 110, 110, 125].map((value, minute) => ({ minute, value }))
  const b = [7, 8, 10, 14, 22].map((value, minute) => ({ minute, value, instance: 'b' }))
  const random = seededRandom(5)
  const mixed = [...a, ...b, ...a.slice(1, 3)]
    .map((point) => ({ point, key: random() }))
    .sort((x, y) => x.key - y.key)
    .map(({ point }) => point)
  for (let at = 0; at < mixed.length; at += 2) await send('mixed', mixed.slice(at, at + 2))
  expect(await increases('mixed')).toEqual({ 1: [2, 4], 2: [2, 9], 3: [2, 4], 4: [2, 23] })
})

test('a minute without a point is part of the next difference', async () => {
  await send('gap', [
    { minute: 0, value: 10 },
    { minute: 1, value: 16 },
    { minute: 4, value: 46 },
  ])
  // Thirty in three minutes.
  expect(await increases('gap')).toEqual({ 1: [1, 6], 4: [1, 10] })
})

test('a reset that keeps its start counts from zero; a restart begins anew', async () => {
  await send('fallen', [
    { minute: 0, value: 50 },
    { minute: 1, value: 60 },
    { minute: 2, value: 4 },
    { minute: 3, value: 9 },
  ])
  expect(await increases('fallen')).toEqual({ 1: [1, 10], 2: [1, 4], 3: [1, 5] })
  await send('restarted', [
    { minute: 0, value: 50 },
    { minute: 1, value: 60 },
    { minute: 2, value: 4, start: 2 },
    { minute: 3, value: 9, start: 2 },
    // Of before the restart, late.
    { minute: 2, value: 63 },
  ])
  expect(await increases('restarted')).toEqual({ 1: [1, 10], 2: [1, 3], 3: [1, 5] })
})

test('minutes read one by one are those read together', async () => {
  await send(
    'portions',
    [100, 103, 110, 110, 125].map((value, minute) => ({ minute, value })),
  )
  const portions = await Promise.all([0, 1, 2, 3, 4].map((at) => increases('portions', [at, at + 1])))
  expect(Object.assign({}, ...portions)).toEqual({ 1: [1, 3], 2: [1, 7], 3: [1, 0], 4: [1, 15] })
})

test('minutes read one by one have what is exported up to an hour apart', async () => {
  const slow = [100, 130, 160].map((value, at) => ({ minute: 10 * at, value, start: -100 }))
  const hourly = [-50, 10].map((minute) => ({ minute, value: 60 * minute, instance: 'b', start: -100 }))
  await send('slow', [...slow, ...hourly])
  await send(
    'rare',
    [-55, 10].map((minute) => ({ minute, value: 65 * minute, start: -100 })),
  )
  const portions = (service: string) =>
    Promise.all(Array.from({ length: 30 }, (_, at) => increases(service, [at, at + 1])))
  expect(Object.assign({}, ...(await portions('slow')))).toEqual({ 10: [2, 63], 20: [1, 3] })
  expect(Object.assign({}, ...(await portions('rare')))).toEqual({})
  // As a whole as well, whose beginning has no point.
  expect(await increases('slow', [5, 30])).toEqual({ 10: [2, 63], 20: [1, 3] })
})
