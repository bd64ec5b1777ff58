/**
 * G. Mutations: what must not matter does not, and what must turn round does. Made services with planted changes go through the product's comparison and judgement, once as they are
 * and once mutated.
 */
import { compareSignals, type SeriesComparison } from '../../../analytics/jobs/compare-signals.ts'
import { judge } from '../../../analytics/jobs/verdicts.ts'
import { mergeCells } from '../../../analytics/queries/merge-cells.ts'
import { type CellSet, mapSeries } from '../../../analytics/queries/series-set.ts'
import { VERDICT_DEFAULTS } from '../../../analytics/verdict.ts'
import { Autoregression, Draws } from '../../../deploy/demo/history/draws.ts'
import type { Cell } from '../../../schemas/cell.ts'
import { bucketOf, GAMMA } from '../../../schemas/histogram.ts'
import { buildCatalogue } from '../../../schemas/signals/catalogue.ts'
import type { Signal } from '../../../schemas/signals/signal.ts'
import { addCell, type GrowingSet } from '../made-cells.ts'
import type { PartOptions, PartResult } from '../part.ts'

const OLD = '1.0.0'
const FRESH = '1.1.0'
const MINUTES = 120
const SIGNALS = ['errors.server', 'latency.server', 'exceptions.rate', 'logs.error_rate']
/** Evidence from which on a sign is not chance: what is nearer to no change may have any. */
const EVIDENT = 3
/** Sums in another order differ in their last bits. */
const TOLERANCE = 1e-9

export interface MutationRow {
  readonly mutation: string
  /** What must hold, in words. */
  readonly promise: string
  readonly checked: number
  readonly broken: number
}

export function run({ quick, seed, progress }: PartOptions): PartResult {
  const worlds = quick ? 4 : 60
  const rows = new Map<string, MutationRow>()
  for (let world = 0; world < worlds; world++) {
    progress(world / worlds)
    for (const row of mutationsOf(seed * 1000 + world)) {
      const known = rows.get(row.mutation)
      rows.set(row.mutation, {
        ...row,
        checked: row.checked + (known?.checked ?? 0),
        broken: row.broken + (known?.broken ?? 0),
      })
    }
  }
  const list = [...rows.values()]
  return { json: { mutations: list }, section: section(list, worlds) }
}

export function mutationsOf(seed: number): readonly MutationRow[] {
  const catalogue = buildCatalogue()
  const signals = SIGNALS.map((id) => catalogue.signal(id))
  const set = madeService(new Draws(seed, 'mutations'))
  const plain = compared(signals, set, OLD, FRESH)
  return [
    swapped(plain, compared(signals, set, FRESH, OLD)),
    scaled(signals, set, plain),
    permuted(plain, compared(signals, shuffled(set, new Draws(seed, 'order')), OLD, FRESH)),
    joined(plain, compared([...signals, catalogue.signal('logs.fatal_rate')], set, OLD, FRESH)),
  ]
}

type Compared = ReadonlyMap<string, SeriesComparison>

function compared(signals: readonly Signal[], set: CellSet, old: string, fresh: string): Compared {
  const arm = (version: string) => ({ set, versions: [version], from: 0, to: MINUTES * 60 })
  const series = compareSignals(signals, arm(old), arm(fresh), {
    alpha: 0.01,
    design: 'side-by-side',
    stepSeconds: 60,
  })
  return new Map(series.map((one) => [keyOf(one), one]))
}

const keyOf = (of: { readonly signal: { readonly id: string }; readonly dimension: string }) =>
  JSON.stringify([of.signal.id, of.dimension])

function swapped(plain: Compared, other: Compared): MutationRow {
  let checked = 0
  let broken = 0
  for (const [key, { comparison }] of plain) {
    const turned = other.get(key)?.comparison
    if (comparison.kind !== 'measured' || Math.abs(comparison.studentised) < EVIDENT) continue
    checked += 1
    const sign = Math.sign(Math.log(comparison.effect.ratio))
    if (turned?.kind !== 'measured' || Math.sign(Math.log(turned.effect.ratio)) !== -sign) broken += 1
    else if (comparison.beyond !== 'no' && turned.beyond === comparison.beyond) broken += 1
  }
  return { mutation: 'swap arms', promise: 'every evident effect turns round', checked, broken }
}

/** Whole buckets, so that the histogram moves without rounding. */
const BUCKETS = 57
const FACTOR = GAMMA ** BUCKETS

function scaled(signals: readonly Signal[], set: CellSet, plain: Compared): MutationRow {
  const larger = signals.map((signal) =>
    signal.kind === 'distribution'
      ? {
          ...signal,
          smallestEffect: {
            ...signal.smallestEffect,
            absolute: signal.smallestEffect.absolute * FACTOR,
          },
        }
      : signal,
  )
  const grown = mapCells(set, (cell) => ({
    ...cell,
    sum: cell.sum * FACTOR,
    sumSquares: cell.sumSquares * FACTOR ** 2,
    min: cell.min * FACTOR,
    max: cell.max * FACTOR,
    ...(cell.histogram === undefined
      ? {}
      : {
          histogram: new Map([...cell.histogram].map(([bucket, count]) => [bucket + BUCKETS, count])),
        }),
  }))
  return same('scale units', 'words, ratios and p-values stay', plain, compared(larger, grown, OLD, FRESH))
}

