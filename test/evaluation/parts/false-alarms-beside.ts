/** Part A side by side: simulated versions of one service, and real counts thinned into shares. */
import { compareRate } from '../../../analytics/compare/rate.ts'
import { compareSignals } from '../../../analytics/jobs/compare-signals.ts'
import { ALPHA } from '../../../analytics/jobs/report.ts'
import type { CellSet } from '../../../analytics/queries/series-set.ts'
import { binomialDraw } from '../../../analytics/stats/binomial-draw.ts'
import { seededRandom } from '../../../analytics/stats/random.ts'
import type { Cell } from '../../../schemas/cell.ts'
import { FRESH, madeArms, OLD, SIGNALS } from '../made-arms.ts'
import { cell } from '../made-traffic.ts'
import { type Line, type Moment, placebos } from '../placebo-moments.ts'
import { type Beside, minuteValues } from '../side-by-side.ts'

/** One judgement, and what it is alike with: a world, or a real series. */
interface BesideCase {
  readonly cluster: string
  readonly beside: Beside
}

/** Every signal of each world is a case. */
export function* madeCases(seconds: number, worlds: number, seed: number): Generator<BesideCase> {
  const minutes = seconds / 60
  for (let world = 0; world < worlds; world++) {
    const set = madeArms(seed * 100_003 + world, minutes)
    const arm = (version: string) => ({ set, versions: [version], from: 0, to: seconds })
    const compared = compareSignals(Object.values(SIGNALS), arm(OLD), arm(FRESH), {
      alpha: ALPHA,
      design: 'side-by-side',
      stepSeconds: 60,
      only: (_, dimension) => dimension === '',
    })
    for (const { signal, comparison } of compared) {
      const values = (version: string) => valuesOf(set, signal, version, minutes)
      yield {
        cluster: String(world),
        beside: { signal, comparison, control: values(OLD), experiment: values(FRESH) },
      }
    }
  }
}

/** As a metrics store would have it: mean latency, share of failures, exceptions per request, mean of the gauge. */
function valuesOf(set: CellSet, signal: Beside['signal'], version: string, minutes: number): Float64Array {
  const cells = (measure: string): Cell[] =>
    [...(set.get(measure)?.values() ?? [])].flatMap((versions) => [...(versions.get(version) ?? [])])
  const own = cells(signal.measures[0] as string)
  if (signal.kind === 'ratio')
    return minuteValues(
      own,
      minutes,
      (c) => c.bad,
      (c) => c.count,
    )
  if (signal.kind !== 'rate')
    return minuteValues(
      own,
      minutes,
      (c) => c.sum,
      (c) => c.count,
    )
  const requests = cells('server.request').map((cell) => ({ ...cell, sum: 0 }))
  const events = own.map((cell) => ({ ...cell, sum: cell.count, count: 0 }))
  return minuteValues(
    [...requests, ...events],
    minutes,
    (c) => c.sum,
    (c) => c.count,
  )
}

/** Series of whole numbers that are never below 0: counts, as far as anybody can tell. */
export function countLines(lines: readonly Line[]): readonly Line[] {
  return lines.filter(
    ({ values }) =>
      values.every((value) => Number.isNaN(value) || (value >= 0 && Number.isInteger(value))) &&
      values.some((value) => value > 0),
  )
}

/** Shares of the new version. */
const SHARES = [0.05, 0.2, 0.5] as const
/** What the exposure of a slot is taken for: only its split matters. */
const EXPOSURE = 1000

/** Each event of a real count goes to the new version with the probability of its share. */
export function* thinnedCases(
  lines: readonly Line[],
  seconds: number,
  aim: number,
  seed: number,
): Generator<BesideCase> {
  const moments = placebos(countLines(lines), seconds, aim, seed + 200, false)
  const random = seededRandom(seed + 300)
  for (const moment of moments)
    yield thinned(moment, SHARES[Math.floor(random() * SHARES.length)] as number, random)
}

function thinned({ line, at, window }: Moment, share: number, random: () => number): BesideCase {
  const slots = [...line.values.subarray(at, at + window)]
  const parts = slots.map((count) => {
    const mine = binomialDraw(count, share, random)
    return { old: count - mine, fresh: mine }
  })
  // Slots are taken for minutes: nothing that is judged depends on their length.
  const cells = (of: (part: { old: number; fresh: number }) => number, exposure: number) => {
    const events: Cell[] = []
    const seen: Cell[] = []
    parts.forEach((part, i) => {
      const count = of(part)
      if (Number.isNaN(count)) return
      events.push(cell(60 * i, { count }))
      seen.push(cell(60 * i, { count: exposure }))
    })
    return { events, seen }
  }
  const before = cells(({ old }) => old, EXPOSURE * (1 - share))
  const after = cells(({ fresh }) => fresh, EXPOSURE * share)
  const signal = SIGNALS.exceptions
  return {
    cluster: line.path,
    beside: {
      signal,
      comparison: compareRate({
        smallestEffect: signal.smallestEffect,
        bad: 'both',
        alpha: ALPHA,
        design: 'side-by-side',
        before: before.events,
        after: after.events,
        exposure: { before: before.seen, after: after.seen },
      }),
      control: Float64Array.from(parts, ({ old }) => old / (1 - share)),
      experiment: Float64Array.from(parts, ({ fresh }) => fresh / share),
    },
  }
}
