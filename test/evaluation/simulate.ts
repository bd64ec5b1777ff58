/**
 * Measures the promises of the comparisons on made series: false alarms of each method on each shape of traffic, power
 * against a planted change, and the share of quiet deployments called regressed.
 * `npm run evaluate:made -- [--quick] [--json] [--seed N]`
 */
import { PAST_DAYS, pastOf, slotLength } from '../../analytics/baselines/past.ts'
import { seasonalNullAt } from '../../analytics/baselines/seasonal-null.ts'
import type { Comparison, Past, SeasonalNull } from '../../analytics/compare/comparison.ts'
import { compareDistribution } from '../../analytics/compare/distribution.ts'
import { compareGauge } from '../../analytics/compare/gauge.ts'
import { compareGrowth } from '../../analytics/compare/growth.ts'
import { compareRate } from '../../analytics/compare/rate.ts'
import { compareRatio } from '../../analytics/compare/ratio.ts'
import { normalDraw } from '../../analytics/stats/normal-draw.ts'
import { poissonDraw } from '../../analytics/stats/poisson-draw.ts'
import { seededRandom } from '../../analytics/stats/random.ts'
import { fitSeason, type Occasion } from '../../analytics/stats/season.ts'
import { type Candidate, decide } from '../../analytics/verdict.ts'
import type { Cell } from '../../schemas/cell.ts'
import { bucketOf } from '../../schemas/histogram.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { withSumLogs } from './made-cells.ts'

export const SHAPES = ['steady', 'diurnal', 'drifting', 'bursty'] as const
export type Shape = (typeof SHAPES)[number] | 'troubled'
export const METHODS = ['rate', 'rare rate', 'ratio', 'distribution', 'gauge', 'growth'] as const
export type Method = (typeof METHODS)[number]

const BEFORE = 1440
const AFTER = 120
const DAY = 1440
/** Requests a minute, their median seconds and the standard deviation of their logarithm. */
const REQUESTS = 6
const SECONDS = 0.03
const SPREAD = 0.6
/** Quiet moments of six weeks, one in eleven hours. */
const MOMENTS = 90

export interface Row {
  readonly method: Method
  readonly shape: Shape
  readonly runs: number
  /** Share of quiet comparisons with a two-sided p below 1 %. */
  readonly falseAlarms: number
  /** Share of quiet comparisons that would have paged alone: beyond the smallest effect at the p of 1 in 20,000. */
  readonly falsePages: number
  /** Share of comparisons with the planted change that pages. */
  readonly power: number
  readonly planted: number
  /** Share of quiet intervals that hold no change (99 % promised). */
  readonly coverage: number
}

export interface Deployments {
  readonly deployments: number
  readonly series: number
  readonly calledRegressed: number
  readonly states: Readonly<Record<string, number>>
}

/** Page: what a series has to pass in a family of about a hundred at 0.5 % per deployment. */
const PAGE_P = 5e-5

/** @param weeks six weeks of the series' own past are known (of distributions) */
export function simulateMethod(method: Method, shape: Shape, runs: number, seed: number, weeks = false): Row {
  const random = seededRandom(seed)
  const planted = plantedOf(method)
  let alarms = 0
  let pages = 0
  let found = 0
  let covered = 0
  for (let run = 0; run < runs; run++) {
    const quiet = comparison(method, shape, 1, random, undefined, weeks)
    if (quiet.kind === 'measured') {
      if (quiet.pValue < 0.01) alarms += 1
      if (quiet.pWorse <= PAGE_P && quiet.beyond === 'worse') pages += 1
      if (quiet.interval[0] <= 1 && quiet.interval[1] >= 1) covered += 1
    }
    const changed = comparison(method, shape, planted, random, undefined, weeks)
    if (changed.kind === 'measured' && changed.pWorse <= PAGE_P && changed.beyond === 'worse') found += 1
  }
  return {
    method,
    shape,
    runs,
    falseAlarms: alarms / runs,
    falsePages: pages / runs,
    power: found / runs,
    planted,
    coverage: covered / runs,
  }
}

