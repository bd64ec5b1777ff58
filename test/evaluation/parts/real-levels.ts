/**
 * H. Counts and latencies on real levels: the share of failures and the latency of a made service wander as real series do; before/after by the report's own comparison, with and without a
 * known past, and for shares by the forecast that gauges and latencies have, which is not in use for them.
 */

import { PAST_DAYS, pastOf, slotLength } from '../../../analytics/baselines/past.ts'
import { seasonalNullAt } from '../../../analytics/baselines/seasonal-null.ts'
import { align, badOf, countOf } from '../../../analytics/compare/align.ts'
import type { CompareOptions, Comparison, Past } from '../../../analytics/compare/comparison.ts'
import { compareDistribution } from '../../../analytics/compare/distribution.ts'
import { compareRate } from '../../../analytics/compare/rate.ts'
import { compareRatio } from '../../../analytics/compare/ratio.ts'
import { ALPHA } from '../../../analytics/jobs/report.ts'
import { calibrate } from '../../../analytics/stats/placebo.ts'
import { fitSeason } from '../../../analytics/stats/season.ts'
import { Draws } from '../../../deploy/demo/history/draws.ts'
import type { Cell } from '../../../schemas/cell.ts'
import { cellOfValues } from '../../../schemas/cell-of-values.ts'
import type { Signal } from '../../../schemas/signals/signal.ts'
import { upperLimit } from '../clustered.ts'
import { shareOf, thresholdOf } from '../equal-alarms.ts'
import { withSumLogs } from '../made-cells.ts'
import { cell } from '../made-traffic.ts'
import { present } from '../method.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { type Line, linesOf, type Moment, placebos, WINDOWS } from '../placebo-moments.ts'
import { readSeries } from '../series.ts'

const SIZES = [0.1, 0.2, 0.5, 1] as const
const NOMINAL = [0.05, 0.01, 0.001, 1e-4, 5e-5] as const
const MOMENTS = 800
const QUICK = 100
const DAY = 86_400
/** Seconds between quiet moments, as the product has them. */
const EVERY = 11 * 3600
/** A level is the series by its median, within these bounds. */
const BOUNDS = { low: 0.1, high: 10 }
const OPTIONS: CompareOptions = { smallestEffect: { ratio: 1.1, absolute: 0 }, bad: 'both', alpha: ALPHA }

type Compare = (before: readonly Cell[], after: readonly Cell[], more: Partial<CompareOptions>) => Comparison

interface Kind {
  readonly name: string
  /** What a slot of a level has, relative to the median. */
  readonly slot: (time: number, level: number, draws: Draws) => Cell
  readonly model: Compare
  /** What the third method is called. */
  readonly third: string
  /** @param cells all of six weeks */
  readonly past: (
    cells: readonly Cell[],
    of: { readonly step: number; readonly to: number; readonly slotSeconds: number },
  ) => Past | undefined
  /** With the past of {@link Kind.past}. */
  readonly forecast: Compare
}

const REQUESTS = 200
const FAILING = 0.05
const VALUES = 20
const SECONDS = 0.1

const KINDS: readonly Kind[] = [
  {
    name: `share of failures (${100 * FAILING} % of ${REQUESTS} requests a slot)`,
    slot: (time, level, draws) => {
      const count = draws.poisson(REQUESTS)
      const bad = Math.min(count, draws.poisson(count * Math.min(0.5, FAILING * level)))
      return { ...cell(time, { count }), bad }
    },
    model: (before, after, more) => compareRatio({ ...OPTIONS, ...more, before, after }),
    third: 'forecast (not in use)',
    past: (cells, { step, ...past }) => {
      const line = align({ cells, take: badOf }, { cells, take: countOf }, step)
      return line === undefined ? undefined : { ...past, line }
    },
    forecast: (before, after, more) => {
      const events = (of: readonly Cell[]) => of.map((one) => ({ ...one, count: one.bad }))
      return compareRate({
        ...OPTIONS,
        ...more,
        before: events(before),
        after: events(after),
        exposure: { before, after },
      })
    },
  },
  {
    name: `latency (${VALUES} requests a slot)`,
    slot: (time, level, draws) =>
      cellOfValues(
        time,
        Array.from(
          { length: Math.max(1, draws.poisson(VALUES)) },
          () => SECONDS * level * Math.exp(0.5 * draws.normal()),
        ),
        0,
      ),
    model: (before, after, more) => compareDistribution({ ...OPTIONS, ...more, before, after }),
    third: 'postflight, six weeks known',
    past: (cells, { step, to, slotSeconds }) =>
      pastOf({ kind: 'distribution' } as Signal, cells.map(withSumLogs), [], step, slotSeconds, to, []),
    forecast: (before, after, more) => compareDistribution({ ...OPTIONS, ...more, before, after }),
  },
]

