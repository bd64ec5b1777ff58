/**
 * Part E of distributions: intervals of the geometric mean, p50, p95 and p99 of latency histograms as reports make and show them, and of the one that speaks for the comparison;
 * beside them a block bootstrap on the same occasions.
 */
import { PAST_DAYS, type Pasts, pastOf, slotLength } from '../../../analytics/baselines/past.ts'
import { minuteHistograms } from '../../../analytics/compare/minute-histograms.ts'
import { compareSignals } from '../../../analytics/jobs/compare-signals.ts'
import type { CellSet } from '../../../analytics/queries/series-set.ts'
import { seededRandom } from '../../../analytics/stats/random.ts'
import { Autoregression, Draws } from '../../../deploy/demo/history/draws.ts'
import { cellOfValues } from '../../../schemas/cell-of-values.ts'
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
import { FRESH, OLD, SIGNALS } from '../made-arms.ts'
import { addCell, type GrowingSet, withSumLogs } from '../made-cells.ts'
import { blockBootstrap } from '../peers/block-bootstrap.ts'

/**
 * What wanders from minute to minute.
 * - `level`: all latencies
 * - `slow 8 %`, `slow 2 %`: the share of requests that take four times as long, so that the tail alone depends; p95 (p99) lies among them
 * - `four routes`: the level of each route for itself; the routes' shares turn round from old to new
 */
const SHAPES = ['level', 'slow 8 %', 'slow 2 %', 'four routes'] as const

interface World {
  readonly shape: (typeof SHAPES)[number]
  /** Requests a minute. */
  readonly mean: number
  /** Standard deviation of the logarithm of what wanders. */
  readonly spread: number
  /** Correlation of one minute with the next. */
  readonly memory: number
}

interface DistributionRow extends World, Coverage {
  readonly kind: 'distribution'
  readonly design: Design | typeof WEEKS
  /** `shown`: the one that speaks for the comparison. */
  readonly statistic: string
}

interface BesideRow extends World {
  readonly design: Design
  readonly statistic: string
  readonly postflight: Coverage
  readonly bootstrap: Coverage
}

/** Before/after with six weeks of the series' own past. */
const WEEKS = 'six weeks known'

const MEMORIES = [0, 0.3, 0.6, 0.9]
export const WORLDS: readonly World[] = [
  ...grid('level', [3, 20], [0], [0]),
  ...grid('level', [3, 20], [0.1, 0.3], MEMORIES),
  ...grid('slow 8 %', [3, 20], [0.5, 1], MEMORIES),
  ...grid('slow 2 %', [3, 20], [0.5, 1], MEMORIES),
  ...grid('four routes', [20], [0.1, 0.3], MEMORIES),
]
const BESIDE: readonly World[] = [
  ...grid('level', [20], [0.1, 0.3], [0, 0.6, 0.9]),
  ...grid('slow 8 %', [20], [1], [0, 0.6, 0.9]),
]
const STATISTICS = ['shown', 'geometric mean', 'p50', 'p95', 'p99'] as const
const QUANTILES = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
] as const
const RESAMPLES = 1000

function grid(
  shape: World['shape'],
  means: readonly number[],
  spreads: readonly number[],
  memories: readonly number[],
): World[] {
  return means.flatMap((mean) =>
    spreads.flatMap((spread) => memories.map((memory) => ({ shape, mean, spread, memory }))),
  )
}

export function runDistributions(options: {
  readonly quick: boolean
  readonly runs: number
  readonly seed: number
  readonly progress: (share: number) => void
}): {
  readonly rows: readonly DistributionRow[]
  readonly beside: readonly BesideRow[]
  readonly section: string
} {
  const { quick, runs, seed, progress } = options
  const every = <T>(worlds: readonly World[], designs: readonly T[], step: number) =>
    (quick ? worlds.filter((_, at) => at % step === 0) : worlds).flatMap((world) =>
      designs.map((design) => ({ world, design })),
    )
  const alone = every(WORLDS, [...DESIGNS, WEEKS] as const, 8)
  const compared = every(BESIDE, DESIGNS, 5)
  const rows = alone.flatMap(({ world, design }, at) => {
    progress((0.5 * at) / alone.length)
    return distributionRows(world, design, runs, seed)
  })
  const beside = compared.flatMap(({ world, design }, at) => {
    progress(0.5 + (0.5 * at) / compared.length)
    return besideRows(world, design, runs / 2, seed)
  })
  return { rows, beside, section: section(rows, beside, runs) }
}

export function distributionRows(
  world: World,
  design: Design | typeof WEEKS,
  runs: number,
  seed: number,
): readonly DistributionRow[] {
  const draws = new Draws(seed, JSON.stringify([world, design]))
  const compared = design === WEEKS ? 'before-after' : design
  const tallied = tally(runs, () => {
    const set = occasion(world, compared, draws)
    const past = design === WEEKS ? weeksBefore(set, world, draws) : undefined
    return (alpha) => intervals(set, compared, alpha, past)
  })
  return [...tallied].map(([statistic, coverage]) => ({
    kind: 'distribution',
    ...world,
    design,
    statistic,
    ...coverage,
  }))
}

