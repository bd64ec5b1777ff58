/**
 * E. Coverage: how often intervals hold the true effect, for each kind of comparison under a grid of counts, dispersions and autocorrelations, at the levels
 * 50, 80, 95 and 99 %.
 */
import type { CompareOptions, Comparison } from '../../../analytics/compare/comparison.ts'
import { compareDistribution } from '../../../analytics/compare/distribution.ts'
import { compareGauge } from '../../../analytics/compare/gauge.ts'
import { compareRate } from '../../../analytics/compare/rate.ts'
import { compareRatio } from '../../../analytics/compare/ratio.ts'
import { Autoregression, Draws } from '../../../deploy/demo/history/draws.ts'
import type { Cell } from '../../../schemas/cell.ts'
import { bucketOf } from '../../../schemas/histogram.ts'
import type { PartOptions, PartResult } from '../part.ts'

const CONFIDENCES = [0.5, 0.8, 0.95, 0.99] as const
const DESIGNS = ['before-after', 'side-by-side'] as const
/** Minutes of the two windows. */
const BEFORE = 720
const AFTER = 120
/** The true effect: large enough that an interval around no change would miss it. */
const EFFECT = 1.3
/** What may be missing: one point, and what so many runs leave open. */
const POINT = 0.01

interface World {
  readonly kind: 'rate' | 'ratio' | 'distribution' | 'gauge'
  /** Events (values, requests) a minute; for gauges the level. */
  readonly mean: number
  /** Variance by that of independent events; for gauges and distributions the standard deviation of the minute's log level. */
  readonly spread: number
  /** Correlation of one minute's level with the next. */
  readonly memory: number
}

export interface CoverageRow extends World {
  readonly design: (typeof DESIGNS)[number]
  readonly runs: number
  /** Share of runs that gave an interval; the others say that they cannot decide. */
  readonly decided: number
  /** Share of the intervals that hold the truth, by confidence in percent. */
  readonly coverage: Readonly<Record<string, number>>
  /** Worst shortfall of any level, in points, less what the runs leave open (two binomial standard errors). */
  readonly shortfall: number
}

export const WORLDS: readonly World[] = [
  ...grid('rate', [0.3, 3, 30], [1, 2, 5]),
  ...grid('ratio', [0.2, 2], [1, 3]),
  ...grid('distribution', [3, 20], [0, 0.1, 0.3]),
  ...grid('gauge', [100], [0.03, 0.3]),
]

function grid(kind: World['kind'], means: readonly number[], spreads: readonly number[]): World[] {
  return means.flatMap((mean) =>
    spreads.flatMap((spread) => {
      const independent = kind === 'distribution' ? spread === 0 : kind !== 'gauge' && spread === 1
      return (independent ? [0] : [0, 0.3, 0.6, 0.9]).map((memory) => ({ kind, mean, spread, memory }))
    }),
  )
}

export function run({ quick, seed, progress }: PartOptions): PartResult {
  const worlds = quick ? WORLDS.filter((_, at) => at % 6 === 0) : WORLDS
  const cells = worlds.flatMap((world) => DESIGNS.map((design) => ({ world, design })))
  const rows = cells.map(({ world, design }, at) => {
    progress(at / cells.length)
    return coverageOf(world, design, quick ? 60 : 400, seed)
  })
  return { json: { coverage: rows }, section: section(rows) }
}

export function coverageOf(
  world: World,
  design: CoverageRow['design'],
  runs: number,
  seed: number,
): CoverageRow {
  const draws = new Draws(seed, JSON.stringify([world, design]))
  const held = CONFIDENCES.map(() => 0)
  let decided = 0
  for (let i = 0; i < runs; i++) {
    const compare = sample(world, design, draws)
    CONFIDENCES.forEach((confidence, at) => {
      const comparison = compare(1 - confidence)
      if (comparison.kind !== 'measured') return
      if (at === 0) decided += 1
      const [low, high] = comparison.interval
      if (low <= EFFECT && EFFECT <= high) held[at] = (held[at] as number) + 1
    })
  }
  const coverage = Object.fromEntries(
    CONFIDENCES.map((confidence, at) => [
      String(Math.round(confidence * 100)),
      (held[at] as number) / decided,
    ]),
  )
  const shortfalls = CONFIDENCES.map((confidence, at) => {
    const noise = 2 * Math.sqrt((confidence * (1 - confidence)) / Math.max(1, decided))
    return confidence - (held[at] as number) / decided - noise
  })
  return {
    ...world,
    design,
    runs,
    decided: decided / runs,
    coverage,
    shortfall: decided === 0 ? 0 : 100 * Math.max(0, ...shortfalls),
  }
}

