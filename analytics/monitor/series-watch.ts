import type { BadDirection, SmallestEffect } from '../../schemas/signals/signal.ts'
import { sequenceHalfWidth } from '../stats/asymptotic-confidence-sequence.ts'
import { logCountEvidence } from '../stats/count-e-process.ts'
import { logMixture } from '../stats/log-mixture.ts'
import { BURST, type CountReference, countEvidence, levelBeside } from './count-evidence.ts'
import { type LevelReference, levelBesideOf, levelEvidence } from './level-evidence.ts'
import { logNewKindEvidence } from './new-kind.ts'

/** What a series had in some minutes: events and exposure of a count, sum of minute means and minutes of a gauge; new version and old one beside it. */
export interface Tally {
  readonly value: number
  readonly size: number
  readonly besideValue: number
  readonly besideSize: number
  /** Minutes with events of both, see {@link burstsOf}. */
  readonly bursts: number
  readonly besideBursts: number
}

export const NOTHING: Tally = {
  value: 0,
  size: 0,
  besideValue: 0,
  besideSize: 0,
  bursts: 0,
  besideBursts: 0,
}
const WIDTH = 6
/** A version with less of the traffic beside the new one, in a minute or since a moment, is a straggler. */
export const BESIDE = 0.05

/** How a series is tested. */
export type SeriesTest =
  | { readonly kind: 'count'; readonly reference: CountReference; readonly direction: BadDirection }
  | { readonly kind: 'level'; readonly reference: LevelReference; readonly direction: BadDirection }
  | { readonly kind: 'absent'; readonly reference: AbsentReference; readonly direction: 'up' }

/** A kind of event that had not been there. */
export interface AbsentReference {
  /** Exposure in which it was absent. */
  readonly exposure: number
  /** Kinds that were there: so many others might have come up instead. */
  readonly kinds: number
  /** How often kinds that come up by themselves come at their worst, as events and as bursts by exposure; 0: none did. */
  readonly byThemselves: { readonly events: number; readonly bursts: number }
}

export interface SeriesStanding {
  /** Logarithm of the e-value: a mixture over moments at which the change may have begun. */
  readonly logE: number
  /** Seconds: the moment that has most evidence. */
  readonly since: number
  readonly before: number
  readonly after: number
  /** Variance of the logarithm of after by before. */
  readonly variance: number
  /** Events and exposure of the new version since then. */
  readonly value: number
  readonly size: number
  /** True: neither the time before nor the old version beside has a single event, so that `before` is only what its absence leaves room for. */
  readonly none: boolean
}

/** Minutes after the start at which a change may begin, besides the start itself; then every hour. */
const MOMENTS = [5, 10, 15, 20, 30, 40, 50, 60, 75, 90, 120, 150, 180, 240, 300] as const
/** Share of the evidence that is on a change by the release itself. */
const AT_START = 0.6
const RECENT = 10

/** Seconds at which changes are looked for. @param from seconds @param minutes length of the watch */
export function momentsOf(from: number, minutes: number): readonly number[] {
  const later = [
    ...MOMENTS,
    ...Array.from({ length: Math.max(0, Math.ceil(minutes / 60) - 6) }, (_, i) => (6 + i) * 60),
  ]
  return [from, ...later.filter((minute) => minute < minutes).map((minute) => from + minute * 60)]
}

/**
 * One series while it is watched: sums since each moment at which a change may have begun. A look costs the same however long the watch, and
 * the weights of the moments are set before anything is seen, so that the mixture of their e-values is one.
 */
export class SeriesWatch {
  readonly test: SeriesTest
  readonly #moments: readonly number[]
  readonly #sums: Float64Array
  readonly #total = new Float64Array(WIDTH)
  readonly #recent = new Float64Array(WIDTH * RECENT)
  #minutes = 0
  #passed = 0

  /** @param moments seconds, ascending: {@link momentsOf}; what comes before the first is left out */
  constructor(test: SeriesTest, moments: readonly number[]) {
    this.test = test
    this.#moments = moments
    this.#sums = new Float64Array(WIDTH * moments.length)
  }

