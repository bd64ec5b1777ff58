/**
 * Part C: looking all the time. How often the monitor's evidence says something where there is nothing, over a day of looking; how soon it sees a
 * change; and both beside two published sequential methods. The product's own way: cells into the monitor's watch, evidence out.
 */

import { incompleteBeta } from '../../../analytics/stats/incomplete-beta.ts'
import type { SignalKind } from '../../../schemas/signals/signal.ts'
import { cell, type Shape, Traffic } from '../made-traffic.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { logGrowthbookSequential } from '../peers/growthbook-sequential.ts'
import { logMixtureSprt } from '../peers/mixture-sprt.ts'
import { sectionOfEnds, watchEnds } from './watch-end.ts'
import {
  ALPHA,
  addMinute,
  DAY,
  type Design,
  type Line,
  line,
  MINUTES,
  requestsFor,
  SMALLEST,
  START,
  Watched,
  type World,
} from './watched-series.ts'

const LIMIT = Math.log(1 / ALPHA)
/** The product looks each ten seconds. */
const LOOKS_A_MINUTE = 6

export interface Crossing {
  readonly kind: SignalKind
  readonly design: Design
  readonly shape: Shape
  readonly rate: number
  readonly days: number
  readonly runs: number
  /** Runs in which the evidence for `worse`, for `matters`, ever passed 1 / alpha within a day. */
  readonly worse: number
  readonly matters: number
}

/** A service with nothing released: how often would somebody have been told of a change? */
export function crossing(world: World, runs: number, seed: number): Crossing {
  let worse = 0
  let matters = 0
  for (let run = 0; run < runs; run++) {
    if (!crosses(world, seed + 7919 * run, 1)) continue
    worse += 1
    // Evidence counts only while the change is beyond the smallest that matters, so that there is never more of it.
    if (crosses(world, seed + 7919 * run, SMALLEST)) matters += 1
  }
  return { ...world, runs, worse, matters }
}

function crosses(world: World, seed: number, smallest: number): boolean {
  const traffic = new Traffic(world.shape, seed)
  const watch = new Watched(
    world,
    line(world, traffic, START - world.days * DAY, world.days * MINUTES, 0),
    smallest,
  )
  for (let i = 0; i < MINUTES; i++) {
    const time = START + 60 * i
    const after: Line = { cells: [], exposure: [] }
    const beside: Line = { cells: [], exposure: [] }
    addMinute(world, traffic, time, 0, after)
    if (world.design === 'side-by-side') addMinute(world, traffic, time, 1, beside)
    traffic.next()
    if (watch.look(time, after, beside, true) >= LIMIT) return true
  }
  return false
}

export interface Detection {
  readonly design: Design
  readonly shape: Shape
  readonly rate: number
  readonly ratio: number
  /** Days of history before. */
  readonly days: number
  readonly runs: number
  /** Minutes until the evidence for `worse` passes 1 / alpha; Infinity: not within a day. */
  readonly median: number
  readonly p95: number
}

/** How soon a change of a rate is seen, looking each ten seconds (after an hour each minute). */
export function detection(
  design: Design,
  rate: number,
  ratio: number,
  runs: number,
  seed: number,
  shape: Shape = 'poisson',
  days = BEFORE,
): Detection {
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const traffic = new Traffic(shape, seed + 7919 * run)
    const world = { kind: 'rate', design, shape, rate, days } as const
    const before = line(world, traffic, START - days * DAY, days * MINUTES, 0)
    const watch = new Watched(world, before, 1)
    times.push(timeToSee(watch, design, traffic, rate, ratio))
  }
  times.sort((a, b) => a - b)
  return { design, shape, rate, ratio, days, runs, median: rank(times, 0.5), p95: rank(times, 0.95) }
}

const NOTHING: Line = { cells: [], exposure: [] }

function timeToSee(watch: Watched, design: Design, traffic: Traffic, rate: number, ratio: number): number {
  for (let minute = 0; minute < MINUTES; minute++) {
    const time = START + 60 * minute
    const counts: [number, number] = [0, 0]
    const parts = minute < 60 ? LOOKS_A_MINUTE : 1
    for (let part = 1; part <= parts; part++) {
      counts[0] += traffic.events((rate * ratio) / parts, 0)
      counts[1] += traffic.events(rate / parts, 1)
      const requests = (requestsFor(rate) * traffic.traffic * part) / parts
      const arm = (events: number) => ({
        cells: [cell(time, { count: events })],
        exposure: [cell(time, { count: requests })],
      })
      const beside = design === 'side-by-side' ? arm(counts[1]) : NOTHING
      if (watch.look(time, arm(counts[0]), beside, part === parts) >= LIMIT) return minute + part / parts
    }
    traffic.next()
  }
  return Number.POSITIVE_INFINITY
}

