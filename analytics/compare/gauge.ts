import type { Cell } from '../../schemas/cell.ts'
import { ratioOfSums } from '../stats/ratio-of-sums.ts'
import { type Aligned, align } from './align.ts'
import type { CompareOptions, Comparison } from './comparison.ts'
import { missing } from './counts.ts'
import { measured } from './evidence.ts'
import { forecastEstimate } from './forecast.ts'
import { levelVariance } from './levels.ts'
import { logMargins } from './margins.ts'

export interface GaugeInput extends CompareOptions {
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
}

const FEWEST_MINUTES = 4

/**
 * Compares the means of a gauge over minutes. Every minute weighs the same, however many samples it has; dependence
 * between minutes and drift between windows are in the error (see long-run-variance.ts, between-windows.ts). On the log scale where
 * all minutes are positive, else linear.
 * Where the series' own past is known, the level is compared with what it said instead (forecast.ts).
 * @returns `details.peak`: highest sample before and after; `details.mean`: means before and after
 */
export function compareGauge(input: GaugeInput): Comparison {
  const step = input.stepSeconds ?? 60
  const before = minuteMeans(input.before, step)
  const after = minuteMeans(input.after, step)
  if (before === undefined || after === undefined) return missing(before, after)
  const sideBySide = input.design === 'side-by-side'
  const earlier = ratioOfSums(before.numerator, before.denominator, sideBySide)
  const later = ratioOfSums(after.numerator, after.denominator, sideBySide)
  if (Math.min(earlier.filled, later.filled) < FEWEST_MINUTES) {
    return {
      kind: 'undecidable',
      reason: 'too few minutes',
      needs: `at least ${FEWEST_MINUTES} minutes before and after`,
    }
  }
  const log = earlier.estimate > 0 && later.estimate > 0 && !negative(input.before) && !negative(input.after)
  const n = {
    before: { minutes: earlier.filled, events: samples(input.before), exposure: earlier.denominator },
    after: { minutes: later.filled, events: samples(input.after), exposure: later.denominator },
  }
  const dispersion = later.longRun.independent > 0 ? later.longRun.variance / later.longRun.independent : 1
  const autocorrelation = later.longRun.autocorrelation
  const details = {
    peak: { before: peak(input.before), after: peak(input.after) },
    mean: { before: earlier.estimate, after: later.estimate },
  }
  const forecast = sideBySide || input.past === undefined ? undefined : forecastEstimate(input.past, after)
  if (forecast !== undefined) {
    const whole = forecast.standardError ** 2
    const own = Math.min(whole, later.variance / (forecast.scale === 'log' ? later.estimate ** 2 : 1))
    return measured(
      {
        ...forecast,
        varianceAfter: own,
        varianceRest: whole - own,
        margins:
          forecast.scale === 'log'
            ? logMargins(input.smallestEffect, forecast.before)
            : linearMargins(input.smallestEffect, forecast.before),
        n,
        dispersion,
        autocorrelation,
        drift: undefined,
        controls: 0,
        details,
      },
      input,
    )
  }
  const season = sideBySide || !log ? undefined : input.season
  const shift = season?.shift
  const variance = levelVariance(
    { arm: earlier, numerator: before.numerator, denominator: before.denominator },
    later,
    log ? { before: 1 / earlier.estimate, after: 1 / later.estimate } : { before: 1, after: 1 },
    shift,
    sideBySide,
    { assumed: log },
  )
  const raw = log ? Math.log(later.estimate / earlier.estimate) : later.estimate - earlier.estimate
  return measured(
    {
      method: `gauge-mean-hac${shift === undefined ? '' : '-difference-in-differences'}@1`,
      statistic: 'mean',
      before: earlier.estimate,
      after: later.estimate,
      effect: raw - (shift?.shift ?? 0),
      scale: log ? 'log' : 'linear',
      varianceAfter: variance.after,
      varianceRest: variance.rest,
      degreesOfFreedom: variance.degreesOfFreedom,
      margins: log
        ? logMargins(input.smallestEffect, earlier.estimate)
        : linearMargins(input.smallestEffect, earlier.estimate),
      n,
      dispersion,
      autocorrelation,
      drift: variance.drift === undefined ? undefined : Math.sqrt(variance.drift),
      controls: shift?.count ?? 0,
      ...(season === undefined ? {} : { calibration: season.calibration }),
      details,
    },
    input,
  )
}

/** Mean of each minute over 1, instances and duplicate cells merged first. */
export function minuteMeans(cells: readonly Cell[], step: number): Aligned | undefined {
  const line = align({ cells, take: (cell) => cell.sum }, { cells, take: (cell) => cell.count }, step)
  if (line === undefined) return undefined
  for (let i = 0; i < line.numerator.length; i++) {
    const count = line.denominator[i] as number
    if (count === 0) continue
    line.numerator[i] = (line.numerator[i] as number) / count
    line.denominator[i] = 1
  }
  return line
}

/** Beyond both bounds, as in margins.ts, without a logarithm. */
function linearMargins(smallest: GaugeInput['smallestEffect'], before: number): { down: number; up: number } {
  const size = Math.max(smallest.absolute, Math.abs(before) * (smallest.ratio - 1))
  return { down: -size, up: size }
}

function negative(cells: readonly Cell[]): boolean {
  return cells.some((cell) => cell.count > 0 && cell.min < 0)
}

function samples(cells: readonly Cell[]): number {
  return cells.reduce((sum, cell) => sum + cell.count, 0)
}

function peak(cells: readonly Cell[]): number {
  return cells.reduce(
    (max, cell) => (cell.count > 0 && cell.max > max ? cell.max : max),
    Number.NEGATIVE_INFINITY,
  )
}
