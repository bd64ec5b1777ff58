import { expect, it } from 'vitest'
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
