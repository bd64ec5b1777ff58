import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import { probabilityLarger, quantilePosition, wasserstein } from '../stats/histogram-line.ts'
import { type RatioOfSums, ratioOfSums } from '../stats/ratio-of-sums.ts'
import type { CompareOptions, Comparison, Measured, SeasonShift } from './comparison.ts'
import { missing } from './counts.ts'
import { measured } from './evidence.ts'
import { FORECAST_FROM, type ForecastEstimate, forecastEstimate } from './forecast.ts'
import { ASSUMED_DRIFT, type LevelVariance, levelVariance, pairedLevelVariance } from './levels.ts'
import { logMargins } from './margins.ts'
import {
  exceedances,
  type MinuteHistograms,
  minuteHistograms,
  positions,
  sumsOfLogs,
} from './minute-histograms.ts'

export interface DistributionInput extends CompareOptions {
  /** Cells with histograms. */
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
}

/** Quantiles that are tested; each needs some values beyond it in both arms. */
const QUANTILES = [0.5, 0.95, 0.99] as const
const VALUES_BEYOND = 8
const FEWEST_VALUES = 12
const FEWEST_MINUTES = 4

/**
 * Compares two distributions by their geometric means, p50, p95 and p99.
 *
 * Where the series' own past is known, the geometric mean is compared with what it said (forecast.ts).
 * Each quantile is tested through the share of values above the quantile of the time before: a ratio of sums over minutes, whose error
 * counts dependence within minutes, between them and between windows (Woodruff 1952 carries it over to the quantile and
 * its interval). Side by side all errors are those of the minutes' own differences, so that what both versions went through is in none (stats/paired-difference.ts). The statistic that speaks for the comparison is the one with the smallest p beyond the smallest effect that
 * matters, its p multiplied by how many were looked at (Bonferroni).
 * @returns `details.quantiles`: all of them; `details.deciles`: shift function, log ratio of each decile;
 *   `details.wasserstein`: mean absolute shift on the log scale; `details.probabilityLarger`: of a value after over one before
 */
export function compareDistribution(input: DistributionInput): Comparison {
  const step = input.stepSeconds ?? 60
  const before = minuteHistograms(input.before, step)
  const after = minuteHistograms(input.after, step)
  if (before === undefined || after === undefined) return missing(before, after)
  if (Math.min(before.merged.total, after.merged.total) < FEWEST_VALUES) {
    return {
      kind: 'undecidable',
      reason: 'too few values',
      needs: `at least ${FEWEST_VALUES} values before and after`,
    }
  }
  if (Math.min(before.length, after.length) < FEWEST_MINUTES) {
    return {
      kind: 'undecidable',
      reason: 'too few minutes',
      needs: `at least ${FEWEST_MINUTES} minutes before and after`,
    }
  }
  const mean = geometricMean(before, after, input, step)
  const all = [
    mean.measured,
    ...QUANTILES.filter(
      (q) => Math.min(before.merged.total, after.merged.total) * (1 - q) >= VALUES_BEYOND,
    ).map((q) => quantile(before, after, q, mean.variance, input, step)),
  ]
  return summarise(all, before, after)
}

function geometricMean(
  before: MinuteHistograms,
  after: MinuteHistograms,
  options: CompareOptions,
  step: number,
): { readonly measured: Measured; readonly variance: LevelVariance } {
  const numerator = positions(before)
  const sideBySide = options.design === 'side-by-side'
  const earlier = ratioOfSums(numerator, before.totals, sideBySide)
  const later = ratioOfSums(positions(after), after.totals, sideBySide)
  const season = sideBySide ? undefined : options.season
  const shift = season?.shift
  const varianceWith = (taken: SeasonShift | undefined) =>
    sideBySide
      ? pairedLevelVariance(
          { arm: earlier, factor: LN_GAMMA, start: before.start },
          { arm: later, factor: LN_GAMMA, start: after.start },
          step,
        )
      : levelVariance(
          { arm: earlier, numerator, denominator: before.totals },
          later,
          { before: LN_GAMMA, after: LN_GAMMA },
          taken,
          false,
          { doubted: true },
        )
  const variance = varianceWith(shift)
  // Of quantiles no season is taken off.
  const unshifted = shift === undefined ? variance : varianceWith(undefined)
  const common = {
    statistic: 'geometric mean',
    n: sizes(before, after),
    dispersion: Math.max(1, later.variance / independentVariance(after, later.estimate)),
    autocorrelation: later.longRun.autocorrelation,
  }
  const forecast = forecastOf(before, after, options, step)
  if (forecast?.scale === 'log') {
    const whole = forecast.standardError ** 2
    const own = Math.min(whole, variance.after)
    return {
      measured: measured(
        {
          ...forecast,
          ...common,
          varianceAfter: own,
          varianceRest: whole - own,
          margins: logMargins(options.smallestEffect, forecast.before),
          drift: undefined,
          controls: 0,
        },
        options,
      ),
      variance: unshifted,
    }
  }
  const level = Math.exp(earlier.estimate * LN_GAMMA)
  const result = measured(
    {
      ...common,
      method: `geometric-mean${sideBySide ? '-paired-minutes@1' : shift === undefined ? '@2' : '-difference-in-differences@2'}`,
      before: level,
      after: Math.exp(later.estimate * LN_GAMMA),
      effect: (later.estimate - earlier.estimate) * LN_GAMMA - (shift?.shift ?? 0),
      scale: 'log',
      varianceAfter: variance.after,
      varianceRest: variance.rest,
      degreesOfFreedom: variance.degreesOfFreedom,
      margins: logMargins(options.smallestEffect, level),
      drift: variance.drift === undefined ? undefined : Math.sqrt(variance.drift),
      controls: shift?.count ?? 0,
      ...(season === undefined ? {} : { calibration: season.calibration }),
    },
    options,
  )
  return { measured: result, variance: unshifted }
}