interface Scores {
  readonly path: string
  /** By method: p of the quiet window, then of each size. */
  readonly p: readonly (readonly number[])[]
}

interface Row {
  readonly kind: string
  readonly method: string
  readonly window: string
  readonly n: number
  /** Share of quiet moments at or below each nominal p. */
  readonly nominal: Readonly<Record<string, number>>
  readonly upper95: number
  /** At equal false alarms of 1 %, by size. */
  readonly power: readonly number[]
}

export async function run(options: PartOptions): Promise<PartResult> {
  const lines = linesOf(await readSeries(options.data as string)).filter(({ values }) =>
    present(values).every((value) => value >= 0),
  )
  if (lines.length === 0) throw new Error(`${options.data}: no series has a fixed step and no negative value`)
  const windows = WINDOWS.filter(({ seconds }) => seconds >= 3600)
  const rows = KINDS.flatMap((kind, k) =>
    windows.flatMap(({ name, seconds }, w) => {
      const moments = placebos(lines, seconds, options.quick ? QUICK : MOMENTS, options.seed + 400, false)
      options.progress((k * windows.length + w) / (KINDS.length * windows.length))
      return rowsOf(kind, name, scoresOf(kind, moments, options.seed), options.seed)
    }),
  )
  return { json: { realLevels: rows }, section: section(rows, lines.length) }
}

/** Moments of one line follow each other, so that its cells are made once. */
function scoresOf(kind: Kind, moments: readonly Moment[], seed: number): readonly Scores[] {
  let made: { readonly line: Line; readonly service: Service } | undefined
  return moments.map((moment) => {
    const { line, at, window } = moment
    if (made?.line !== line) made = { line, service: new Service(kind, line, seed) }
    const { service } = made
    const { step } = line
    const day = Math.round(DAY / step)
    const first = at - PAST_DAYS * day
    const to = line.start + at * step
    const before = service.cells(at - day, at)
    const slotSeconds = slotLength(window * step, step)
    const past = kind.past(service.cells(first, at), {
      step,
      to: Math.floor(to / slotSeconds) * slotSeconds,
      slotSeconds,
    })
    const quiet = quietPast(kind, service, line, { at, window, day, first })
    const afters = [
      service.cells(at, at + window),
      ...SIZES.map((size) => service.changed(at, at + window, 1 + size)),
    ]
    const p = (compare: (after: readonly Cell[]) => Comparison): number[] =>
      afters.map((after) => {
        const comparison = compare(after)
        return comparison.kind === 'measured' ? comparison.pValue : 1
      })
    return {
      path: line.path,
      p: [
        p((after) => kind.model(before, after, { stepSeconds: step })),
        p((after) => kind.model(before, after, { stepSeconds: step, ...quiet })),
        p((after) =>
          kind.forecast(before, after, {
            stepSeconds: step,
            ...quiet,
            ...(past === undefined ? {} : { past }),
          }),
        ),
      ],
    }
  })
}

/** What a service's quiet moments would have told (baselines/calibrations.ts), of this one series. */
function quietPast(
  kind: Kind,
  service: Service,
  line: Line,
  of: { readonly at: number; readonly window: number; readonly day: number; readonly first: number },
): Partial<CompareOptions> {
  const every = Math.max(1, Math.round(EVERY / line.step))
  const statistics: number[] = []
  const occasions: { time: number; effect: number }[] = []
  for (let q = of.at - of.window - (every >> 1); q - of.day >= Math.max(0, of.first); q -= every) {
    const earlier = service.cells(q - of.day, q)
    const found = kind.model(earlier, service.cells(q, q + of.window), { stepSeconds: line.step })
    if (found.kind !== 'measured') continue
    statistics.push(found.studentised)
    const effect = found.studentisedEffect ?? Math.log(found.effect.ratio)
    if (Number.isFinite(effect)) occasions.push({ time: line.start + q * line.step, effect })
  }
  if (statistics.length === 0) return {}
  const season = fitSeason(occasions)
  if (season === undefined) return { null: calibrate(statistics) }
  return {
    null: calibrate(statistics),
    season: seasonalNullAt(season, line.start + of.at * line.step),
  }
}

/** A made service whose level is a real series. */
class Service {
  readonly #kind: Kind
  readonly #line: Line
  readonly #seed: number
  readonly #levels: Float64Array
  readonly #cells: readonly (Cell | undefined)[]

