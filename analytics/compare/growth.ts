import type { Cell } from '../../schemas/cell.ts'
import { longRunVariance } from '../stats/long-run-variance.ts'
import { satterthwaite } from '../stats/satterthwaite.ts'
import type { CompareOptions, Comparison, Measured } from './comparison.ts'
import { type ControlEffect, controlShift } from './controls.ts'
import { measured } from './evidence.ts'
import { minuteMeans } from './gauge.ts'
import { logMargins } from './margins.ts'

/** A gauge from the start of a process (or of a roll-out) on. */
export interface Start {
  /** When the processes started, seconds since the epoch. */
  readonly start: number
  readonly cells: readonly Cell[]
}

export interface GrowthInput extends CompareOptions {
  readonly after: Start
  /** Earlier starts of the same service that did not leak: cells at the same ages are compared. */
  readonly earlier: readonly Start[]
  /** The start just before, where it is known to have leaked: what changed is told against it, the others tell how far starts differ. */
  readonly previous?: Start
  /** Windows of the same length from the life of the version before, long after its start: how far the gauge moves by itself. */
  readonly steady?: readonly Start[]
}

const FEWEST_MINUTES = 15
const FEWEST_STARTS = 2
/** From so many occasions on their own spread is known. */
const SPREAD_FROM = 4
/** Share of the ages of the new window that an earlier one has to cover. */
const COVERAGE = 0.7
/** Where too few starts are known to see how much they differ (log scale). */
const ASSUMED_SPREAD = 0.1

/**
 * Leaks: compares how a gauge grows with the age of the process with how it grew at the same ages after earlier starts, and
 * the level at those ages. A fresh process has less memory than an old one, so a plain before/after comparison takes every
 * restart for an improvement and hides a leak; starts are compared with starts instead. Slopes of the logarithm by least
 * squares with errors that allow for dependence; the spread between starts is estimated as between controls or, with fewer than
 * four, from windows of the time before. With fewer than two starts those windows stand in for them, and only what grows
 * *and* lies above them is worse: growing back to the usual level is what any process does after a start.
 * @returns effect of `growth`: level at the end of the window by what the growth of earlier starts would have led to
 */
export function compareGrowth(input: GrowthInput): Comparison {
  const step = input.stepSeconds ?? 60
  const own = profile(input.after, step)
  if (own === undefined) {
    return {
      kind: 'undecidable',
      reason: 'no data after',
      needs: 'positive values of this gauge after the release',
    }
  }
  if (own.filled < FEWEST_MINUTES) {
    return {
      kind: 'undecidable',
      reason: 'too few minutes',
      needs: `at least ${FEWEST_MINUTES} minutes after the start`,
    }
  }
  const alike = (start: Start): Profile[] => {
    const same = profile(start, step, own.from, own.to)
    return same !== undefined && same.filled >= COVERAGE * own.filled ? [same] : []
  }
  const starts = input.earlier.flatMap(alike)
  const steady = (input.steady ?? []).flatMap(alike)
  const [previous] = input.previous === undefined ? [] : alike(input.previous)
  const restarts = starts.length >= FEWEST_STARTS || previous !== undefined
  const known = { usual: restarts ? starts : steady, steady, previous }
  const enough = restarts
    ? starts.length >= FEWEST_STARTS || steady.length >= SPREAD_FROM
    : steady.length >= SPREAD_FROM
  if (!enough) {
    return {
      kind: 'undecidable',
      reason: 'no earlier starts',
      needs: `${FEWEST_STARTS} earlier starts with ${Math.ceil(COVERAGE * own.filled)} minutes each`,
    }
  }
  const reference = [...known.usual, ...(previous === undefined ? [] : [previous])]
  const n = {
    before: {
      minutes: reference.reduce((sum, p) => sum + p.filled, 0),
      events: reference.length,
      exposure: reference.length,
    },
    after: { minutes: own.filled, events: 1, exposure: own.filled },
  }
  const growth = against(known, own, 'growth', n, input)
  const level = against(known, own, 'level', n, input)
  const details = {
    growth: { ratio: growth.effect.ratio, interval: growth.interval, pWorse: growth.pWorse },
    level: { ratio: level.effect.ratio, interval: level.interval, pWorse: level.pWorse },
    starts: restarts ? reference.length : 0,
    steady: steady.length,
    slopePerHour: (own.growth.effect * 3600) / Math.max(step, own.to - own.from),
  }
  const pEquivalence = Math.max(growth.pEquivalence, level.pEquivalence)
  const pNotWorse = Math.max(growth.pNotWorse, level.pNotWorse)
  if (!restarts) {
    const least = growth.pWorse > level.pWorse ? growth : level
    return {
      ...least,
      method: 'gauge-by-steady-windows@1',
      // Of a start without another one to compare with only the rise above the usual level means anything.
      pBetter: 1,
      beyond: growth.beyond === 'worse' && level.beyond === 'worse' ? 'worse' : 'no',
      pEquivalence,
      pNotWorse,
      details,
    }
  }
  const chosen =
    level.beyond === 'worse' && (growth.beyond !== 'worse' || level.pWorse < growth.pWorse) ? level : growth
  const twice = (p: number): number => Math.min(1, 2 * p)
  return {
    ...chosen,
    pValue: twice(chosen.pValue),
    pWorse: twice(chosen.pWorse),
    pBetter: twice(chosen.pBetter),
    pEquivalence,
    pNotWorse,
    details,
  }
}