const METHODS = ['postflight', 'mixture SPRT', 'GrowthBook sequential'] as const
export type Method = (typeof METHODS)[number]

export interface Race {
  readonly rate: number
  readonly ratio: number
  readonly runs: number
  /** Minutes at the threshold that each method passes in 1 % of days without a change. */
  readonly median: Readonly<Record<Method, number>>
  readonly p95: Readonly<Record<Method, number>>
}

export interface PeerCrossing {
  readonly shape: Shape
  readonly rate: number
  readonly runs: number
  /** Share of days without a change in which the method's own threshold for alpha is passed upwards. */
  readonly crossed: Readonly<Record<Method, number>>
}

/**
 * Side by side, each method's evidence at each look of a day (six in each of the first ten minutes, then one a minute): only upwards counts, since
 * peers are two-sided. @param visit returns true to stop
 */
function paths(
  shape: Shape,
  rate: number,
  ratio: number,
  seed: number,
  visit: (minutes: number, logs: readonly number[]) => boolean,
): void {
  const traffic = new Traffic(shape, seed)
  const world = { kind: 'rate', design: 'side-by-side', shape, rate, days: 1 } as const
  const watch = new Watched(world, line(world, traffic, START - DAY, MINUTES, 0), 1)
  const totals = { after: 0, beside: 0, requests: 0 }
  for (let minute = 0; minute < MINUTES; minute++) {
    const time = START + 60 * minute
    const counts: [number, number] = [0, 0]
    const parts = minute < 10 ? LOOKS_A_MINUTE : 1
    const perPart = (requestsFor(rate) * traffic.traffic) / parts
    for (let part = 1; part <= parts; part++) {
      counts[0] += traffic.events((rate * ratio) / parts, 0)
      counts[1] += traffic.events(rate / parts, 1)
      const arm = (events: number) => ({
        cells: [cell(time, { count: events })],
        exposure: [cell(time, { count: perPart * part })],
      })
      const own = watch.look(time, arm(counts[0]), arm(counts[1]), part === parts)
      const units = totals.requests + perPart * part
      const after = (totals.after + counts[0]) / units
      const beside = (totals.beside + counts[1]) / units
      const difference = after - beside
      const variance = (after + beside) / units
      // The same prior as ours has: effects of about half the level.
      const mixture = (0.5 * (rate / requestsFor(rate))) ** 2
      const up = difference > 0
      const logs = [
        own,
        up ? logMixtureSprt(difference, variance, mixture) : 0,
        up ? logGrowthbookSequential(difference, variance, 2 * units, ALPHA) : 0,
      ]
      if (visit(minute + part / parts, logs)) return
    }
    totals.after += counts[0]
    totals.beside += counts[1]
    totals.requests += perPart * parts
    traffic.next()
  }
}

/** The largest evidence of a day without a change, run by run, for each method. */
function largestOf(shape: Shape, rate: number, runs: number, seed: number): number[][] {
  const largest: number[][] = METHODS.map(() => [])
  for (let run = 0; run < runs; run++) {
    const own = METHODS.map(() => 0)
    paths(shape, rate, 1, seed + 7919 * run, (_, logs) => {
      for (let m = 0; m < own.length; m++) own[m] = Math.max(own[m] as number, logs[m] as number)
      return false
    })
    own.forEach((value, m) => {
      largest[m]?.push(value)
    })
  }
  return largest
}

export function peerCrossing(shape: Shape, rate: number, runs: number, seed: number): PeerCrossing {
  const largest = largestOf(shape, rate, runs, seed)
  const share = (values: readonly number[]): number => values.filter((log) => log >= LIMIT).length / runs
  return { shape, rate, runs, crossed: byMethod((m) => share(largest[m] ?? [])) }
}

/** At equal measured crossing: each method at the threshold that it passes in 1 % of days without a change. */
export function race(
  rate: number,
  ratios: readonly number[],
  runs: { readonly nothing: number; readonly changed: number },
  seed: number,
): Race[] {
  const thresholds = largestOf('poisson', rate, runs.nothing, seed).map((values) =>
    rank(
      values.sort((a, b) => a - b),
      1 - ALPHA,
    ),
  )
  return ratios.map((ratio) => {
    const times: number[][] = METHODS.map(() => [])
    for (let run = 0; run < runs.changed; run++) {
      const own = METHODS.map(() => Number.POSITIVE_INFINITY)
      paths('poisson', rate, ratio, seed + 1 + 104_729 * run, (minutes, logs) => {
        for (let m = 0; m < own.length; m++) {
          if ((logs[m] as number) >= (thresholds[m] as number)) own[m] = Math.min(own[m] as number, minutes)
        }
        return own.every(Number.isFinite)
      })
      own.forEach((value, m) => {
        times[m]?.push(value)
      })
    }
    for (const list of times) list.sort((a, b) => a - b)
    return {
      rate,
      ratio,
      runs: runs.changed,
      median: byMethod((m) => rank(times[m] ?? [], 0.5)),
      p95: byMethod((m) => rank(times[m] ?? [], 0.95)),
    }
  })
}

