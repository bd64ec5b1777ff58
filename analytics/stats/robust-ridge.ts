import { robustScale } from './robust-scale.ts'

export interface RidgeFit {
  readonly coefficients: Float64Array
  /** Of each row, as if it had not been fitted. */
  readonly residuals: Float64Array
  /** Variance of a prediction at x by that of the noise. */
  readonly leverage: (this: void, x: Float64Array) => number
}

/** Standard deviation of a coefficient before anything is seen. */
const PRIOR = 0.25
/** Residuals beyond so many of their scale weigh less. */
const HUBER = 2.5
const ROUNDS = 4
/** More than this of a row's own weight is not taken out again. */
const MOST_LEVERAGE = 0.3

/**
 * Ridge regression without an intercept, by iteratively reweighted least squares with Huber's weights. Sources: Hoerl and Kennard (1970); Holland
 * and Welsch (1977).
 * @param features of each target, one row after the other and in the unit of the targets
 * @param overlap rows that share their data: each counts for one in so many
 */
export function robustRidge(features: Float64Array, targets: Float64Array, overlap: number): RidgeFit {
  const count = targets.length
  const size = count === 0 ? 0 : features.length / count
  const weights = new Float64Array(count).fill(1 / overlap)
  const left = new Float64Array(count)
  const coefficients = new Float64Array(size)
  const gram = new Float64Array(size * size)
  const moments = new Float64Array(size)
  let inverse = new Float64Array(size * size)
  let noise = Math.max(robustScale(targets), 1e-12)
  for (let round = 0; round < ROUNDS; round++) {
    gram.fill(0)
    moments.fill(0)
    for (let i = 0; i < count; i++) {
      const row = i * size
      const weight = weights[i] as number
      const target = targets[i] as number
      for (let r = 0; r < size; r++) {
        const weighted = (features[row + r] as number) * weight
        moments[r] = (moments[r] as number) + weighted * target
        for (let c = 0; c <= r; c++) {
          gram[r * size + c] = (gram[r * size + c] as number) + weighted * (features[row + c] as number)
        }
      }
    }
    for (let r = 0; r < size; r++) gram[r * size + r] = (gram[r * size + r] as number) + (noise / PRIOR) ** 2
    inverse = inverseOf(gram, size)
    for (let r = 0; r < size; r++) coefficients[r] = dot(inverse.subarray(r * size, (r + 1) * size), moments)
    for (let i = 0; i < count; i++) {
      let fitted = 0
      for (let r = 0; r < size; r++)
        fitted += (coefficients[r] as number) * (features[i * size + r] as number)
      left[i] = (targets[i] as number) - fitted
    }
    noise = Math.max(robustScale(left), 1e-12)
    for (let i = 0; i < count; i++) {
      weights[i] = Math.min(1, (HUBER * noise) / Math.max(Math.abs(left[i] as number), 1e-300)) / overlap
    }
  }
  /** @param at where x begins in a list */
  const leverage = (x: Float64Array, at = 0): number => {
    let sum = 0
    for (let r = 0; r < size; r++) {
      let inner = 0
      for (let c = 0; c < size; c++) inner += (inverse[r * size + c] as number) * (x[at + c] as number)
      sum += (x[at + r] as number) * inner
    }
    return sum
  }
  for (let i = 0; i < count; i++) {
    // Left out with all that overlap it.
    const own = leverage(features, i * size) * (weights[i] as number) * overlap
    left[i] = (left[i] as number) / (1 - Math.min(MOST_LEVERAGE, own))
  }
  return { coefficients, residuals: left, leverage: (x) => leverage(x) }
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Of a positive definite matrix, by Cholesky. @param lower its lower triangle, by rows */
function inverseOf(lower: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const factor = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = lower[i * size + j] as number
      for (let k = 0; k < j; k++) sum -= (factor[i * size + k] as number) * (factor[j * size + k] as number)
      factor[i * size + j] =
        i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / (factor[j * size + j] as number)
    }
  }
  const inverse = new Float64Array(size * size)
  const y = new Float64Array(size)
  for (let c = 0; c < size; c++) {
    for (let i = 0; i < size; i++) {
      let sum = i === c ? 1 : 0
      for (let k = 0; k < i; k++) sum -= (factor[i * size + k] as number) * (y[k] as number)
      y[i] = sum / (factor[i * size + i] as number)
    }
    for (let i = size - 1; i >= 0; i--) {
      let sum = y[i] as number
      for (let k = i + 1; k < size; k++)
        sum -= (factor[k * size + i] as number) * (inverse[k * size + c] as number)
      inverse[i * size + c] = sum / (factor[i * size + i] as number)
    }
  }
  return inverse
}