interface Profile {
  /** Ages of the first and the last minute, seconds. */
  readonly from: number
  readonly to: number
  readonly filled: number
  readonly growth: ControlEffect & { readonly degreesOfFreedom: number }
  readonly level: ControlEffect & { readonly degreesOfFreedom: number }
}

function profile(
  start: Start,
  step: number,
  from = Number.NEGATIVE_INFINITY,
  to = Number.POSITIVE_INFINITY,
): Profile | undefined {
  const cells = start.cells.filter((cell) => {
    const age = cell.time - start.start
    // Half a step of slack: starts need not fall on whole minutes.
    return cell.count > 0 && age >= Math.max(-step / 2, from - step / 2) && age <= to + step / 2
  })
  const line = minuteMeans(cells, step)
  if (line === undefined) return undefined
  const ages: number[] = []
  const logs: number[] = []
  for (let i = 0; i < line.numerator.length; i++) {
    if (line.denominator[i] === 0) continue
    const value = line.numerator[i] as number
    if (value <= 0) return undefined
    ages.push(line.start + i * step - start.start)
    logs.push(Math.log(value))
  }
  const n = untilRestart(logs)
  ages.length = n
  logs.length = n
  if (n < 3) return undefined
  const meanAge = ages.reduce((a, b) => a + b, 0) / n
  const mean = logs.reduce((a, b) => a + b, 0) / n
  let square = 0
  let cross = 0
  for (let i = 0; i < n; i++) {
    square += ((ages[i] as number) - meanAge) ** 2
    cross += ((ages[i] as number) - meanAge) * ((logs[i] as number) - mean)
  }
  const slope = cross / square
  const span = (ages[n - 1] as number) - (ages[0] as number)
  const bent = withoutBend(
    logs.map((log, i) => log - mean - slope * ((ages[i] as number) - meanAge)),
    ages.map((age) => (age - meanAge) / Math.max(span, 1)),
  )
  const growth = new Float64Array(n)
  const level = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    const centred = (ages[i] as number) - meanAge
    const residual = bent[i] as number
    growth[i] = (span * centred * residual) / square
    level[i] = residual / n
  }
  const ofGrowth = longRunVariance(growth)
  const ofLevel = longRunVariance(level)
  return {
    from: ages[0] as number,
    to: ages[n - 1] as number,
    filled: n,
    growth: {
      effect: slope * span,
      variance: ofGrowth.variance,
      degreesOfFreedom: ofGrowth.degreesOfFreedom,
    },
    level: { effect: mean, variance: ofLevel.variance, degreesOfFreedom: ofLevel.degreesOfFreedom },
  }
}