function byMethod(value: (m: number) => number): Record<Method, number> {
  return {
    postflight: value(0),
    'mixture SPRT': value(1),
    'GrowthBook sequential': value(2),
  }
}

function rank(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

/** Upper limit at 97.5 % of a share of runs (Clopper and Pearson 1934). */
export function upperLimit(hits: number, runs: number): number {
  if (hits >= runs) return 1
  let low = hits / runs
  let high = 1
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2
    if (1 - incompleteBeta(middle, hits + 1, runs - hits) > 0.025) low = middle
    else high = middle
  }
  return low
}

const COUNT_SHAPES = ['poisson', 'bursty', 'drifting', 'troubled', 'seasonal'] as const
const VALUE_SHAPES = ['poisson', 'bursty', 'drifting', 'seasonal'] as const
const RATES = [0.1, 1, 10, 100, 1000] as const
const RATIOS = [1.1, 1.25, 1.5, 2, 3, 5] as const

/** Days before, as by default; and of a week, where a season is longer than a day's worth of it. */
const BEFORE = 1
const WEEK = 7

/** How a change is looked for. */
const ARMS: readonly Pick<World, 'design' | 'days'>[] = [
  { design: 'side-by-side', days: BEFORE },
  { design: 'before-after', days: BEFORE },
  { design: 'before-after', days: WEEK },
]

function worlds(): World[] {
  const list: World[] = []
  for (const design of ['side-by-side', 'before-after'] as const) {
    const common = { design, days: BEFORE }
    for (const rate of RATES) list.push({ ...common, kind: 'rate', shape: 'poisson', rate })
    for (const shape of COUNT_SHAPES.slice(1)) {
      for (const rate of [1, 10, 100]) list.push({ ...common, kind: 'rate', shape, rate })
    }
    for (const shape of COUNT_SHAPES) list.push({ ...common, kind: 'ratio', shape, rate: 10 })
    for (const shape of VALUE_SHAPES) {
      list.push({ ...common, kind: 'distribution', shape, rate: 30 })
      list.push({ ...common, kind: 'gauge', shape, rate: 1 })
    }
    if (design === 'side-by-side') {
      for (const kind of ['rate', 'ratio'] as const) list.push({ ...common, kind, shape: 'uneven', rate: 10 })
    } else {
      for (const kind of ['ratio', 'gauge'] as const)
        list.push({ design, days: WEEK, kind, shape: 'seasonal', rate: 10 })
    }
  }
  return list
}

export function run({ quick, seed, progress }: PartOptions): PartResult {
  const base = seed * 1_000_003
  // Counts are pooled over several rates; a run of a distribution costs three times as much.
  const runsOf = ({ kind, shape }: World): number =>
    quick ? 30 : shape === 'uneven' ? 400 : kind === 'ratio' || kind === 'gauge' ? 200 : 100
  const cells = worlds()
  const designs = ['side-by-side', 'before-after'] as const
  const steps = cells.length + ARMS.length * RATES.length + 2 + RATES.length + 4 + 1
  let done = 0
  const step = <T>(value: T): T => {
    done += 1
    progress(done / steps)
    return value
  }
  const crossings = cells.map((world, w) => step(crossing(world, runsOf(world), base + w)))
  const detections = ARMS.flatMap(({ design, days }, a) =>
    RATES.flatMap((rate, r) =>
      step(
        RATIOS.map((ratio, i) =>
          detection(
            design,
            rate,
            ratio,
            quick ? 20 : 150,
            base + 10_000 + a * 100 + r * 10 + i,
            'poisson',
            days,
          ),
        ),
      ),
    ),
  )
  const troubles = designs.flatMap((design, d) =>
    step(
      COUNT_SHAPES.flatMap((shape, s) =>
        [10, 100].map((rate) =>
          detection(design, rate, 2, quick ? 20 : 100, base + 15_000 + d * 100 + s, shape),
        ),
      ),
    ),
  )
  const races = RATES.flatMap((rate, r) =>
    step(race(rate, RATIOS, { nothing: quick ? 100 : 1000, changed: quick ? 30 : 300 }, base + 20_000 + r)),
  )
  const peers = (['poisson', 'bursty', 'drifting', 'uneven'] as const).map((shape, s) =>
    step(peerCrossing(shape, 10, quick ? 50 : 400, base + 30_000 + s)),
  )
  const ends = step(watchEnds(quick ? 50 : 400, base + 40_000))
  return {
    json: { alwaysValid: { crossings, detections, troubles, races, peers, ends } },
    section: `${sectionOf(crossings, detections, troubles, races, peers)}\n\n${sectionOfEnds(ends).join('\n')}`,
  }
}