function forecastOf(
  before: MinuteHistograms,
  after: MinuteHistograms,
  { design, past }: CompareOptions,
  step: number,
): ForecastEstimate | undefined {
  if (design === 'side-by-side' || past?.logs !== true) return undefined
  const eachSlot = (before.merged.total * past.slotSeconds) / (before.length * step)
  if (eachSlot < FORECAST_FROM) return undefined
  const { start, totals } = after
  const line = past.after ?? { numerator: sumsOfLogs(after), denominator: totals, start, step }
  return forecastEstimate(past, line)
}

function quantile(
  before: MinuteHistograms,
  after: MinuteHistograms,
  q: number,
  mean: LevelVariance,
  options: CompareOptions,
  step: number,
): Measured {
  const own = { before: quantilePosition(before.merged, q), after: quantilePosition(after.merged, q) }
  // Under no change both arms have this share above the quantile of the time before.
  const numerator = exceedances(before, own.before)
  const sideBySide = options.design === 'side-by-side'
  const earlier = ratioOfSums(numerator, before.totals, sideBySide)
  const crossing = ratioOfSums(exceedances(after, own.before), after.totals, sideBySide)
  // Around its own quantile, for the interval.
  const centred = ratioOfSums(exceedances(after, own.after), after.totals, sideBySide)
  const pairedWith = (arm: RatioOfSums): LevelVariance =>
    pairedLevelVariance(
      { arm: earlier, factor: 1, start: before.start },
      { arm, factor: 1, start: after.start },
      step,
    )
  const shares = sideBySide
    ? pairedWith(crossing)
    : levelVariance(
        { arm: earlier, numerator, denominator: before.totals },
        crossing,
        { before: 1, after: 1 },
        undefined,
        false,
        { assumed: false, doubted: true },
      )
  const errors = sideBySide ? pairedWith(centred) : { after: centred.variance, rest: earlier.variance }
  const floor = (q * (1 - q)) / after.merged.total
  const errorAfter = Math.sqrt(Math.max(errors.after, floor))
  // A window that happened to be calm is too low and too sure of it: the time before has the shape that it would have had. Side by side the longest memory's error has room for that.
  const shapes = sideBySide ? [after] : [after, before]
  const varianceAfter = Math.max(...shapes.map((arm) => woodruff(arm, q, errorAfter))) ** 2
  const still = woodruff(before, q, Math.sqrt(errors.rest)) ** 2
  const moved = woodruff(before, q, Math.sqrt(earlier.variance + (shares.drift ?? 0))) ** 2
  // A quantile drifts at least as far as the whole distribution, which is better known.
  const varianceBefore = sideBySide ? still : Math.max(moved, still + (mean.drift ?? ASSUMED_DRIFT ** 2))
  const degreesOfFreedom = sideBySide
    ? shares.degreesOfFreedom
    : Math.min(shares.degreesOfFreedom, mean.degreesOfFreedom)
  const level = Math.exp(own.before * LN_GAMMA)
  const effect = (own.after - own.before) * LN_GAMMA
  const total = varianceAfter + varianceBefore
  // The share's own test at no change; away from it, effect by error.
  const shareScore =
    (crossing.estimate - earlier.estimate) / Math.sqrt(Math.max(shares.after, floor) + shares.rest)
  return measured(
    {
      method: `p${Math.round(q * 100)}-woodruff${sideBySide ? '-paired-minutes@1' : '@2'}`,
      statistic: `p${Math.round(q * 100)}`,
      before: level,
      after: Math.exp(own.after * LN_GAMMA),
      effect,
      scale: 'log',
      varianceAfter,
      varianceRest: varianceBefore,
      degreesOfFreedom,
      margins: logMargins(options.smallestEffect, level),
      n: sizes(before, after),
      dispersion: Math.max(1, crossing.variance / Math.max(floor, 1e-300)),
      autocorrelation: crossing.longRun.autocorrelation,
      drift: undefined,
      controls: 0,
      // Both must agree: the share is exact in size but loses its pull far out, the ratio the other way round.
      score: (at: number): number => {
        const byRatio = (effect - at) / Math.sqrt(total)
        if (at !== 0) return byRatio
        return Math.abs(shareScore) < Math.abs(byRatio) || shareScore * byRatio < 0 ? shareScore : byRatio
      },
      bounds: (score: number): [number, number] => [
        effect - score * Math.sqrt(total),
        effect + score * Math.sqrt(total),
      ],
    },
    options,
  )
}