  constructor(kind: Kind, line: Line, seed: number) {
    this.#kind = kind
    this.#line = line
    this.#seed = seed
    const sorted = present(line.values).sort()
    const median = sorted[sorted.length >> 1] ?? 0
    const unit = median > 0 ? median : sorted.reduce((sum, value) => sum + value, 0) / sorted.length || 1
    this.#levels = line.values.map((value) => Math.min(BOUNDS.high, Math.max(BOUNDS.low, value / unit)))
    const draws = new Draws(seed, `${kind.name} ${line.path}`)
    this.#cells = Array.from(this.#levels, (_, i) => this.#slot(i, 1, draws))
  }

  cells(from: number, to: number): readonly Cell[] {
    return this.#cells.slice(Math.max(0, from), to).filter((one) => one !== undefined)
  }

  /** Drawn anew, with the level times a factor. */
  changed(from: number, to: number, factor: number): readonly Cell[] {
    const draws = new Draws(this.#seed, `${this.#kind.name} ${this.#line.path} ${from} ${factor}`)
    return Array.from({ length: to - from }, (_, i) => this.#slot(from + i, factor, draws)).filter(
      (one) => one !== undefined,
    )
  }

  #slot(i: number, factor: number, draws: Draws): Cell | undefined {
    const level = this.#levels[i] as number
    if (Number.isNaN(level)) return undefined
    return this.#kind.slot(this.#line.start + i * this.#line.step, level * factor, draws)
  }
}

function rowsOf(kind: Kind, window: string, scores: readonly Scores[], seed: number): readonly Row[] {
  return ['postflight', 'postflight, quiet past known', kind.third].map((method, m) => {
    const p = scores.map((one) => one.p[m] as readonly number[])
    const evidence = (k: number) =>
      Float64Array.from(p, (one) => -Math.log10(Math.max(one[k] as number, 1e-300)))
    const quiet = evidence(0)
    const thresholds = [0, 1].map((half) => thresholdOf(quiet.filter((_, i) => i % 2 !== half)))
    const alarms = new Map<string, { sum: number; count: number }>()
    scores.forEach(({ path }, i) => {
      const { sum, count } = alarms.get(path) ?? { sum: 0, count: 0 }
      alarms.set(path, { sum: sum + Number((p[i]?.[0] as number) <= ALPHA), count: count + 1 })
    })
    return {
      kind: kind.name,
      method,
      window,
      n: p.length,
      nominal: Object.fromEntries(
        NOMINAL.map((level) => [
          String(level),
          p.filter(([first]) => (first as number) <= level).length / p.length,
        ]),
      ),
      upper95: upperLimit([...alarms.values()], seed),
      power: SIZES.map((_, k) =>
        shareOf(
          Uint8Array.from(evidence(k + 1), (score, i) => Number(score > (thresholds[i % 2] as number))),
        ),
      ),
    }
  })
}

function section(rows: readonly Row[], series: number): string {
  const percent = (share: number | undefined, digits: number): string =>
    `${(100 * (share ?? 0)).toFixed(digits)} %`
  return `A made service whose share of failures, or latency, is moved by one of ${series} real series (by its median, a tenth to ten times), slot by slot of the series' own step; pretended releases and windows as in part A, before/after with a day before. The counts and
values are drawn anew, so that what is tested is how comparisons of these kinds stand levels that move by themselves. *Quiet past known*: season and placebos from moments 11 hours apart, of this one series. *Six weeks known*: the same, and the geometric mean by its forecast, as a report has it. *Forecast*: the
method of gauges on the share, which no report uses. *at*: share of quiet moments with a two-sided p at or below it; the upper limit is one-sided 95 % of that at 1 %, by a bootstrap that draws whole series. *Power* as in part B, at equal false alarms of 1 %, multiplicative.

| what | method | window | moments | at 5 % | at 1 % | upper 95 % | at 0.1 % | at 0.01 % | at 0.005 % | ${SIZES.map((size) => `+${100 * size} %`).join(' | ')} |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ${SIZES.map(() => '---:').join(' | ')} |
${rows
  .map(
    (row) =>
      `| ${[row.kind, row.method, row.window, row.n, percent(row.nominal['0.05'], 2), percent(row.nominal['0.01'], 2), percent(row.upper95, 2), percent(row.nominal['0.001'], 2), percent(row.nominal['0.0001'], 2), percent(row.nominal['0.00005'], 2), ...row.power.map((share) => percent(share, 1))].join(' | ')} |`,
  )
  .join('\n')}`
}