/** Rows that differ in nothing but the rate, together. */
function overRates(crossings: readonly Crossing[]) {
  const rows = new Map<string, Omit<Crossing, 'rate'> & { readonly rates: string }>()
  for (const { rate, ...row } of crossings) {
    const key = [row.kind, row.design, row.shape, row.days].join(' ')
    const known = rows.get(key)
    const own = row.kind === 'gauge' ? '' : String(rate)
    rows.set(
      key,
      known === undefined
        ? { ...row, rates: own }
        : {
            ...known,
            rates: `${known.rates}, ${own}`,
            runs: known.runs + row.runs,
            worse: known.worse + row.worse,
            matters: known.matters + row.matters,
          },
    )
  }
  return [...rows.values()]
}

function sectionOf(
  crossings: readonly Crossing[],
  detections: readonly Detection[],
  troubles: readonly Detection[],
  races: readonly Race[],
  peers: readonly PeerCrossing[],
): string {
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`
  const minutes = (x: number): string =>
    x === Number.POSITIVE_INFINITY ? '> 24 h' : x < 10 ? x.toFixed(1) : x.toFixed(0)
  const crossed = (hits: number, runs: number): string =>
    `${percent(hits / runs)} (${percent(upperLimit(hits, runs))})`
  const lines = [
    "Looking all the time at alpha 1 %, through the monitor's own watch of one series (cells in, log e-value out). Nothing released, 24 h of looking at each minute: the share of",
    'days in which the e-value of `worse` (any rise) or `matters` (counted only while the rise is beyond 1.25, as the monitor counts it) ever passes 100, with its upper 97.5 % limit. Promised:',
    'at most 1 %, as a calibration: exact only where levels drift as the model says. Shapes: see made-traffic.ts. Rates are events a minute and version (distribution: values a minute);',
    'days: history before.',
    '',
    '| kind | design | shape | rates | days | runs | worse | matters |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...overRates(crossings).map(
      (row) =>
        `| ${row.kind} | ${row.design} | ${row.shape} | ${row.rates} | ${row.days} | ${row.runs} | ${crossed(row.worse, row.runs)} | ${crossed(row.matters, row.runs)} |`,
    ),
    '',
    'Minutes until a change of a rate is seen (`worse`, alpha 1 %), median / 95th percentile, independent events, looking each 10 s; days: history before:',
    '',
    `| design | days | events a minute | ${RATIOS.map((ratio) => `x${ratio}`).join(' | ')} |`,
    `| --- | --- | --- | ${RATIOS.map(() => '---').join(' | ')} |`,
    ...ARMS.flatMap(({ design, days }) =>
      RATES.map((rate) => {
        const own = detections.filter(
          (row) => row.design === design && row.days === days && row.rate === rate,
        )
        return `| ${design} | ${days} | ${rate} | ${own.map((row) => `${minutes(row.median)} / ${minutes(row.p95)}`).join(' | ')} |`
      }),
    ),
    '',
    'The same for a doubling where levels move by themselves:',
    '',
    `| design | events a minute | ${COUNT_SHAPES.join(' | ')} |`,
    `| --- | --- | ${COUNT_SHAPES.map(() => '---').join(' | ')} |`,
    ...(['side-by-side', 'before-after'] as const).flatMap((design) =>
      [10, 100].map((rate) => {
        const own = troubles.filter((row) => row.design === design && row.rate === rate)
        return `| ${design} | ${rate} | ${own.map((row) => `${minutes(row.median)} / ${minutes(row.p95)}`).join(' | ')} |`
      }),
    ),
    '',
    'Side by side, with a day of history that the peers do not use, beside two published methods, each at the threshold that it passes (upwards) in 1 % of days without a change, median / 95th percentile in minutes:',
    '',
    `| events a minute | change | ${METHODS.join(' | ')} |`,
    `| --- | --- | ${METHODS.map(() => '---').join(' | ')} |`,
    ...races.map(
      (row) =>
        `| ${row.rate} | x${row.ratio} | ${METHODS.map((m) => `${minutes(row.median[m])} / ${minutes(row.p95[m])}`).join(' | ')} |`,
    ),
    '',
    'Days without a change in which each passes its own threshold for alpha 1 % upwards, 10 events a minute (the published methods have no notion of bursts):',
    '',
    `| shape | runs | ${METHODS.join(' | ')} |`,
    `| --- | --- | ${METHODS.map(() => '---').join(' | ')} |`,
    ...peers.map(
      (row) => `| ${row.shape} | ${row.runs} | ${METHODS.map((m) => percent(row.crossed[m])).join(' | ')} |`,
    ),
  ]
  return lines.join('\n')
}
