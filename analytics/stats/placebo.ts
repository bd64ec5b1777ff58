import { fitGeneralisedPareto, type GeneralisedPareto, generalisedParetoTail } from './generalised-pareto.ts'

/** What a null distribution of studentised effects says about how far model-based errors fall short. */
export interface Calibration {
  /** Placebos it was made from. */
  readonly count: number
  /** Factor on the standard error, >= 1: placebos may widen an interval, never narrow it. */
  readonly scale: number
  /** Tail of |statistic| beyond a threshold, where there are enough placebos to fit one. */
  readonly tail: (GeneralisedPareto & { readonly threshold: number; readonly exceeded: number }) | undefined
}

export const UNCALIBRATED: Calibration = { count: 0, scale: 1, tail: undefined }

/** From this many placebos on their own quantiles are used; below, a mean square shrunk towards 1. */
const QUANTILES_FROM = 50
const TAIL_FROM = 150

/**
 * Calibrates studentised effects by those of placebos: moments at which nothing was released, pooled over hours, signals of
 * one kind and sibling services. The body gives a scale, the top tenth a generalised Pareto tail, whose shape is shrunk
 * towards 0 (exponential) in proportion to how few exceedances there are.
 * @param statistics studentised effects (effect by standard error), in any order; not finite ones are left out
 */
export function calibrate(statistics: readonly number[]): Calibration {
  const sizes = statistics
    .filter(Number.isFinite)
    .map(Math.abs)
    .sort((a, b) => a - b)
  const count = sizes.length
  if (count === 0) return UNCALIBRATED
  if (count < QUANTILES_FROM) {
    let squares = 0
    for (const size of sizes) squares += Math.min(size, 8) ** 2
    return { count, scale: Math.max(1, Math.sqrt((squares + 4) / (count + 4))), tail: undefined }
  }
  const at = (q: number): number => sizes[Math.min(count - 1, Math.floor(q * count))] as number
  // 0.6745 and 1.6449: the same quantiles of |Z|.
  const scale = Math.max(1, at(0.5) / 0.6745, at(0.9) / 1.6449)
  if (count < TAIL_FROM) return { count, scale, tail: undefined }
  const threshold = at(0.9)
  const exceedances = sizes.filter((size) => size > threshold).map((size) => size - threshold)
  if (exceedances.length < 5) return { count, scale, tail: undefined }
  const fitted = fitGeneralisedPareto(exceedances)
  const shape = Math.max(0, Math.min(0.5, fitted.shape)) * (exceedances.length / (exceedances.length + 30))
  // Keeps the mean of the exceedances while the shape is shrunk.
  const scaleOfTail = (fitted.scale / Math.max(0.1, 1 - Math.min(0.9, fitted.shape))) * (1 - shape)
  return {
    count,
    scale,
    tail: { threshold, exceeded: exceedances.length / count, shape, scale: scaleOfTail },
  }
}

/**
 * One-sided tail probability of a studentised effect: the larger of what the rescaled model and the placebos' own tail say.
 * @param statistic the effect by its standard error, uncalibrated
 * @param model the model's upper tail, a decreasing function
 */
export function calibratedUpperTail(
  statistic: number,
  calibration: Calibration,
  model: (statistic: number) => number,
): number {
  const scaled = model(statistic / calibration.scale)
  const { tail } = calibration
  if (tail === undefined || statistic <= tail.threshold) return scaled
  return Math.max(scaled, (tail.exceeded / 2) * generalisedParetoTail(statistic - tail.threshold, tail))
}