function besideRows(world: World, design: Design, runs: number, seed: number): readonly BesideRow[] {
  const draws = new Draws(seed, JSON.stringify([world, design, 'beside']))
  const random = seededRandom(seed + 1)
  const tallied = tally(runs, () => {
    const set = occasion(world, design, draws)
    const arm = (version: string) =>
      minuteHistograms(set.get('server.request')?.get('')?.get(version) ?? [], 60)
    const [before, after] = [arm(OLD), arm(FRESH)]
    if (before === undefined || after === undefined) throw new Error('no values')
    const peers = QUANTILES.map(
      ([name, q]) => [name, blockBootstrap(before, after, q, RESAMPLES, random)] as const,
    )
    return (alpha) =>
      new Map([
        ...intervals(set, design, alpha),
        ...peers.map(([name, interval]) => [`bootstrap ${name}`, interval(alpha)] as const),
      ])
  })
  return QUANTILES.flatMap(([statistic]) => {
    const postflight = tallied.get(statistic)
    const bootstrap = tallied.get(`bootstrap ${statistic}`)
    return postflight === undefined || bootstrap === undefined
      ? []
      : [{ ...world, design, statistic, postflight, bootstrap }]
  })
}

/** As a report makes them of the service as a whole. */
function intervals(set: CellSet, design: Design, alpha: number, past?: Pasts): Intervals {
  const beside = design === 'side-by-side'
  const from = beside ? 0 : BEFORE * 60
  const [compared] = compareSignals(
    [SIGNALS.latency],
    { set, versions: [OLD], from: 0, to: beside ? AFTER * 60 : from },
    { set, versions: [FRESH], from, to: from + AFTER * 60 },
    {
      alpha,
      design,
      stepSeconds: 60,
      only: (_, dimension) => dimension === '',
      ...(past === undefined ? {} : { past }),
    },
  )
  if (compared?.comparison.kind !== 'measured') return new Map()
  const { interval, details } = compared.comparison
  const each = details?.['quantiles'] as { statistic: string; interval: readonly [number, number] }[]
  return new Map([['shown', interval], ...each.map((of) => [of.statistic, of.interval] as const)])
}

/** Cells of both versions. */
function occasion(world: World, design: Design, draws: Draws): CellSet {
  const set: GrowingSet = new Map()
  const beside = design === 'side-by-side'
  fill(set, world, draws, { version: OLD, from: 0, minutes: beside ? AFTER : BEFORE, effect: 1 })
  fill(set, world, draws, { version: FRESH, from: beside ? 0 : BEFORE, minutes: AFTER, effect: EFFECT })
  return set
}

/** Median seconds and share of each route; those of the new version from the other end. */
const ROUTES = [
  { name: 'a', seconds: 0.05, share: 0.4 },
  { name: 'b', seconds: 0.1, share: 0.3 },
  { name: 'c', seconds: 0.2, share: 0.2 },
  { name: 'd', seconds: 0.4, share: 0.1 },
]
const ONE = [{ name: '', seconds: 0.1, share: 1 }]
const SLOWER = 4
/** Share of requests that are. */
const SLOW: Partial<Record<World['shape'], number>> = { 'slow 8 %': 0.08, 'slow 2 %': 0.02 }
const SLOT = slotLength(AFTER * 60, 60)

function fill(
  set: GrowingSet,
  { shape, mean, spread, memory }: World,
  draws: Draws,
  of: { readonly version: string; readonly from: number; readonly minutes: number; readonly effect: number },
): void {
  const routes = shape === 'four routes' ? ROUTES : ONE
  const slow = SLOW[shape] ?? 0
  const walks = routes.map(() => new Autoregression(draws, memory, spread))
  for (let minute = 0; minute < of.minutes; minute++) {
    routes.forEach(({ name, seconds, share }, at) => {
      const walk = walks[at] as Autoregression
      walk.step()
      const factor = Math.exp(walk.value)
      const own = of.version === OLD ? share : (routes.at(-1 - at)?.share as number)
      const values = Array.from({ length: draws.poisson(mean * own) }, () => {
        const tail = slow > 0 && draws.uniform() < slow * factor ? SLOWER : 1
        return of.effect * seconds * (slow > 0 ? tail : factor) * Math.exp(0.5 * draws.normal())
      })
      if (values.length === 0) return
      addCell(set, 'server.request', name, of.version, cellOfValues((of.from + minute) * 60, values, 0))
    })
  }
}

