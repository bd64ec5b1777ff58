import type { Cell } from '../../schemas/cell.ts'
import { histogramQuantile, mergeHistogram, quantileFunction } from '../../schemas/histogram.ts'
import { isNamed } from '../../schemas/signals/bounded-dimension.ts'
import type { Criticality, Signal } from '../../schemas/signals/signal.ts'
import { renamedKinds } from '../compare/renamed.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import { CELLS, type CellSet } from '../queries/series-set.ts'
import { exposureLine, measureFor, signalLines, versionsOf } from '../queries/signal-lines.ts'
import { comeUp } from './come-up.ts'
import { burstsOf, type Counted, countReference } from './count-evidence.ts'
import { decisionOf, isSoundAtEnd } from './decision.ts'
import { harmOf, type Served } from './harm.ts'
import { levelReference } from './level-evidence.ts'
import {
  BESIDE,
  halfAtAllLooks,
  halfAtOneLook,
  isBeyond,
  isHalfBack,
  momentsOf,
  NOTHING,
  ratioBounds,
  type SeriesStanding,
  type SeriesTest,
  SeriesWatch,
  type Tally,
  together,
} from './series-watch.ts'
import { beyondOf, swayOf, thresholdOf } from './slow-values.ts'
import type { SignalEvidence, WatchedService, WatchPlan } from './watch-evidence.ts'

const WEIGHT: Record<Criticality, number> = { critical: 2, major: 1, minor: 0.5, info: 0 }

/** Of a signal's share, what the service as a whole has where there are dimensions too. */
const WHOLE = 0.5
const MOST_DIMENSIONS = 20
const MOST_FRESH = 40
/** Fewer events page nobody, however unlikely. */
const FEWEST_EVENTS = 5
/** Seconds that slowness has to last. */
const LASTS = 180
const QUANTILES = [0.5, 0.95] as const

/** Traffic that is lost is a signal although what share a version gets is not: half of it, and something to lose. */
const LOST_TRAFFIC = { criticality: 'major', smallestEffect: { ratio: 2, absolute: 5 } } as const

interface Series {
  readonly dimension: string
  readonly tests: readonly SeriesWatch[]
  /** Beyond which a value is slow, as a histogram bucket; for distributions. */
  readonly thresholds: readonly number[]
  readonly expected: number
  readonly weight: number
  readonly fresh: boolean
  open: readonly Tally[]
  /** Distributions: before, since the release, and the last ten to twenty minutes. */
  readonly histograms?: {
    /** Quantiles, one a test, and any other. */
    readonly before: readonly number[]
    quantileBefore(q: number): number
    readonly since: Map<number, number>
    recent: [Map<number, number>, Map<number, number>]
    recentFrom: number
  }
}