/** A service with six weeks of quiet moments, by which the season of the day is known. */
export function simulateSeason(
  method: Method,
  shape: Shape,
  worlds: number,
  runs: number,
  seed: number,
): Row {
  const random = seededRandom(seed)
  const planted = plantedOf(method)
  const counts = { alarms: 0, pages: 0, found: 0, covered: 0 }
  for (let world = 0; world < worlds; world++) {
    const phase = 2 * Math.PI * random()
    const occasions: Occasion[] = []
    for (let moment = 0; moment < MOMENTS; moment++) {
      const start = moment * 11 * 60
      const past = comparison(method, shape, 1, random, { phase, start })
      if (past.kind !== 'measured') continue
      const effect = past.studentisedEffect ?? Math.log(past.effect.ratio)
      occasions.push({ time: start * 60, effect })
    }
    const season = fitSeason(occasions)
    if (season === undefined) continue
    for (let run = 0; run < runs; run++) {
      const start = Math.floor(random() * 1440)
      const known = seasonalNullAt(season, start * 60)
      const quiet = comparison(method, shape, 1, random, { phase, start, season: known })
      if (quiet.kind === 'measured') {
        if (quiet.pValue < 0.01) counts.alarms += 1
        if (quiet.pWorse <= PAGE_P && quiet.beyond === 'worse') counts.pages += 1
        if (quiet.interval[0] <= 1 && quiet.interval[1] >= 1) counts.covered += 1
      }
      const changed = comparison(method, shape, planted, random, { phase, start, season: known })
      if (changed.kind === 'measured' && changed.pWorse <= PAGE_P && changed.beyond === 'worse')
        counts.found += 1
    }
  }
  const all = worlds * runs
  return {
    method,
    shape,
    runs: all,
    falseAlarms: counts.alarms / all,
    falsePages: counts.pages / all,
    power: counts.found / all,
    planted,
    coverage: counts.covered / all,
  }
}

export function simulateDeployments(deployments: number, series: number, seed: number): Deployments {
  const random = seededRandom(seed)
  const states: Record<string, number> = {}
  for (let d = 0; d < deployments; d++) {
    const candidates: Candidate[] = []
    for (let s = 0; s < series; s++) {
      const method = METHODS[s % METHODS.length] as Method
      const shape = SHAPES[Math.floor(random() * SHAPES.length)] as Shape
      candidates.push({
        signal: `${method} ${s % 18}`,
        dimension: s < 18 ? '' : String(s),
        title: method,
        unit: '',
        criticality: s < 6 ? 'critical' : 'major',
        bad: 'up',
        comparison: comparison(method, shape, 1, random),
      })
    }
    const { state } = decide(candidates)
    states[state] = (states[state] ?? 0) + 1
  }
  return { deployments, series, calledRegressed: (states['regressed'] ?? 0) / deployments, states }
}

function plantedOf(method: Method): number {
  return method === 'rare rate' ? 8 : method === 'ratio' ? 3 : 1.5
}

interface World {
  /** Of the season, radians, and minutes at which the window after starts. */
  readonly phase: number
  readonly start: number
  readonly season?: SeasonalNull
}

