/**
 * E. Coverage: how often intervals hold the true effect, for each kind of comparison under a grid of counts, dispersions and autocorrelations, at the levels
 * 50, 80, 95 and 99 %.
 */
import type { CompareOptions, Comparison } from '../../../analytics/compare/comparison.ts'
import { compareGauge } from '../../../analytics/compare/gauge.ts'
import { compareRate } from '../../../analytics/compare/rate.ts'
import { compareRatio } from '../../../analytics/compare/ratio.ts'
import { Autoregression, Draws } from '../../../deploy/demo/history/draws.ts'
import type { Cell } from '../../../schemas/cell.ts'
import {
  AFTER,
  BEFORE,
  type Coverage,
  DESIGNS,
  type Design,
  EFFECT,
  fallsShort,
  type Intervals,
  percent,
  tally,
} from '../coverage-tally.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { runDistributions } from './coverage-distributions.ts'

interface World {
  readonly kind: 'rate' | 'ratio' | 'gauge'
  /** Events a minute; for gauges the level. */
  readonly mean: number
  /** Variance by that of independent events; for gauges the standard deviation of the minute's log level. */
  readonly spread: number
  /** Correlation of one minute's level with the next. */
  readonly memory: number
}

interface CoverageRow extends World, Coverage {
  readonly design: Design
}

export const WORLDS: readonly World[] = [
  ...grid('rate', [0.3, 3, 30], [1, 2, 5]),
  ...grid('ratio', [0.2, 2], [1, 3]),
  ...grid('gauge', [100], [0.03, 0.3]),
]

function grid(kind: World['kind'], means: readonly number[], spreads: readonly number[]): World[] {
  return means.flatMap((mean) =>
    spreads.flatMap((spread) => {
      const independent = kind !== 'gauge' && spread === 1
      return (independent ? [0] : [0, 0.3, 0.6, 0.9]).map((memory) => ({ kind, mean, spread, memory }))
    }),
  )
}

/** Share of the work that the counts and gauges are. */
const FIRST = 0.1

export function run({ quick, seed, progress }: PartOptions): PartResult {
  const worlds = quick ? WORLDS.filter((_, at) => at % 6 === 0) : WORLDS
  const runs = quick ? 60 : 400
  const cells = worlds.flatMap((world) => DESIGNS.map((design) => ({ world, design })))
  const rows = cells.map(({ world, design }, at) => {
    progress((FIRST * at) / cells.length)
    return coverageOf(world, design, runs, seed)
  })
  const distributions = runDistributions({
    quick,
    runs,
    seed,
    progress: (share) => progress(FIRST + (1 - FIRST) * share),
  })
  return {
    json: { coverage: [...rows, ...distributions.rows], blockBootstrap: distributions.beside },
    section: `${section(rows, runs)}\n${distributions.section}`,
  }
}

export function coverageOf(world: World, design: Design, runs: number, seed: number): CoverageRow {
  const draws = new Draws(seed, JSON.stringify([world, design]))
  const [coverage] = tally(runs, () => sample(world, design, draws)).values()
  if (coverage === undefined) throw new Error(`${JSON.stringify(world)}: no interval in ${runs} runs`)
  return { ...world, design, ...coverage }
}

/** One occasion, to be compared at any error. */
function sample(world: World, design: Design, draws: Draws): (alpha: number) => Intervals {
  const beside = design === 'side-by-side'
  const common: Omit<CompareOptions, 'alpha'> = {
    smallestEffect: { ratio: 1.15, absolute: 0 },
    bad: 'up',
    design,
  }
  const before = arm(world, draws, 0, beside ? AFTER : BEFORE, 1)
  const after = arm(world, draws, beside ? 0 : BEFORE, AFTER, EFFECT)
  const compare = (alpha: number): Comparison => {
    const input = { ...common, alpha, before: before.events, after: after.events }
    switch (world.kind) {
      case 'rate':
        return compareRate({ ...input, exposure: { before: before.requests, after: after.requests } })
      case 'ratio':
        return compareRatio(input)
      case 'gauge':
        return compareGauge(input)
    }
  }
  return (alpha) => {
    const comparison = compare(alpha)
    return new Map(comparison.kind === 'measured' ? [[comparison.statistic, comparison.interval]] : [])
  }
}

interface ArmCells {
  readonly events: readonly Cell[]
  readonly requests: readonly Cell[]
}

/** Requests a minute that rates and ratios are of. */
const REQUESTS = 60

function arm(world: World, draws: Draws, from: number, minutes: number, effect: number): ArmCells {
  const counted = world.kind !== 'gauge'
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
    }
  }
  return { events, requests }
}

function section(rows: readonly CoverageRow[], runs: number): string {
  return `Share of intervals that hold the true effect (${EFFECT} times), ${runs} runs a row; before: ${BEFORE} minutes, after: ${AFTER} (side by side: the same ${AFTER} minutes). No quiet past is known:
the model's own intervals. *spread*: dispersion of a minute's counts (rate, ratio), standard deviation of a minute's log level (gauge); *memory*: correlation of one minute's level with
the next. *short*: the worst shortfall of the four levels in points, beyond two binomial standard errors; ${rows.filter(fallsShort).length} of ${rows.length} rows fall short by more than one point.

| kind | design | a minute | spread | memory | decided | 50 % | 80 % | 95 % | 99 % | short |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows
  .map(
    (row) =>
      `| ${row.kind} | ${row.design} | ${row.mean} | ${row.spread} | ${row.memory} | ${percent(row.decided)} | ${['50', '80', '95', '99'].map((level) => percent(row.coverage[level])).join(' | ')} | ${row.shortfall > 0 ? row.shortfall.toFixed(1) : ''} |`,
  )
  .join('\n')}
`
}