/**
 * Standard error of a quantile's logarithm from that of the share above it: half the distance between the quantiles one
 * error up and one down. Source: Woodruff (1952).
 */
function woodruff(arm: MinuteHistograms, q: number, errorOfShare: number): number {
  const high = quantilePosition(arm.merged, Math.min(1, q + errorOfShare))
  const low = quantilePosition(arm.merged, Math.max(0, q - errorOfShare))
  // A bucket's width is the least that can be known.
  return Math.max(((high - low) / 2) * LN_GAMMA, LN_GAMMA / 4)
}

function summarise(all: readonly Measured[], before: MinuteHistograms, after: MinuteHistograms): Measured {
  const looks = all.length
  const mean = all[0] as Measured
  const smallest = (list: readonly Measured[], p: (m: Measured) => number): Measured | undefined =>
    list.reduce<Measured | undefined>(
      (best, m) => (best === undefined || p(m) < p(best) ? m : best),
      undefined,
    )
  const worst = smallest(
    all.filter((m) => m.beyond === 'worse'),
    (m) => m.pWorse,
  )
  const best = smallest(
    all.filter((m) => m.beyond === 'better'),
    (m) => m.pBetter,
  )
  const chosen =
    worst !== undefined && (best === undefined || worst.pWorse <= best.pBetter) ? worst : (best ?? mean)
  const adjust = (p: number): number => Math.min(1, p * looks)
  const deciles: { decile: number; ratio: number }[] = []
  for (let decile = 1; decile <= 9; decile++) {
    const shift = quantilePosition(after.merged, decile / 10) - quantilePosition(before.merged, decile / 10)
    deciles.push({ decile, ratio: Math.exp(shift * LN_GAMMA) })
  }
  // The tail beyond p95 is too thin to be shown equal on light traffic: unchanged is a claim about p50, p95 and the mean.
  const claims = all.filter((m) => m.statistic !== 'p99')
  const most = (p: (m: Measured) => number): number => Math.max(...claims.map(p))
  return {
    ...chosen,
    studentised: mean.studentised,
    studentisedEffect: Math.log(mean.effect.ratio),
    ...(mean.forecast === undefined ? {} : { forecast: mean.forecast }),
    pValue: adjust(chosen.pValue),
    pWorse: adjust(chosen.pWorse),
    pBetter: adjust(chosen.pBetter),
    pEquivalence: most((m) => m.pEquivalence),
    pNotWorse: most((m) => m.pNotWorse),
    details: {
      looks,
      quantiles: all.map((m) => ({
        statistic: m.statistic,
        before: m.effect.before,
        after: m.effect.after,
        ratio: m.effect.ratio,
        interval: m.interval,
        pWorse: m.pWorse,
        studentised: m.studentised,
      })),
      deciles,
      wasserstein: wasserstein(after.merged, before.merged) * LN_GAMMA,
      probabilityLarger: probabilityLarger(after.merged, before.merged),
    },
  }
}

function sizes(before: MinuteHistograms, after: MinuteHistograms): Measured['n'] {
  const of = (arm: MinuteHistograms) => ({
    minutes: arm.length,
    events: arm.merged.total,
    exposure: arm.merged.total,
  })
  return { before: of(before), after: of(after) }
}

function independentVariance(arm: MinuteHistograms, mean: number): number {
  let squares = 0
  const { lowest, counts, total } = arm.merged
  for (let i = 0; i < counts.length; i++) squares += (counts[i] as number) * (lowest + i - 0.5 - mean) ** 2
  return squares / (total * total) || 1e-300
}