function comparison(
  method: Method,
  shape: Shape,
  effect: number,
  random: () => number,
  world?: World,
  weeks = false,
): Comparison {
  const options = {
    bad: 'up' as const,
    alpha: 0.01,
    ...(world?.season === undefined ? {} : { season: world.season }),
  }
  // Time of day of the release, and the drift's state, differ from run to run.
  const level = levels(shape, random, world, weeks ? PAST_DAYS * DAY - BEFORE : 0)
  if (method === 'distribution') {
    const smallestEffect = { ratio: 1.15, absolute: 0.002 }
    const make = (from: number, to: number, factor: number) =>
      cells(from, to, (i) =>
        values(poissonDraw(REQUESTS * level.traffic(i), random), SECONDS * level.at(i) * factor, random),
      )
    const before = make(0, BEFORE, 1)
    const past = weeks ? weeksOf(level, before, random) : undefined
    return compareDistribution({
      ...options,
      smallestEffect,
      before,
      after: make(BEFORE, BEFORE + AFTER, effect),
      ...(past === undefined ? {} : { past }),
    })
  }
  if (method === 'gauge') {
    const make = (from: number, to: number, factor: number) =>
      cells(from, to, (i) => sample(100 * level.at(i) * factor * Math.exp(0.05 * normal(random))))
    const smallestEffect = { ratio: 1.25, absolute: 5 }
    return compareGauge({
      ...options,
      smallestEffect,
      before: make(0, BEFORE, 1),
      after: make(BEFORE, BEFORE + AFTER, effect),
    })
  }
  if (method === 'growth') {
    const start = (growth: number) => {
      const own = levels(shape, random)
      const base = 80 * Math.exp(0.05 * normal(random))
      return {
        start: 0,
        cells: cells(0, AFTER, (i) =>
          sample(
            base *
              own.at(i) ** 0.3 *
              growth ** (i / AFTER) *
              (1.1 - 0.1 * Math.exp(-i / 20)) *
              Math.exp(0.04 * normal(random)),
          ),
        ),
      }
    }
    const smallestEffect = { ratio: 1.25, absolute: 8 }
    return compareGrowth({
      ...options,
      smallestEffect,
      earlier: Array.from({ length: 6 }, () => start(1)),
      after: start(effect),
    })
  }
  const requests = cells(0, BEFORE + AFTER, (i) => ({ count: poissonDraw(20 * level.traffic(i), random) }))
  const mean = method === 'rate' ? 0.5 : method === 'ratio' ? 0.02 : 0.004
  const events = requests.map((cell, i) => {
    const burst = shape === 'bursty' ? 3 : 1
    const factor = i >= BEFORE ? effect : 1
    const hits = poissonDraw((cell.count * mean * level.at(i) * factor) / burst, random)
    let count = 0
    for (let h = 0; h < hits; h++) count += burst === 1 ? 1 : 1 + poissonDraw(burst - 1, random)
    return { ...cell, count, bad: 0 }
  })
  const cut = (list: readonly Cell[]) => ({ before: list.slice(0, BEFORE), after: list.slice(BEFORE) })
  if (method === 'ratio') {
    const merged = requests.map((cell, i) => ({ ...cell, bad: Math.min(cell.count, events[i]?.count ?? 0) }))
    return compareRatio({ ...options, smallestEffect: { ratio: 1.25, absolute: 0.002 }, ...cut(merged) })
  }
  return compareRate({
    ...options,
    smallestEffect: { ratio: 1.25, absolute: 0.001 },
    ...cut(events),
    exposure: cut(requests),
  })
}

/** The day before and the weeks before it, of which only counts and sums of logarithms are drawn. */
function weeksOf(
  level: ReturnType<typeof levels>,
  before: readonly Cell[],
  random: () => number,
): Past | undefined {
  const earlier = cells(BEFORE - PAST_DAYS * DAY, 0, (i) => {
    const count = poissonDraw(REQUESTS * level.traffic(i), random)
    const sumLogs = count * Math.log(SECONDS * level.at(i)) + SPREAD * Math.sqrt(count) * normal(random)
    return { count, sumLogs }
  })
  const signal = { kind: 'distribution' } as Signal
  const all = [...earlier, ...before.map(withSumLogs)]
  return pastOf(signal, all, [], 60, slotLength(AFTER * 60, 60), BEFORE * 60, [])
}