  /** Adds a minute that is complete, in order of time. @param time seconds */
  add(time: number, tally: Tally): void {
    if (time < (this.#moments[0] as number)) return
    while (this.#passed < this.#moments.length && (this.#moments[this.#passed] as number) <= time) {
      this.#sums.set(this.#total, WIDTH * this.#passed)
      this.#passed += 1
    }
    const at = WIDTH * (this.#minutes % RECENT)
    this.#minutes += 1
    write(this.#recent, at, tally)
    for (let i = 0; i < WIDTH; i++)
      this.#total[i] = (this.#total[i] as number) + (this.#recent[at + i] as number)
  }

  /**
   * @param open minutes that are not complete yet
   * @param matters whether a change is beyond the smallest that matters; what is not counts as no evidence, which may only lower an e-value
   */
  standing(open: Tally, matters: (before: number, after: number, value: number) => boolean): SeriesStanding {
    const passed = Math.max(1, this.#passed)
    const terms: number[] = []
    const weights: number[] = []
    let best = 0
    let most = Number.NEGATIVE_INFINITY
    for (let moment = 0; moment < passed; moment++) {
      const since = this.#since(moment, open)
      if (since.size <= 0) continue
      const { before, after } = levelsOf(this.test, since)
      if (!matters(before, after, since.value)) continue
      const weight = moment === 0 ? AT_START : (1 - AT_START) / Math.max(1, this.#moments.length - 1)
      const logE = evidenceOf(this.test, since)
      terms.push(logE)
      weights.push(Math.log(weight))
      // A later beginning has to be shown by much more: most of what a release does begins with it.
      const rank = logE + (moment === 0 ? 3 : 0)
      if (rank > most) {
        most = rank
        best = moment
      }
    }
    const since = this.#since(best, open)
    const { before, after, variance } = levelsOf(this.test, since)
    const none = this.test.kind === 'count' && this.test.reference.events + since.besideValue === 0
    return {
      logE: terms.length === 0 ? Number.NEGATIVE_INFINITY : logMixture(terms, weights),
      since: this.#moments[best] as number,
      before,
      after,
      variance,
      value: since.value,
      size: since.size,
      none,
    }
  }

  /** The last minutes, and those that are open. */
  recent(open: Tally): {
    readonly before: number
    readonly after: number
    readonly value: number
    readonly size: number
  } {
    const since = this.#lately(open)
    const { before, after } = levelsOf(this.test, since)
    return { before, after, value: since.value, size: since.size }
  }

  /** Logarithm of the e-value of the last minutes alone. */
  recentEvidence(open: Tally): number {
    const since = this.#lately(open)
    return since.size > 0 ? evidenceOf(this.test, since) : 0
  }

  #lately(open: Tally): Tally {
    let sum = open
    for (let i = 0; i < RECENT; i++) sum = together(sum, read(this.#recent, WIDTH * i))
    return this.#withControl(sum)
  }

  #since(moment: number, open: Tally): Tally {
    const less = new Float64Array(WIDTH)
    for (let i = 0; i < WIDTH; i++)
      less[i] = (this.#total[i] as number) - (this.#sums[WIDTH * moment + i] as number)
    return this.#withControl(together(read(less, 0), open))
  }

  /** An old version that was there for the first minutes only, often in trouble by its end, says nothing of all that came later. */
  #withControl(since: Tally): Tally {
    const isLeft = since.besideSize < BESIDE * (since.size + since.besideSize)
    // That it had a kind as well speaks against its being new, though.
    return isLeft && this.test.kind !== 'absent' ? { ...since, besideValue: 0, besideSize: 0 } : since
  }
}

function write(into: Float64Array, at: number, tally: Tally): void {
  into[at] = tally.value
  into[at + 1] = tally.size
  into[at + 2] = tally.besideValue
  into[at + 3] = tally.besideSize
  into[at + 4] = tally.bursts
  into[at + 5] = tally.besideBursts
}

function read(from: Float64Array, at: number): Tally {
  return {
    value: from[at] as number,
    size: from[at + 1] as number,
    besideValue: from[at + 2] as number,
    besideSize: from[at + 3] as number,
    bursts: from[at + 4] as number,
    besideBursts: from[at + 5] as number,
  }
}

export function together(a: Tally, b: Tally): Tally {
  return {
    value: a.value + b.value,
    size: a.size + b.size,
    besideValue: a.besideValue + b.besideValue,
    besideSize: a.besideSize + b.besideSize,
    bursts: a.bursts + b.bursts,
    besideBursts: a.besideBursts + b.besideBursts,
  }
}

function evidenceOf(test: SeriesTest, since: Tally): number {
  if (test.direction === 'both') {
    return logMixture(
      [evidenceOf({ ...test, direction: 'up' }, since), evidenceOf({ ...test, direction: 'down' }, since)],
      [-Math.LN2, -Math.LN2],
    )
  }
  if (test.kind === 'absent') return absentEvidence(test.reference, since)
  if (test.kind === 'count') {
    return countEvidence(test.reference, since.value, since.size, test.direction, {
      events: since.besideValue,
      exposure: since.besideSize,
    })
  }
  return levelEvidence(
    test.reference,
    since.value / since.size,
    since.size,
    test.direction,
    besideLevel(since),
  )
}

/** How far what comes up without a release goes beyond the worst that was seen (standard deviation, log scale). */
const USUAL_DRIFT = 0.5

/**
 * A kind of event that was absent. Counted twice, half of the bet each: by events, bursts of eight as one, which is soonest where there are many; and by minutes, so that what goes on for a while
 * is more than what comes together. By each it has to come more often than what comes up without a release.
 */
function absentEvidence({ exposure, kinds, byThemselves }: AbsentReference, since: Tally): number {
  const evidenceBy = (events: number, beside: number, usual: number) => {
    const evidence = logNewKindEvidence({
      events,
      after: since.size,
      before: exposure,
      beside: { events: beside, exposure: since.besideSize },
      kinds,
    })
    if (usual === 0) return evidence
    const expected = usual * since.size
    return Math.min(evidence, logCountEvidence({ events, expected, dispersion: 1, drift: USUAL_DRIFT }, true))
  }
  return logMixture(
    [
      evidenceBy(since.value / BURST, since.besideValue / BURST, byThemselves.events / BURST),
      evidenceBy(since.bursts, since.besideBursts, byThemselves.bursts),
    ],
    [-Math.LN2, -Math.LN2],
  )
}

function besideLevel(since: Tally): { readonly mean: number; readonly minutes: number } {
  return since.besideSize > 0
    ? { mean: since.besideValue / since.besideSize, minutes: since.besideSize }
    : { mean: 0, minutes: 0 }
}

function levelsOf(
  test: SeriesTest,
  since: Tally,
): { readonly before: number; readonly after: number; readonly variance: number } {
  const after = since.size > 0 ? since.value / since.size : 0
  if (test.kind === 'absent') return { before: 0, after, variance: BURST / (since.value + 0.5) }
  if (test.kind === 'count') {
    const { level, drift } = levelBeside(test.reference, {
      events: since.besideValue,
      exposure: since.besideSize,
    })
    return { before: level, after, variance: drift ** 2 + test.reference.dispersion / (since.value + 0.5) }
  }
  const { level, drift } = levelBesideOf(test.reference, besideLevel(since))
  const variance = drift ** 2 + test.reference.dispersion / Math.max(1, since.size)
  return { before: level, after, variance: variance / (level ** 2 || 1) }
}

/** Whether a change is beyond the smallest that matters, to the bad side. */
export function isBeyond(
  smallest: SmallestEffect,
  bad: BadDirection,
  before: number,
  after: number,
): boolean {
  const up = after - before >= smallest.absolute && after >= before * smallest.ratio
  const down = before - after >= smallest.absolute && after * smallest.ratio <= before
  return bad === 'up' ? up : bad === 'down' ? down : up || down
}

/** Whether a level is nearer to what was before than to the worst: by factors, or where there was none before by what it is. */
export function isHalfBack(before: number, worst: number, now: number): boolean {
  if (before === 0) return now <= worst / 2
  if (!(before > 0 && worst > 0 && now > 0)) return false
  return Math.abs(Math.log(now / before)) <= 0.5 * Math.abs(Math.log(worst / before))
}

/** Bounds of the ratio, or null where it has no logarithm. @param half of the interval of its logarithm */
export function ratioBounds(before: number, after: number, half: number): readonly [number, number] | null {
  if (!(before > 0) || !(after > 0)) return null
  const ratio = after / before
  return [ratio * Math.exp(-half), ratio * Math.exp(half)]
}

/** Where sequences are tightest: changes of half as much again are the ones to be told soonest. */
const TIGHTEST = 0.4
/** Error of the intervals of single series. */
export const INTERVAL_ALPHA = 0.01

/** Half of an interval that holds at all looks together. @param variance of the logarithm of the ratio now */
export function halfAtAllLooks(variance: number): number {
  return sequenceHalfWidth(variance, TIGHTEST, INTERVAL_ALPHA)
}

/** One-sided 5 %, as a report asks of each critical signal (../verdict.ts). */
const ONE_SIDED = 1.6449

/** How far a bound lies that holds at one look, which was set before anything was seen: the end of the watch. */
export function halfAtOneLook(variance: number): number {
  return ONE_SIDED * Math.sqrt(variance)
}
