/**
 * What it costs to watch 10,000 series with always-valid tests, looking each ten seconds: CPU by look and by commit, share of a core,
 * size of what is remembered. `node test/bench/sequential.ts [--quick] [--json]`
 */
import { type Plan, planTest } from '../../analytics/sequential/plan.ts'
import { type Arms, look, update } from '../../analytics/sequential/sequential-test.ts'
import { type State, startState } from '../../analytics/sequential/state.ts'
import type { Cell } from '../../schemas/cell.ts'
import { cell, Traffic } from '../evaluation/made-traffic.ts'
import { median } from './median.ts'

const START = 1_800_000_000
const MINUTES = 10
const LOOKS = 6
/** As in the catalogue, roughly: two of five are counts or shares, one distributions, two gauges. */
const KINDS = ['rate', 'ratio', 'distribution', 'gauge', 'gauge'] as const

interface Series {
  readonly plan: Plan
  readonly minutes: readonly Arms[]
  state: State
}

const quick = process.argv.includes('--quick')
const count = quick ? 1000 : 10_000
const watched = Array.from({ length: count }, (_, i) => series(i))
const looks: number[] = []
const commits: number[] = []
for (let minute = 0; minute < MINUTES; minute++) {
  for (let i = 0; i < LOOKS; i++) {
    looks.push(
      cpu(() => {
        for (const own of watched) look(own.plan, own.state, own.minutes[minute])
      }),
    )
  }
  commits.push(
    cpu(() => {
      for (const own of watched) {
        own.state = update(own.plan, own.state, own.minutes[minute] as Arms, START + 60 * (minute + 1))
      }
    }),
  )
}
const perLook = median(looks) / count
const perCommit = median(commits) / count
const bytes = watched.reduce((sum, own) => sum + JSON.stringify(own.state).length, 0) / count
const result = {
  series: count,
  lookMicroseconds: round(perLook * 1e6),
  commitMicroseconds: round(perCommit * 1e6),
  coreShareOf10000: round((10_000 * (LOOKS * perLook + perCommit)) / 60, 4),
  stateBytes: Math.round(bytes),
}
console.log(process.argv.includes('--json') ? JSON.stringify(result) : result)

function series(i: number): Series {
  const kind = KINDS[i % KINDS.length] as (typeof KINDS)[number]
  const design = i % 2 === 0 ? 'side-by-side' : 'before-after'
  const traffic = new Traffic('poisson', i)
  const line = (from: number, minutes: number): { cells: Cell[]; exposure: Cell[] } => {
    const times = Array.from({ length: minutes }, (_, m) => from + 60 * m)
    return {
      cells: times.map((time) => one(kind, time, traffic)),
      exposure: times.map((time) => cell(time, { count: 200 })),
    }
  }
  const before = line(START - 3600, 60)
  const plan = planTest({
    kind,
    design,
    bad: 'up',
    smallestEffect: { ratio: 1.25, absolute: 0 },
    alpha: 0.01,
    start: START,
    warmUp: 0,
    before: before.cells,
    exposure: before.exposure,
  })
  if (plan.kind !== 'planned') throw new Error(plan.reason)
  const minutes = Array.from({ length: MINUTES }, (_, m): Arms => {
    const after = line(START + 60 * m, 1)
    return design === 'side-by-side' ? { after, beside: line(START + 60 * m, 1) } : { after }
  })
  return { plan, minutes, state: startState(plan) }
}

function one(kind: (typeof KINDS)[number], time: number, traffic: Traffic): Cell {
  if (kind === 'gauge') return cell(time, { count: 6, sum: 600 * Math.exp(0.05 * traffic.normal()) })
  if (kind === 'distribution') return cell(time, { count: 50, histogram: traffic.durations(50, 0.05) })
  const events = traffic.poisson(8)
  return kind === 'ratio' ? cell(time, { count: 200, bad: events }) : cell(time, { count: events })
}

function cpu(work: () => void): number {
  const started = process.cpuUsage()
  work()
  const used = process.cpuUsage(started)
  return (used.user + used.system) / 1e6
}

function round(x: number, digits = 2): number {
  return Number(x.toFixed(digits))
}
