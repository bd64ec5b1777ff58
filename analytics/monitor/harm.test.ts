import { describe, expect, it } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { bucketOf } from '../../schemas/histogram.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import type { CellSet } from '../queries/series-set.ts'
import { DeploymentWatch } from './deployment-watch.ts'
import { harmOf } from './harm.ts'
import { reasonsOf } from './incident.ts'

const catalogue = buildCatalogue()
const START = 1_800_000_000
const WATCHED = 300

/** A minute of requests or queries that all take so long. */
function cell(time: number, count: number, bad: number, seconds: number): Cell {
  const spread = [0.8, 0.9, 1, 1.1, 1.3].map((factor) => [bucketOf(seconds * factor), count / 5] as const)
  const histogram = new Map<number, number>()
  for (const [bucket, n] of spread) histogram.set(bucket, (histogram.get(bucket) ?? 0) + n)
  const sum = count * seconds
  return { time, count, bad, sum, sumSquares: sum * seconds, min: seconds, max: seconds, histogram }
}

/** A shop: carts and orders, and the query that each of them makes. */
function minutes(
  version: string,
  from: number,
  to: number,
  of: { orders: number; query: number; slower: number },
): CellSet {
  const times = Array.from({ length: (to - from) / 60 }, (_, i) => from + 60 * i)
  const line = (make: (time: number) => Cell) => new Map([[version, times.map(make)]])
  return new Map([
    [
      'server.request',
      new Map([
        ['GET /cart', line((time) => cell(time, 1200, 3, 0.06 * of.slower))],
        ['POST /orders', line((time) => cell(time, 200, 200 * of.orders, 0.12 * of.slower))],
      ]),
    ],
    ['db.query', new Map([['SELECT cart', line((time) => cell(time, 1400, 0, of.query))]])],
  ])
}

function leadsOf(after: Parameters<typeof minutes>[3]): readonly string[] {
  const watch = new DeploymentWatch(
    { startedAt: START, minutes: 60, warmUpMinutes: 0, alpha: 0.001 },
    [{ service: 'shop', relation: 'own', signals: catalogue.signals, version: '2', baseline: '1' }],
    new Map([['shop', minutes('1', START - 7200, START, { orders: 0.007, query: 0.004, slower: 1 })]]),
  )
  const end = START + WATCHED
  watch.take(new Map([['shop', minutes('2', START, end, after)]]), START, end, end)
  return reasonsOf(watch.evidence(end)).map(({ signal, dimension }) => `${signal} ${dimension}`)
}

describe('harm', () => {
  it('puts failures that users see before a slow query below them, which hurts less', () => {
    // Seen in the demonstration: of the orders 0.7 % failed, now 28.6 %, and each request's query takes three times as long.
    expect(leadsOf({ orders: 0.286, query: 0.012, slower: 1.1 })[0]).toBe('errors.server POST /orders')
  })

  it('puts the query that makes all requests take ten times as long before some that fail', () => {
    const leads = leadsOf({ orders: 0.03, query: 0.6, slower: 10 })
    expect(leads[0]).toBe('latency.server GET /cart')
    expect(leads.indexOf('db.duration SELECT cart')).toBeLessThan(leads.indexOf('errors.server POST /orders'))
  })

  it('is in failed requests, and never of more requests than there were', () => {
    const of = (id: string, worse: Parameters<typeof harmOf>[1], requests = 1000) =>
      harmOf(catalogue.signal(id), worse, { requests, seconds: 0.1 })
    const failed = { events: 110, exposure: 1000, before: 0.01, from: 0.01, to: 0.11 }
    expect(of('errors.server', failed)).toBeCloseTo(100)
    const slow = { events: 9000, exposure: 10_000, before: 0.5, from: 0.01, to: 0.1 }
    expect(of('db.duration', slow)).toBeCloseTo(1000 * 0.5 * 0.5 * Math.log10(1.9))
    expect(of('latency.server', { ...slow, events: 900, exposure: 1000 })).toBeCloseTo(400 * 0.5)
    expect(of('errors.server', { ...failed, events: 5 })).toBe(0)
    const lost = { events: 200, exposure: 10, before: 100, from: 100, to: 20 }
    expect(of('traffic.requests', lost)).toBeCloseTo(800)
    for (const from of [0, 100]) expect(of('runtime.cpu', { ...lost, from, to: 300 })).toBeLessThan(1)
  })
})