/** The series of one signal of one service. */
export class SignalWatch {
  readonly of: WatchedService
  readonly signal: Signal
  readonly plan: WatchPlan
  readonly share: number
  readonly series = new Map<string, Series>()
  readonly #measures = new Map<string, string>()
  readonly #before: {
    readonly exposure: readonly Cell[]
    readonly byThemselves: { events: number; bursts: number }
  }
  readonly #names: string[]
  readonly #kinds: number
  #fresh = 0
  /** Of the service as a whole, where its failures are held against each dimension's own: requests that there were, and what they count as. */
  #mix = { counted: 0, expected: 0 }
  #openMix = { counted: 0, expected: 0 }
  /** Part of a minute that its requests stand for: 1 unless spans are a sample with weights. */
  #seen = 1
  readonly #freshShare: number

  constructor(
    of: WatchedService,
    signal: Signal,
    plan: WatchPlan,
    before: CellSet,
    shares: { readonly share: number; readonly fresh: number },
  ) {
    this.of = of
    this.signal = signal
    this.plan = plan
    this.share = shares.share
    this.#freshShare = shares.fresh
    const lines = this.#lines(before, of.baseline)
    const exposure = this.#exposure(before, of.baseline)
    this.#before = {
      exposure,
      byThemselves: freshKinds(signal) ? comeUp(lines, exposure) : { events: 0, bursts: 0 },
    }
    this.#names = [...lines.keys()]
    this.#kinds = lines.size
    this.#open(lines)
  }

  get #slow(): boolean {
    return this.signal.kind === 'distribution' || this.signal.kind === 'gauge'
  }

  get #from(): number {
    const { startedAt, warmUpMinutes } = this.plan
    // Errors count at once, slowness when the version has warmed up.
    return Math.floor(startedAt / 60) * 60 + (this.#slow ? Math.ceil(warmUpMinutes) * 60 : 0)
  }

  #open(lines: ReadonlyMap<string, readonly Cell[]>): void {
    const named = [...lines]
      .filter(([dimension]) => isNamed(dimension))
      .map(([dimension, cells]) => ({
        dimension,
        cells,
        count: cells.reduce((sum, cell) => sum + cell.count, 0),
      }))
      .sort((a, b) => b.count - a.count)
      .slice(0, this.of.relation === 'own' ? MOST_DIMENSIONS : 0)
    const broken = this.signal.dimension !== undefined && lines.size > (lines.has('') ? 1 : 0)
    const withWhole = !broken || this.signal.kind !== 'gauge'
    const each = (this.share * (withWhole ? WHOLE : 1)) / Math.max(1, named.length)
    for (const { dimension, cells } of named) this.#add(dimension, cells, each)
    if (!withWhole) return
    const whole = broken ? mergeCells([...lines.values()]) : (lines.get('') ?? [])
    this.#add('', whole, named.length === 0 ? this.share : this.share * WHOLE)
  }

  #add(dimension: string, before: readonly Cell[], weight: number, fresh = false): void {
    const { signal } = this
    const moments = momentsOf(this.#from, this.plan.minutes)
    const make = (test: SeriesTest | undefined) =>
      test === undefined ? [] : [new SeriesWatch(test, moments)]
    if (signal.kind === 'gauge') {
      const reference = levelReference(
        before
          .filter((cell) => cell.count > 0)
          .map((cell) => ({ time: cell.time, mean: cell.sum / cell.count })),
      )
      const tests = make(
        reference === undefined ? undefined : { kind: 'level', reference, direction: signal.badDirection },
      )
      this.#put(dimension, tests, [], reference?.level ?? 0, weight, fresh)
      return
    }
    if (signal.kind === 'distribution') {
      const merged = new Map<number, number>()
      for (const cell of before) if (cell.histogram !== undefined) mergeHistogram(merged, cell.histogram)
      if (merged.size === 0) return
      const thresholds = QUANTILES.map((q) => thresholdOf(merged, q))
      const tests = thresholds.flatMap((threshold) => {
        const minutes = before.flatMap((cell) =>
          cell.histogram === undefined ? [] : [{ time: cell.time, ...beyondOf(cell.histogram, threshold) }],
        )
        const reference = countReference(minutes, 'beyond', swayOf(merged, threshold))
        return make(reference === undefined ? undefined : { kind: 'count', reference, direction: 'up' })
      })
      this.#put(dimension, tests, thresholds, 0, weight, fresh, merged)
      return
    }
    const minutes: Counted[] = []
    if (signal.kind === 'ratio') {
      for (const cell of before) {
        if (cell.count > 0) minutes.push({ time: cell.time, events: cell.bad, exposure: cell.count })
      }
    } else {
      const byTime = new Map(before.map((cell) => [cell.time, cell.count]))
      for (const cell of this.#before.exposure) {
        if (cell.count > 0)
          minutes.push({ time: cell.time, events: byTime.get(cell.time) ?? 0, exposure: cell.count })
      }
    }
    const reference = countReference(minutes, signal.kind === 'ratio' ? 'share' : 'count')
    const tests = make(
      reference === undefined
        ? undefined
        : fresh
          ? {
              kind: 'absent',
              direction: 'up',
              reference: {
                exposure: reference.exposure,
                kinds: this.#kinds,
                byThemselves: this.#before.byThemselves,
              },
            }
          : { kind: 'count', reference, direction: signal.badDirection },
    )
    this.#put(dimension, tests, [], reference?.level ?? 0, weight, fresh)
  }

  #put(
    dimension: string,
    tests: readonly SeriesWatch[],
    thresholds: readonly number[],
    expected: number,
    weight: number,
    fresh: boolean,
    before?: ReadonlyMap<number, number>,
  ): void {
    if (tests.length === 0) return
    const quantileBefore = before === undefined ? undefined : quantileFunction(before)
    this.series.set(dimension, {
      dimension,
      tests,
      thresholds,
      expected,
      weight,
      fresh,
      open: tests.map(() => NOTHING),
      ...(quantileBefore === undefined
        ? {}
        : {
            histograms: {
              before: QUANTILES.map(quantileBefore),
              quantileBefore,
              since: new Map(),
              recent: [new Map(), new Map()],
              recentFrom: this.#from,
            },
          }),
    })
  }

  /** Takes the minutes of a look: those that are complete for good, the others for now. */
  take(set: CellSet, alive: ReadonlySet<number>, from: number, completeTo: number, to: number): void {
    const { of, signal } = this
    // Traffic is that of all versions: none is beside it.
    const beside =
      signal.per !== 'minute' && of.version !== null && of.baseline !== null && of.baseline !== of.version
    const lines = this.#lines(set, of.version)
    const old = beside ? this.#lines(set, of.baseline) : new Map<string, readonly Cell[]>()
    const exposure = byTime(this.#exposure(set, of.version))
    const oldExposure = beside ? byTime(this.#exposure(set, of.baseline)) : new Map<number, Cell>()
    if (signal.kind === 'rate' && signal.dimension !== undefined && of.relation === 'own')
      this.#discover(lines)
    const named = [...this.series.values()].filter(({ dimension }) => dimension !== '')
    const cells = new Map(named.map((series) => [series, byTime(lines.get(series.dimension) ?? [])]))
    const oldCells = new Map(named.map((series) => [series, byTime(old.get(series.dimension) ?? [])]))
    const whole = this.series.get('')
    const sum = (all: ReadonlyMap<string, readonly Cell[]>) =>
      byTime(all.size === 1 ? ([...all.values()][0] as readonly Cell[]) : mergeCells([...all.values()]))
    const flat = whole === undefined ? new Map<number, Cell>() : sum(lines)
    const oldFlat = whole === undefined ? new Map<number, Cell>() : sum(old)
    const open = new Map([...this.series.values()].map((series) => [series, series.tests.map(() => NOTHING)]))
    this.#openMix = { counted: 0, expected: 0 }
    for (let time = from; time < to; time += 60) {
      const per = exposure.get(time)?.count ?? 0
      const oldPer = oldExposure.get(time)?.count ?? 0
      // Traffic that ends leaves minutes without requests; where nothing else comes either, it is telemetry that is missing.
      if (per > 0) this.#seen = per
      const silent = signal.per === 'minute' ? (alive.has(time) ? this.#seen : 0) : per
      for (const series of this.series.values()) {
        const isWhole = series === whole
        const cell = isWhole ? flat.get(time) : cells.get(series)?.get(time)
        const other = isWhole ? oldFlat.get(time) : oldCells.get(series)?.get(time)
        const known = isWhole && signal.dimension !== undefined && named.length > 0
        series.tests.forEach((test, at) => {
          const [value, size] = known
            ? this.#wholeOf(named, cells, time, at, cell, silent)
            : this.#tally(series, at, cell, silent)
          if (known && signal.kind === 'ratio' && time >= this.#from) {
            const mix = time < completeTo ? this.#mix : this.#openMix
            for (const [, own] of cells) mix.counted += own.get(time)?.count ?? 0
            mix.expected += size
          }
          const [v, s] = !beside
            ? [0, 0]
            : known
              ? this.#wholeOf(named, oldCells, time, at, other, oldPer)
              : this.#tally(series, at, other, oldPer)
          // A straggler is no control.
          const straggler = s < BESIDE * (s + size)
          const [besideValue, besideSize] = straggler ? [0, 0] : [v, s]
          const bursts = { bursts: burstsOf(value), besideBursts: burstsOf(besideValue) }
          const tally = { value, size, besideValue, besideSize, ...bursts }
          if (time < completeTo) test.add(time, tally)
          else if (time >= this.#from && !this.#slow && signal.per !== 'minute') {
            const now = open.get(series) as Tally[]
            now[at] = together(now[at] as Tally, tally)
          }
        })
        if (time < completeTo && series.histograms !== undefined && cell?.histogram !== undefined)
          keepHistogram(series.histograms, time, cell.histogram, this.#from)
      }
    }
    for (const [series, tallies] of open) series.open = tallies
  }

  /** Events (or a minute's mean) and exposure of one series in one minute. */
  #tally(series: Series, at: number, cell: Cell | undefined, exposure: number): [number, number] {
    switch (this.signal.kind) {
      case 'rate':
        return [exposure > 0 ? (cell?.count ?? 0) : 0, exposure]
      case 'ratio':
        return cell === undefined ? [0, 0] : [cell.bad, cell.count]
      case 'gauge':
        return cell === undefined || cell.count === 0 ? [0, 0] : [cell.sum / cell.count, 1]
      case 'distribution': {
        if (cell?.histogram === undefined) return [0, 0]
        const { events, exposure: n } = beyondOf(cell.histogram, series.thresholds[at] as number)
        return [events, n]
      }
    }
  }

  /**
   * The service as a whole as the sum of its dimensions, each held against itself: a route's own slow requests, and failures expected of the
   * present mix of routes (indirect standardisation). Traffic that moves between routes changes nothing then.
   */
  #wholeOf(
    named: readonly Series[],
    cells: ReadonlyMap<Series, ReadonlyMap<number, Cell>>,
    time: number,
    at: number,
    all: Cell | undefined,
    exposure: number,
  ): [number, number] {
    if (this.signal.kind === 'rate') return [exposure > 0 ? (all?.count ?? 0) : 0, exposure]
    const expected = this.series.get('')?.expected ?? 0
    let value = 0
    let size = 0
    for (const series of named) {
      const cell = cells.get(series)?.get(time)
      if (cell === undefined || series.tests[at] === undefined) continue
      const [v, s] = this.#tally(series, at, cell, exposure)
      value += v
      size += this.signal.kind === 'ratio' && expected > 0 ? (s * series.expected) / expected : s
    }
    return [value, size]
  }

  /** Kinds of events that were not there before: held against their absence. */
  #discover(lines: ReadonlyMap<string, readonly Cell[]>): void {
    for (const dimension of lines.keys()) {
      if (!isNamed(dimension) || this.series.has(dimension) || this.#names.includes(dimension)) continue
      if (this.#fresh >= MOST_FRESH) return
      const renamed =
        this.signal.dimension === 'exception' && renamedKinds([...this.#names, dimension]).has(dimension)
      this.#names.push(dimension)
      if (renamed) continue
      this.#fresh += 1
      // Their e-values are divided by how many may come, so that all of them together have one share.
      this.#add(dimension, [], this.#freshShare, true)
    }
  }

  /** Of a distribution as a whole, the median of the time before; null: not known. */
  get median(): number | null {
    return this.series.get('')?.histograms?.before[0] ?? null
  }

  evidence(now: number, served: Served): SignalEvidence[] {
    return [...this.series.values()].map((series) => this.#standing(series, now, served))
  }

  #standing(series: Series, now: number, served: Served): SignalEvidence {
    const { signal, of } = this
    const traffic = signal.per === 'minute'
    const smallest = traffic ? LOST_TRAFFIC.smallestEffect : signal.smallestEffect
    const distribution = signal.kind === 'distribution'
    const matters = (before: number, after: number, value: number) =>
      distribution
        ? after > before && value >= FEWEST_EVENTS
        : isBeyond(smallest, signal.badDirection, before, after) &&
          (signal.kind === 'gauge' || signal.badDirection === 'down' || value >= FEWEST_EVENTS)
    const standings = series.tests.map((test, at) => test.standing(series.open[at] ?? NOTHING, matters))
    let best = 0
    standings.forEach((standing, at) => {
      if (standing.logE > (standings[best] as SeriesStanding).logE) best = at
    })
    const standing = standings[best] as SeriesStanding
    let { before, after } = standing
    let logE =
      Math.log(standings.reduce((sum, { logE: one }) => sum + Math.exp(Math.min(700, one)), 0)) -
      Math.log(standings.length)
    const recent = series.tests[best]?.recent(series.open[best] ?? NOTHING)
    // What is left may be chance: then it says nothing by itself, and most of the change is gone.
    const isChance = (was: number, worst: number, now: number) =>
      isHalfBack(was, worst, now) &&
      (series.tests[best]?.recentEvidence(series.open[best] ?? NOTHING) ?? 0) <= 0
    let recovered =
      recent !== undefined &&
      recent.size > 0 &&
      (!matters(recent.before, recent.after, recent.value) ||
        isChance(recent.before, standing.after, recent.after))
    if (distribution && series.histograms !== undefined && series.dimension !== '') {
      // A share of slow requests is what is tested, by how much slower is what people read.
      const q = QUANTILES[best] as number
      const lately = mergedOf(series.histograms.recent)
      const shown = standing.since > this.#from ? lately : series.histograms.since
      before = series.histograms.before[best] as number
      after = histogramQuantile(shown, q) ?? before
      if (!isBeyond(smallest, 'up', before, after)) logE = Number.NEGATIVE_INFINITY
      const now = histogramQuantile(lately, q) ?? before
      recovered = !isBeyond(smallest, 'up', before, now) || isChance(before, after, now)
    } else if (distribution && series.dimension === '') {
      if (series.histograms !== undefined) {
        const q = QUANTILES[best] as number
        const shown =
          standing.since > this.#from ? mergedOf(series.histograms.recent) : series.histograms.since
        before = series.histograms.before[best] as number
        after = histogramQuantile(shown, q) ?? before
      }
      if (!isBeyond(smallest, 'up', before, after)) logE = Number.NEGATIVE_INFINITY
    }
    if (this.#slow && now - standing.since < LASTS) logE = Number.NEGATIVE_INFINITY
    const countsEvents = (signal.kind === 'rate' || signal.kind === 'ratio') && !traffic
    const neverBefore = countsEvents && standing.none
    const mix = series.dimension === '' ? this.#mixFactor : 1
    const ratio = before > 0 && !neverBefore ? after / before : null
    const bounds = (half: (variance: number) => number) =>
      series.histograms === undefined
        ? ratioBounds(standing.before, standing.after, half(standing.variance))
        : slowerBy(series.histograms, standings, half)
    const interval = bounds(halfAtAllLooks)
    const criticality = traffic ? LOST_TRAFFIC.criticality : signal.criticality
    return {
      service: of.service,
      relation: of.relation,
      signal: signal.id,
      title: signal.title,
      unit: signal.unit,
      kind: signal.kind,
      criticality,
      dimension: series.dimension,
      logE,
      weight: series.weight,
      before: neverBefore ? 0 : before * mix,
      after: after * mix,
      ratio,
      interval: neverBefore ? null : interval,
      since: standing.since,
      events: standing.value,
      exposure: standing.size / mix,
      fresh: series.fresh,
      harm: harmOf(
        signal,
        {
          events: standing.value,
          exposure: standing.size,
          before: standing.before,
          from: before,
          to: after,
        },
        served,
      ),
      ...decisionOf(signal, logE, series.weight, this.plan.alpha, interval, standing, now),
      soundAtEnd: isSoundAtEnd(signal, bounds(halfAtOneLook), standing),
      recovered,
    }
  }

  /** From shares at the mix of before to what people count: those of the requests that there were. The ratio of both is the same. */
  get #mixFactor(): number {
    const counted = this.#mix.counted + this.#openMix.counted
    const expected = this.#mix.expected + this.#openMix.expected
    return counted > 0 && expected > 0 ? expected / counted : 1
  }

  #lines(set: CellSet, version: string | null): ReadonlyMap<string, readonly Cell[]> {
    return signalLines(set, this.#bound(set, version), this.#versions(set, version))
  }

  #exposure(set: CellSet, version: string | null): readonly Cell[] {
    if (this.signal.kind !== 'rate') return []
    return exposureLine(set, this.signal, this.#versions(set, version), 60)
  }

  /** Traffic is that of the service: what share of it a version gets is a decision. */
  #versions(set: CellSet, version: string | null): readonly string[] {
    return version === null || this.signal.per === 'minute' ? versionsOf(set, this.signal) : [version]
  }

  /** The signal with the one measure that it was first read from on this version, so that looks do not change it. */
  #bound(set: CellSet, version: string | null): Signal {
    if (this.signal.measures.length === 1 || version === null) return this.signal
    const measure = this.#measures.get(version) ?? measureFor(set, this.signal, version, CELLS)
    if (measure === undefined) return this.signal
    this.#measures.set(version, measure)
    return { ...this.signal, measures: [measure] }
  }
}

export function freshKinds(signal: Signal): boolean {
  return signal.newKinds === true
}

export function weightOf(signal: Signal): number {
  return signal.per === 'minute' ? WEIGHT[LOST_TRAFFIC.criticality] : WEIGHT[signal.criticality]
}

/** Signals that count, and of which there is a time before. */
export function countedSignals(of: WatchedService, before: CellSet): readonly Signal[] {
  return of.signals.filter(
    (signal) =>
      weightOf(signal) > 0 && signalLines(before, signal, versionsIn(before, signal, of.baseline)).size > 0,
  )
}

function versionsIn(set: CellSet, signal: Signal, version: string | null): readonly string[] {
  return version === null || signal.per === 'minute' ? versionsOf(set, signal) : [version]
}

function byTime(cells: readonly Cell[]): ReadonlyMap<number, Cell> {
  return new Map(cells.map((cell) => [cell.time, cell]))
}

const RECENT_SECONDS = 600

function keepHistogram(
  histograms: NonNullable<Series['histograms']>,
  time: number,
  histogram: ReadonlyMap<number, number>,
  from: number,
): void {
  if (time < from) return
  mergeHistogram(histograms.since, histogram)
  if (time - histograms.recentFrom >= RECENT_SECONDS) {
    histograms.recent = [histograms.recent[1], new Map()]
    histograms.recentFrom = time
  }
  mergeHistogram(histograms.recent[1], histogram)
}

/**
 * Bounds of the factors by which quantiles have moved: from those of the shares of values beyond what they were before, as if all values had moved by
 * one factor.
 * @param standings of the shares, one a quantile
 * @param half of the interval of a logarithm with this variance
 */
function slowerBy(
  { before, quantileBefore }: NonNullable<Series['histograms']>,
  standings: readonly SeriesStanding[],
  half: (variance: number) => number,
): readonly [number, number] | null {
  const bounds = standings.map((standing, at) => {
    const shares = ratioBounds(standing.before, standing.after, half(standing.variance))
    return shares?.map((factor) => {
      const share = Math.min(1, factor * standing.before)
      return (before[at] as number) / quantileBefore(1 - share)
    })
  })
  if (bounds.some((bound) => bound === undefined)) return null
  const [low, high] = [0, 1].map((side) => bounds.map((bound) => (bound as number[])[side] as number)) as [
    number[],
    number[],
  ]
  return [Math.min(...low), Math.max(...high)]
}

function mergedOf(parts: readonly ReadonlyMap<number, number>[]): ReadonlyMap<number, number> {
  const merged = new Map<number, number>()
  for (const part of parts) mergeHistogram(merged, part)
  return merged
}