/** One occasion, to be compared at any error. */
function sample(world: World, design: CoverageRow['design'], draws: Draws): (alpha: number) => Comparison {
  const beside = design === 'side-by-side'
  const common: Omit<CompareOptions, 'alpha'> = {
    smallestEffect: { ratio: 1.15, absolute: 0 },
    bad: 'up',
    design,
  }
  const before = arm(world, draws, 0, beside ? AFTER : BEFORE, 1)
  const after = arm(world, draws, beside ? 0 : BEFORE, AFTER, EFFECT)
  switch (world.kind) {
    case 'rate':
      return (alpha) =>
        compareRate({
          ...common,
          alpha,
          before: before.events,
          after: after.events,
          exposure: { before: before.requests, after: after.requests },
        })
    case 'ratio':
      return (alpha) => compareRatio({ ...common, alpha, before: before.events, after: after.events })
    case 'distribution':
      return (alpha) => compareDistribution({ ...common, alpha, before: before.events, after: after.events })
    case 'gauge':
      return (alpha) => compareGauge({ ...common, alpha, before: before.events, after: after.events })
  }
}

interface ArmCells {
  readonly events: readonly Cell[]
  readonly requests: readonly Cell[]
}

/** Requests a minute that rates and ratios are of. */
const REQUESTS = 60

function arm(world: World, draws: Draws, from: number, minutes: number, effect: number): ArmCells {
  const counted = world.kind === 'rate' || world.kind === 'ratio'
  // Standard deviation of the log level: that which gives counts their dispersion.
  const deviation = counted ? Math.sqrt(Math.log1p((world.spread - 1) / world.mean)) : world.spread
  const level = new Autoregression(draws, world.memory, deviation)
  const events: Cell[] = []
  const requests: Cell[] = []
  for (let i = 0; i < minutes; i++) {
    level.step()
    const time = (from + i) * 60
    const empty = { time, count: 0, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0 }
    // Of mean one, so that the truth is a ratio of means.
    const factor = effect * Math.exp(level.value - (counted ? deviation ** 2 / 2 : 0))
    requests.push({ ...empty, count: REQUESTS })
    switch (world.kind) {
      case 'rate':
        events.push({ ...empty, count: draws.poisson(Math.min(500, world.mean * factor)) })
        break
      case 'ratio': {
        const bad = Math.min(REQUESTS, draws.poisson(Math.min(500, world.mean * factor)))
        events.push({ ...empty, count: REQUESTS, bad })
        break
      }
      case 'gauge': {
        const value = world.mean * factor
        events.push({ ...empty, count: 1, sum: value, sumSquares: value ** 2, min: value, max: value })
        break
      }
      case 'distribution': {
        const count = draws.poisson(world.mean)
        const histogram = new Map<number, number>()
        for (let v = 0; v < count; v++) {
          const bucket = bucketOf(0.1 * factor * Math.exp(0.5 * draws.normal()))
          histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1)
        }
        events.push({ ...empty, count, histogram })
      }
    }
  }
  return { events, requests }
}

function section(rows: readonly CoverageRow[]): string {
  const failing = rows.filter((row) => row.shortfall > 100 * POINT)
  const share = (x: number | undefined) => (x === undefined || Number.isNaN(x) ? '–' : (100 * x).toFixed(1))
  return `Share of intervals that hold the true effect (${EFFECT} times), ${rows[0]?.runs ?? 0} runs a row; before: ${BEFORE} minutes, after: ${AFTER} (side by side: the same ${AFTER} minutes). No quiet past is known:
the model's own intervals. *spread*: dispersion of a minute's counts (rate, ratio), standard deviation of a minute's log level (distribution, gauge); *memory*: correlation of one minute's level with
the next. *short*: the worst shortfall of the four levels in points, beyond two binomial standard errors; ${failing.length} of ${rows.length} rows fall short by more than one point.

| kind | design | a minute | spread | memory | decided | 50 % | 80 % | 95 % | 99 % | short |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows
  .map(
    (row) =>
      `| ${row.kind} | ${row.design} | ${row.mean} | ${row.spread} | ${row.memory} | ${share(row.decided)} | ${['50', '80', '95', '99'].map((level) => share(row.coverage[level])).join(' | ')} | ${row.shortfall > 0 ? row.shortfall.toFixed(1) : ''} |`,
  )
  .join('\n')}
`
}
