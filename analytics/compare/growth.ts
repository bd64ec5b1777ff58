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
  /** Earlier starts of the same service: cells at the same ages are compared. */
  readonly earlier: readonly Start[]
}

const FEWEST_MINUTES = 15
const FEWEST_STARTS = 2
/** Share of the ages of the new window that an earlier one has to cover. */
const COVERAGE = 0.7
/** Where too few starts are known to see how much they differ (log scale). */
const ASSUMED_SPREAD = 0.1

/**
 * Leaks: compares how a gauge grows with the age of the process with how it grew at the same ages after earlier starts, and
 * the level at those ages. A fresh process has less memory than an old one, so a plain before/after comparison takes every
 * restart for an improvement and hides a leak; starts are compared with starts instead. Slopes of the logarithm by least
 * squares with errors that allow for dependence; the spread between starts is estimated as between controls.
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
  const earlier = input.earlier.flatMap((start) => {
    const same = profile(start, step, own.from, own.to)
    return same !== undefined && same.filled >= COVERAGE * own.filled ? [same] : []
  })
  const n = {
    before: {
      minutes: earlier.reduce((sum, p) => sum + p.filled, 0),
      events: earlier.length,
      exposure: earlier.length,
    },
    after: { minutes: own.filled, events: 1, exposure: own.filled },
  }
  const growth = against(earlier, own, 'growth', n, input)
  const level = against(earlier, own, 'level', n, input)
  if (growth === undefined || level === undefined) {
    return {
      kind: 'undecidable',
      reason: 'no earlier starts',
      needs: `${FEWEST_STARTS} earlier starts with ${Math.ceil(COVERAGE * own.filled)} minutes each`,
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
    pEquivalence: Math.max(growth.pEquivalence, level.pEquivalence),
    pNotWorse: Math.max(growth.pNotWorse, level.pNotWorse),
    details: {
      growth: { ratio: growth.effect.ratio, interval: growth.interval, pWorse: growth.pWorse },
      level: { ratio: level.effect.ratio, interval: level.interval, pWorse: level.pWorse },
      starts: earlier.length,
      slopePerHour: (own.growth.effect * 3600) / Math.max(step, own.to - own.from),
    },
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
  const n = ages.length
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
  const growth = new Float64Array(n)
  const level = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    const centred = (ages[i] as number) - meanAge
    const residual = (logs[i] as number) - mean - slope * centred
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

function against(
  earlier: readonly Profile[],
  own: Profile,
  what: 'growth' | 'level',
  n: Measured['n'],
  options: CompareOptions,
): Measured | undefined {
  if (earlier.length < FEWEST_STARTS) return undefined
  const shift = controlShift(earlier.map((p) => p[what]))
  if (shift === undefined) return undefined
  const assumed = shift.spreadKnown ? 0 : ASSUMED_SPREAD ** 2
  const effect = own[what].effect - shift.shift
  const usual = earlier.reduce((sum, p) => sum + p.level.effect, 0) / earlier.length
  const after = what === 'level' ? own.level.effect : own.level.effect + own.growth.effect / 2
  const before = what === 'level' ? usual : after - effect
  return measured(
    {
      method: 'gauge-by-age@1',
      statistic: what,
      before: Math.exp(before),
      after: Math.exp(after),
      effect,
      scale: 'log',
      varianceAfter: own[what].variance,
      varianceRest: shift.variance + assumed,
      degreesOfFreedom: satterthwaite([
        { variance: own[what].variance, degreesOfFreedom: own[what].degreesOfFreedom },
        { variance: shift.variance, degreesOfFreedom: shift.degreesOfFreedom },
        { variance: assumed, degreesOfFreedom: 8 },
      ]),
      margins: logMargins(options.smallestEffect, Math.exp(before)),
      n,
      dispersion: 1,
      autocorrelation: 0,
      drift: Math.sqrt(shift.variance),
      controls: shift.count,
    },
    options,
  )
}
