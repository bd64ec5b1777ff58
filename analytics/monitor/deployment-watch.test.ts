import { expect, it } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import type { CellSet } from '../queries/cells.ts'
import { DeploymentWatch } from './deployment-watch.ts'
import { reasonsOf } from './incident.ts'

const START = 1_800_000_000
const WATCHED = 600
const catalogue = buildCatalogue()

/** Requests of one route, so many a minute of each version. */
function minutes(from: number, to: number, rates: Readonly<Record<string, number>>): CellSet {
  const cell = (time: number, rate: number): Cell => {
    const count = Math.round(rate * (1 + 0.1 * Math.sin(time / 60)))
    return { time, count, bad: 0, sum: count * 0.05, sumSquares: count * 0.0025, min: 0.05, max: 0.05 }
  }
  const times = Array.from({ length: (to - from) / 60 }, (_, i) => from + 60 * i)
  const versions = Object.entries(rates).map(
    ([version, rate]) => [version, times.map((time) => cell(time, rate))] as const,
  )
  return new Map([['server.request', new Map([['GET /', new Map(versions)]])]])
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