function permuted(plain: Compared, other: Compared): MutationRow {
  return same('merge cells in another order', 'words, ratios and p-values stay', plain, other)
}

function same(mutation: string, promise: string, plain: Compared, other: Compared): MutationRow {
  const words = (of: Compared) =>
    new Map(
      judge([...of.values()], 'side_by_side', VERDICT_DEFAULTS).verdicts.map((verdict) => [
        JSON.stringify([verdict.signal, verdict.dimension]),
        verdict.word,
      ]),
    )
  const before = words(plain)
  const after = words(other)
  let broken = plain.size === other.size ? 0 : 1
  for (const [key, { comparison }] of plain) {
    const again = other.get(key)?.comparison
    if (before.get(key) !== after.get(key)) broken += 1
    else if (comparison.kind === 'measured' && again?.kind === 'measured') {
      const near = (a: number, b: number) => Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a))
      if (!near(comparison.effect.ratio, again.effect.ratio) || !near(comparison.pValue, again.pValue))
        broken += 1
    } else if (comparison.kind !== again?.kind) broken += 1
  }
  return { mutation, promise, checked: plain.size, broken }
}

function joined(plain: Compared, more: Compared): MutationRow {
  let broken = 0
  for (const [key, { comparison }] of plain) {
    if (JSON.stringify(comparison) !== JSON.stringify(more.get(key)?.comparison)) broken += 1
  }
  return {
    mutation: 'add an unrelated signal',
    promise: "the others' effects stay, to the last bit",
    checked: plain.size,
    broken: broken + (more.size > plain.size ? 0 : 1),
  }
}

/** Two versions side by side: four routes, errors, an exception, logs; the new one may be slower or fail more. */
function madeService(draws: Draws): CellSet {
  const set: GrowingSet = new Map()
  for (const version of [OLD, FRESH]) {
    for (const route of ['GET /', 'GET /cart', 'POST /pay', 'GET /item']) {
      const worse = version === FRESH && draws.uniform() < 0.5
      const slower = worse ? draws.between(0.6, 1.8) : 1
      const failing = (worse ? draws.between(0.3, 3) : 1) * 0.03
      const level = new Autoregression(draws, 0.5, 0.1)
      for (let minute = 0; minute < MINUTES; minute++) {
        level.step()
        const count = draws.poisson(15)
        const histogram = new Map<number, number>()
        let sum = 0
        let sumSquares = 0
        let max = 0
        for (let i = 0; i < count; i++) {
          const value = 0.05 * slower * Math.exp(level.value + 0.5 * draws.normal())
          sum += value
          sumSquares += value * value
          max = Math.max(max, value)
          histogram.set(bucketOf(value), (histogram.get(bucketOf(value)) ?? 0) + 1)
        }
        const bad = Math.min(count, draws.poisson(count * failing))
        const time = minute * 60
        addCell(set, 'server.request', route, version, {
          time,
          count,
          bad,
          sum,
          sumSquares,
          min: 0,
          max,
          histogram,
        })
        const plain = { time, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0 }
        addCell(set, 'exception.span_event', `Declined on ${route}`, version, { ...plain, count: bad })
        addCell(set, 'log.error', '', version, { ...plain, count: bad + draws.poisson(0.3) })
        addCell(set, 'log.fatal', '', version, { ...plain, count: draws.poisson(0.1) })
      }
    }
  }
  return merged(set)
}

function merged(set: CellSet): CellSet {
  return mapSeries(set, (cells) => mergeCells([cells]))
}

/** Each minute cut into the parts of two instances, which arrive in any order. */
function shuffled(set: CellSet, draws: Draws): CellSet {
  return mapSeries(set, (cells) => mergeCells(draws.shuffled(cells.flatMap(halves)).map((cell) => [cell])))
}

function halves(cell: Cell): Cell[] {
  const entries = [...(cell.histogram ?? [])]
  const half = (keep: number): Cell => {
    const kept = entries.filter((_, at) => at % 2 === keep)
    const share = (n: number) => (keep === 0 ? Math.ceil(n / 2) : Math.floor(n / 2))
    const part = { ...cell, bad: share(cell.bad), sum: cell.sum / 2, sumSquares: cell.sumSquares / 2 }
    if (cell.histogram === undefined) return { ...part, count: share(cell.count) }
    return { ...part, count: kept.reduce((sum, [, count]) => sum + count, 0), histogram: new Map(kept) }
  }
  return [half(0), half(1)]
}

function mapCells(set: CellSet, change: (cell: Cell) => Cell): CellSet {
  return mapSeries(set, (cells) => cells.map(change))
}

function section(rows: readonly MutationRow[], worlds: number): string {
  return `${worlds} made services, two versions side by side, with and without planted changes, through the product's comparison and judgement.

| mutation | what must hold | checked | broken |
| --- | --- | --- | --- |
${rows.map((row) => `| ${row.mutation} | ${row.promise} | ${row.checked} | ${row.broken} |`).join('\n')}
`
}