/** How level and traffic move by themselves. @param earlier minutes before the first one that may be asked for */
function levels(
  shape: Shape,
  random: () => number,
  world?: World,
  earlier = 0,
): { at: (minute: number) => number; traffic: (minute: number) => number } {
  const phase = world?.phase ?? 2 * Math.PI * random()
  const offset = (world?.start ?? 0) - BEFORE
  const day = (i: number): number => Math.sin((2 * Math.PI * (i + offset)) / 1440 + phase)
  if (shape === 'diurnal')
    return { at: (i) => Math.exp(0.12 * day(i)), traffic: (i) => Math.exp(0.5 * day(i)) }
  if (shape === 'drifting') {
    const path = new Float64Array(earlier + BEFORE + AFTER)
    let state = 0.1 * normal(random)
    for (let i = 0; i < path.length; i++) {
      // AR(1) with standard deviation 0.1 and a memory of about 20 minutes.
      state = 0.95 * state + 0.1 * Math.sqrt(1 - 0.95 ** 2) * normal(random)
      path[i] = Math.exp(state)
    }
    return { at: (i) => path[earlier + i] as number, traffic: () => 1 }
  }
  if (shape === 'troubled') {
    // Events come in troubled minutes: AR(1) of the log level, standard deviation 0.5, a memory of six minutes.
    const path = new Float64Array(BEFORE + AFTER)
    let state = 0.5 * normal(random)
    for (let i = 0; i < path.length; i++) {
      state = 0.85 * state + 0.5 * Math.sqrt(1 - 0.85 ** 2) * normal(random)
      path[i] = Math.exp(state)
    }
    return { at: (i) => path[i] as number, traffic: () => 1 }
  }
  if (shape === 'bursty') return { at: () => 1, traffic: () => Math.exp(0.4 * normal(random)) }
  return { at: () => 1, traffic: () => 1 }
}

function cells(from: number, to: number, fill: (minute: number) => Partial<Cell>): Cell[] {
  const list: Cell[] = []
  for (let i = from; i < to; i++) {
    list.push({ time: i * 60, count: 0, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0, ...fill(i) })
  }
  return list
}

function sample(value: number): Partial<Cell> {
  return { count: 1, sum: value, sumSquares: value * value, min: value, max: value }
}

function values(count: number, scale: number, random: () => number): Partial<Cell> {
  const histogram = new Map<number, number>()
  for (let i = 0; i < count; i++) {
    const bucket = bucketOf(scale * Math.exp(SPREAD * normal(random)))
    histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1)
  }
  return { count, histogram }
}

function normal(random: () => number): number {
  return normalDraw(random)
}

function main(args: readonly string[]): void {
  const quick = args.includes('--quick')
  const at = args.indexOf('--seed')
  const seed = at < 0 ? 1 : Number(args[at + 1])
  const rows = METHODS.flatMap((method, m) =>
    SHAPES.map((shape, s) => simulateMethod(method, shape, quick ? 60 : 500, seed * 1000 + m * 10 + s)),
  )
  const troubled = (['rate', 'rare rate', 'ratio'] as const).map((method, m) =>
    simulateMethod(method, 'troubled', quick ? 60 : 500, seed * 1000 + 700 + m),
  )
  const seasonal = (['rate', 'ratio', 'distribution', 'gauge'] as const).flatMap((method, m) =>
    (['diurnal', 'drifting'] as const).map((shape, s) =>
      simulateSeason(method, shape, quick ? 1 : 10, quick ? 20 : 50, seed * 1000 + 500 + m * 10 + s),
    ),
  )
  const weeks = SHAPES.map((shape, s) =>
    simulateMethod('distribution', shape, quick ? 20 : 500, seed * 1000 + 800 + s, true),
  )
  const deployments = simulateDeployments(quick ? 20 : 300, 60, seed * 1000 + 999)
  if (args.includes('--json')) {
    console.log(JSON.stringify({ seed, rows, troubled, seasonal, weeks, deployments }))
    return
  }
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`
  console.log('| method | shape | runs | p < 1 % | pages | coverage of 99 % | planted | found |')
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |')
  const named = [
    ...rows,
    ...troubled,
    ...seasonal.map((row) => ({ ...row, method: `${row.method}, quiet past known` })),
    ...weeks.map((row) => ({ ...row, method: `${row.method}, six weeks known` })),
  ]
  for (const row of named) {
    console.log(
      `| ${row.method} | ${row.shape} | ${row.runs} | ${percent(row.falseAlarms)} | ${percent(row.falsePages)} | ${percent(row.coverage)} | ${row.planted}x | ${percent(row.power)} |`,
    )
  }
  console.log(
    `\n${deployments.deployments} quiet deployments of ${deployments.series} series: ${percent(deployments.calledRegressed)} called regressed; states ${JSON.stringify(deployments.states)}`,
  )
}

if (import.meta.main) main(process.argv.slice(2))