/** A process that loses so much at once (log scale), and by so many times its usual step, was restarted. */
const RESTART = { fall: 0.35, steps: 8 }

/** How many of the first minutes belong to one life of the process: a leak often ends in a restart, and then begins anew. */
function untilRestart(logs: readonly number[]): number {
  const steps = logs
    .slice(1)
    .map((log, i) => Math.abs(log - (logs[i] as number)))
    .sort((a, b) => a - b)
  const usual = steps[Math.floor(steps.length / 2)] ?? 0
  const fall = Math.max(RESTART.fall, RESTART.steps * usual)
  for (let i = FEWEST_MINUTES; i < logs.length; i++) {
    const before = logs[i - 1] as number
    // One low minute is a gap in the telemetry; a restart stays low.
    if (before - (logs[i] as number) > fall && before - (logs[i + 1] ?? Number.NEGATIVE_INFINITY) > fall)
      return i
  }
  return logs.length
}

/**
 * Residuals of a line with their bend taken out: a straight leak is bent on the log scale, which is no noise.
 * @param residuals mean 0, uncorrelated with `at`
 * @param at ages, centred
 */
function withoutBend(residuals: readonly number[], at: readonly number[]): Float64Array {
  const n = at.length
  let second = 0
  let third = 0
  for (const x of at) {
    second += (x * x) / n
    third += x ** 3 / n
  }
  const bend = at.map((x) => x * x - second - (third / second) * x)
  let square = 0
  let cross = 0
  for (let i = 0; i < n; i++) {
    square += (bend[i] as number) ** 2
    cross += (bend[i] as number) * (residuals[i] as number)
  }
  const size = square > 0 ? cross / square : 0
  return Float64Array.from(residuals, (residual, i) => residual - size * (bend[i] as number))
}

interface Known {
  readonly usual: readonly Profile[]
  readonly steady: readonly Profile[]
  readonly previous: Profile | undefined
}

/** What would have been without the release, and how far one occasion lies from another. */
function expected(known: Known, what: 'growth' | 'level') {
  const usual = controlShift(known.usual.map((p) => p[what]))
  // The windows of a version that leaks say nothing about how a sound one moves.
  const windows = known.previous === undefined ? controlShift(known.steady.map((p) => p[what])) : undefined
  const spread = usual?.spreadKnown === true ? usual : (windows ?? usual)
  const assumed = spread?.spreadKnown === true ? 0 : ASSUMED_SPREAD ** 2
  const one = (spread?.variance ?? 0) + assumed
  const degreesOfFreedom = spread?.spreadKnown === true ? spread.degreesOfFreedom : 8
  if (known.previous !== undefined) {
    const { effect, variance } = known.previous[what]
    return { effect, variance: 2 * one + variance, degreesOfFreedom, count: known.usual.length + 1 }
  }
  const own = usual === spread ? 0 : (usual?.variance ?? 0) + one / Math.max(1, known.usual.length)
  return {
    effect: usual?.shift ?? 0,
    variance: one + own,
    degreesOfFreedom,
    count: known.usual.length,
  }
}

function against(
  known: Known,
  own: Profile,
  what: 'growth' | 'level',
  n: Measured['n'],
  options: CompareOptions,
): Measured {
  const reference = expected(known, what)
  const effect = own[what].effect - reference.effect
  const after = what === 'level' ? own.level.effect : own.level.effect + own.growth.effect / 2
  const before = after - effect
  return measured(
    {
      method: 'gauge-by-age@2',
      statistic: what,
      before: Math.exp(before),
      after: Math.exp(after),
      effect,
      scale: 'log',
      varianceAfter: own[what].variance,
      varianceRest: reference.variance,
      degreesOfFreedom: satterthwaite([
        { variance: own[what].variance, degreesOfFreedom: own[what].degreesOfFreedom },
        { variance: reference.variance, degreesOfFreedom: reference.degreesOfFreedom },
      ]),
      margins: logMargins(options.smallestEffect, Math.exp(before)),
      n,
      dispersion: 1,
      autocorrelation: 0,
      drift: Math.sqrt(reference.variance),
      controls: reference.count,
    },
    options,
  )
}
