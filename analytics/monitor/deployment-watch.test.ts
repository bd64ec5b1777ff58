import { describe, expect, it } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { bucketOf } from '../../schemas/histogram.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import type { CellSet } from '../queries/series-set.ts'
import { DeploymentWatch } from './deployment-watch.ts'
import { reasonsOf } from './incident.ts'
import { watchState } from './watch-state.ts'

const START = 1_800_000_000
const WATCHED = 600
const catalogue = buildCatalogue()

/** Requests of one route, so many a minute of each version, of which one in a hundred fails. */
function minutes(
  from: number,
  to: number,
  rates: Readonly<Record<string, number>>,
  seconds?: number,
): CellSet {
  const cell = (time: number, rate: number): Cell => {
    const count = Math.round(rate * (1 + 0.1 * Math.sin(time / 60)))
    const bad = Math.round(count / 100)
    const plain = { time, count, bad, sum: count * 0.05, sumSquares: count * 0.0025, min: 0.05, max: 0.05 }
    return seconds === undefined ? plain : { ...plain, histogram: spread(seconds, count) }
  }
  const times = Array.from({ length: (to - from) / 60 }, (_, i) => from + 60 * i)
  const versions = Object.entries(rates).map(
    ([version, rate]) => [version, times.map((time) => cell(time, rate))] as const,
  )
  return new Map([['server.request', new Map([['GET /', new Map(versions)]])]])
}

/** Log-normal durations. */
function spread(median: number, count: number): Map<number, number> {
  const histogram = new Map<number, number>()
  for (let z = -3; z <= 3; z += 0.1) {
    const bucket = bucketOf(median * Math.exp(0.5 * z))
    histogram.set(bucket, (histogram.get(bucket) ?? 0) + (count * 0.1 * Math.exp(-(z ** 2) / 2)) / 2.5)
  }
  return histogram
}

it.each([
  ['a fifth of the requests is left', { '2': 60 }, ['traffic.requests']],
  ['all of them are there, half with each version', { '1': 150, '2': 150 }, []],
  ['a canary takes some', { '1': 270, '2': 30 }, []],
  ['the old version has lost most of its own beside a canary', { '1': 30, '2': 30 }, ['traffic.requests']],
] as const)('where %s', (_, rates, reasons) => {
  const watch = new DeploymentWatch(
    { startedAt: START, minutes: 60, warmUpMinutes: 0, alpha: 0.001 },
    [{ service: 'shop', relation: 'own', signals: catalogue.signals, version: '2', baseline: '1' }],
    new Map([['shop', minutes(START - 7200, START, { '1': 300 })]]),
  )
  const end = START + WATCHED
  watch.take(new Map([['shop', minutes(START, end, rates)]]), START, end, end)
  expect(reasonsOf(watch.evidence(end)).map(({ signal }) => signal)).toEqual(reasons)
})

it('shows within an hour that a release is sound, and by which factor its responses may be slower at most', () => {
  const watched = (seconds: number) => {
    const watch = new DeploymentWatch(
      { startedAt: START, minutes: 60, warmUpMinutes: 5, alpha: 0.001 },
      [{ service: 'shop', relation: 'own', signals: catalogue.signals, version: '2', baseline: '1' }],
      new Map([['shop', minutes(START - 7200, START, { '1': 1200 }, 0.05)]]),
    )
    const end = START + 3600
    watch.take(new Map([['shop', minutes(START, end, { '2': 1200 }, seconds)]]), START, end, end)
    const evidence = watch.evidence(end)
    const latency = evidence.signals.find((one) => one.signal === 'latency.server' && one.dimension === '')
    const state = watchState({
      firing: false,
      elsewhere: false,
      over: null,
      first: false,
      silent: false,
      closed: true,
      evidence,
    })
    return { state, interval: latency?.interval ?? [Number.NaN, Number.NaN] }
  }
  const same = watched(0.05)
  expect(same.state).toBe('healthy')
  expect(same.interval[0]).toBeLessThan(1)
  expect(same.interval[1]).toBeGreaterThan(1)
  expect(same.interval[1]).toBeLessThan(1.7)
  const slower = watched(0.1)
  expect(slower.state).toBe('inconclusive')
  expect(slower.interval[0]).toBeGreaterThan(1)
  expect(slower.interval[0]).toBeLessThan(2)
})

/** So many requests a minute of each route, of which a share fails: the same number in each minute. */
function routes(
  from: number,
  to: number,
  version: string,
  of: Readonly<Record<string, readonly [count: number, bad: number]>>,
): CellSet {
  const times = Array.from({ length: (to - from) / 60 }, (_, i) => from + 60 * i)
  const lines = Object.entries(of).map(([route, [count, bad]]) => {
    const cells = times.map((time) => ({
      ...{ time, count, bad, sum: count * 0.05, sumSquares: count * 0.0025, min: 0.05, max: 0.05 },
    }))
    return [route, new Map([[version, cells]])] as const
  })
  return new Map([['server.request', new Map(lines)]])
}

describe('what a watch shows of failures', () => {
  const evidence = (bad: number, minutesSince: number) => {
    const watch = new DeploymentWatch(
      { startedAt: START, minutes: 60, warmUpMinutes: 0, alpha: 0.001 },
      [{ service: 'shop', relation: 'own', signals: catalogue.signals, version: '2', baseline: '1' }],
      new Map([['shop', routes(START - 3600, START, '1', { 'GET /': [200, 0], 'POST /orders': [10, 0] })]]),
    )
    const end = START + 60 * minutesSince
    const after = routes(START, end, '2', { 'GET /': [100, 0], 'POST /orders': [20, bad] })
    watch.take(new Map([['shop', after]]), START, end - 120, end)
    return watch.evidence(end)
  }
  const failures = (of: ReturnType<typeof evidence>, dimension: string) => {
    const found = of.signals.find((one) => one.signal === 'errors.server' && one.dimension === dimension)
    if (found === undefined) throw new Error('not watched')
    return found
  }

  it('is that there were none before, and the share of the requests that there are', () => {
    const seen = evidence(5, 10)
    const [whole, route] = [failures(seen, ''), failures(seen, 'POST /orders')]
    for (const one of [whole, route]) expect(one).toMatchObject({ before: 0, ratio: null, interval: null })
    expect(route).toMatchObject({ exposure: 200, after: 0.25 })
    expect(whole.exposure).toBeCloseTo(1200, 6)
    expect(whole.after).toBeCloseTo(50 / 1200, 6)
  })

  it('names nothing as a reason that it calls open', () => {
    const minute = Array.from({ length: 28 }, (_, i) => i + 3)
      .map((one) => evidence(8, one))
      .find(({ crossed }) => crossed)
    if (minute === undefined) throw new Error('not found')
    const reasons = reasonsOf(minute)
    expect(reasons.length).toBeGreaterThan(0)
    expect(reasons.filter(({ decided }) => decided !== 'worse')).toEqual([])
  })
})
