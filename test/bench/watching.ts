/**
 * What the statistics of watching 10,000 series cost, without the store: CPU of a look, of each ten seconds and as a share of a core, halfway through
 * a day. `node test/bench/watching.ts [--quick] [--json]`
 */
import { DeploymentWatch } from '../../analytics/monitor/deployment-watch.ts'
import type { CellSet } from '../../analytics/queries/series-set.ts'
import type { Cell } from '../../schemas/cell.ts'
import type { Signal, SignalKind } from '../../schemas/signals/signal.ts'
import { addCell, type GrowingSet } from '../evaluation/made-cells.ts'
import { cell, Traffic } from '../evaluation/made-traffic.ts'
import { median } from './median.ts'

const DAY = 86_400
const START = 20_000 * DAY
const BEFORE = 1440
/** Minutes that are watched already: by then most moments at which a change may have begun are looked at. */
const ALREADY = 720
const MINUTES = 5
const LOOKS = 6
/** A deployment has 40 signals in 5 dimensions; as in the catalogue, roughly, two of five are counts or shares, one distributions, two gauges. */
const SIGNALS = 40
const DIMENSIONS = 5
const KINDS = ['rate', 'ratio', 'distribution', 'gauge', 'gauge'] as const
const REQUESTS = 'made.request'

const quick = process.argv.includes('--quick')
const deployments = quick ? 5 : 50
const signals = Array.from({ length: SIGNALS }, (_, i) => signal(i))
const watched = Array.from({ length: deployments }, (_, i) => watch(i))
const looks: number[] = []
for (let minute = 0; minute < MINUTES; minute++) {
  const time = START + 60 * (ALREADY + minute)
  const sets = watched.map(({ traffic }) => minutesOf(traffic, time, 1, ['new', 'old']))
  for (let look = 1; look <= LOOKS; look++) {
    looks.push(
      cpu(() => {
        watched.forEach(({ watch }, at) => {
          watch.take(
            new Map([['made', sets[at] as CellSet]]),
            time,
            look === LOOKS ? time + 60 : time,
            time + 60,
          )
          watch.evidence(time + 10 * look)
        })
      }),
    )
  }
}
const series = watched[0]?.watch.evidence(START + 60 * (ALREADY + MINUTES)).signals.length ?? 0
const perLook = looks.reduce((sum, seconds) => sum + seconds, 0) / looks.length
const result = {
  series: series * deployments,
  lookMilliseconds: round(1000 * perLook, 1),
  medianLookMilliseconds: round(1000 * median(looks), 1),
  microsecondsASeries: round((1e6 * perLook) / (series * deployments), 2),
  coreShareOf10000: round(((10_000 / (series * deployments)) * perLook) / 10, 4),
}
console.log(process.argv.includes('--json') ? JSON.stringify(result) : result)

function signal(i: number): Signal {
  const kind = KINDS[i % KINDS.length] as SignalKind
  return {
    id: `made.${i}`,
    title: 'Made',
    group: 'custom',
    unit: '1',
    kind,
    measures: [`made.${i}`],
    dimension: 'part',
    badDirection: 'up',
    smallestEffect: { ratio: 1.25, absolute: 0 },
    criticality: 'major',
    ...(kind === 'rate' ? { per: REQUESTS } : {}),
  }
}

function watch(i: number): { readonly watch: DeploymentWatch; readonly traffic: Traffic } {
  const traffic = new Traffic('drifting', i)
  const watch = new DeploymentWatch(
    { startedAt: START, minutes: 1440, warmUpMinutes: 0, alpha: 0.001 },
    [{ service: 'made', relation: 'own', signals, version: 'new', baseline: 'old' }],
    new Map([['made', minutesOf(traffic, START - 60 * BEFORE, BEFORE, ['old'])]]),
  )
  const to = START + 60 * ALREADY
  watch.take(new Map([['made', minutesOf(traffic, START, ALREADY, ['new', 'old'])]]), START, to, to)
  return { watch, traffic }
}

function minutesOf(traffic: Traffic, from: number, minutes: number, versions: readonly string[]): CellSet {
  const set: GrowingSet = new Map()
  for (let i = 0; i < minutes; i++) {
    const time = from + 60 * i
    for (const version of versions) {
      addCell(set, REQUESTS, '', version, cell(time, { count: 200 }))
      for (const { id, kind } of signals) {
        for (let d = 0; d < DIMENSIONS; d++) addCell(set, id, `d${d}`, version, made(traffic, kind, time))
      }
    }
    traffic.next()
  }
  return set
}

function made(traffic: Traffic, kind: SignalKind, time: number): Cell {
  if (kind === 'gauge') return cell(time, { count: 4, sum: 400 * traffic.level })
  if (kind === 'distribution')
    return cell(time, { count: 30, histogram: traffic.durations(30, 0.05 * traffic.level) })
  const events = traffic.events(5, 0)
  return kind === 'rate'
    ? cell(time, { count: events })
    : cell(time, { count: 100, bad: Math.min(100, events) })
}

function cpu(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1e6
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