/** Six weeks of each route up to the release: the time before, and counts and sums of logarithms of what came earlier. */
function weeksBefore(set: CellSet, { shape, mean, spread, memory }: World, draws: Draws): Pasts {
  const routes = shape === 'four routes' ? ROUTES : ONE
  const slow = SLOW[shape] ?? 0
  const pasts = routes.map(({ name, seconds, share }) => {
    const walk = new Autoregression(draws, memory, spread)
    const cells = (set.get('server.request')?.get(name)?.get(OLD) ?? []).map(withSumLogs)
    for (let minute = BEFORE - PAST_DAYS * 1440; minute < 0; minute++) {
      walk.step()
      const count = draws.poisson(mean * share)
      let slower = 0
      for (let i = 0; slow > 0 && i < count; i++)
        if (draws.uniform() < slow * Math.exp(walk.value)) slower += 1
      const sumLogs =
        count * (Math.log(seconds) + (slow > 0 ? 0 : walk.value)) +
        slower * Math.log(SLOWER) +
        0.5 * Math.sqrt(count) * draws.normal()
      cells.push({ time: minute * 60, count, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0, sumLogs })
    }
    return [name, pastOf(SIGNALS.latency, cells, [], 60, SLOT, BEFORE * 60, [])] as const
  })
  const byName = new Map(pasts)
  return (_, dimension) => byName.get(dimension)
}

const LEVELS = ['50', '80', '95', '99']

function section(rows: readonly DistributionRow[], beside: readonly BesideRow[], runs: number): string {
  const worlds = new Map<string, DistributionRow[]>()
  for (const row of rows) {
    const name = [row.shape, row.design, row.mean, row.spread, row.memory].join(' | ')
    worlds.set(name, [...(worlds.get(name) ?? []), row])
  }
  const cellOf = (row: DistributionRow | undefined): string => {
    if (row === undefined) return ''
    const shares = LEVELS.map((level) => percent(row.coverage[level])).join(' ')
    return fallsShort(row) ? `**${shares}**` : shares
  }
  const short = STATISTICS.map((statistic) => {
    const own = rows.filter((row) => row.statistic === statistic)
    const worst = Math.max(0, ...own.map(({ shortfall }) => shortfall))
    return `${statistic} ${own.filter(fallsShort).length} of ${own.length} (at most ${worst.toFixed(1)} points)`
  })
  const mean = (of: (row: BesideRow) => number): number =>
    beside.reduce((sum, row) => sum + of(row), 0) / beside.length
  const missed = (of: (row: BesideRow) => Coverage): number =>
    beside.filter((row) => fallsShort(of(row))).length
  return `**Distributions**, by the very comparison that a report makes of a service's latency (cells in, intervals out), ${runs} runs a row: the statistic that speaks for the comparison (*shown*: it is picked, its interval is not
widened for that) and each that a report lists. In every cell the shares at 50, 80, 95 and 99 %; bold where they fall short by more than one point beyond two binomial standard errors: ${short.join(', ')}. Nothing in a cell: with fewer
than eight values beyond a quantile there is no interval, and the report does not list it. What wanders: the *level* of all latencies; the share of *slow* requests (four times as long; 8 or 2 % of all), so that the tail alone depends; the level of each of
*four routes*, whose shares turn round from old to new and are held equal by the comparison. *spread*: standard deviation of its logarithm.

| wanders | design | a minute | spread | memory | ${STATISTICS.join(' | ')} |
| --- | --- | --- | --- | --- |${' --- |'.repeat(STATISTICS.length)}
${[...worlds]
  .map(
    ([name, own]) =>
      `| ${name} | ${STATISTICS.map((statistic) => cellOf(own.find((row) => row.statistic === statistic))).join(' | ')} |`,
  )
  .join('\n')}

**Beside a block bootstrap** on the same occasions (${runs / 2} a row): circular blocks of minutes, as long as Politis and White make them, ${RESAMPLES} resamples of each arm, percentiles (\`peers/block-bootstrap.ts\`). It falls short by more than one point in ${missed((row) => row.bootstrap)} of ${beside.length} rows, ours
in ${missed((row) => row.postflight)}; at a nominal 99 % it covers ${percent(mean((row) => row.bootstrap.coverage['99'] as number))} % on average and at worst ${percent(Math.min(...beside.map((row) => row.bootstrap.coverage['99'] as number)))} %, ours ${percent(mean((row) => row.postflight.coverage['99'] as number))} and ${percent(Math.min(...beside.map((row) => row.postflight.coverage['99'] as number)))} %. *width*: of the interval of 95 %, ours by the bootstrap's.

| wanders | design | a minute | spread | memory | statistic | ours, 50 80 95 99 % | bootstrap, 50 80 95 99 % | width |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${beside
  .map((row) => {
    const shares = ({ coverage }: Coverage) => LEVELS.map((level) => percent(coverage[level])).join(' ')
    return `| ${[row.shape, row.design, row.mean, row.spread, row.memory, row.statistic, shares(row.postflight), shares(row.bootstrap), (row.postflight.width / row.bootstrap.width).toFixed(2)].join(' | ')} |`
  })
  .join('\n')}
`
}
