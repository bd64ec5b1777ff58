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
 * @param rows features, all of one length and in the unit of the targets
 * @param overlap rows that share their data: each counts for one in so many
 */
export function robustRidge(rows: readonly Float64Array[], targets: Float64Array, overlap: number): RidgeFit {
  const size = rows[0]?.length ?? 0
  const weights = new Float64Array(rows.length).fill(1 / overlap)
  const left = new Float64Array(rows.length)
  let coefficients = new Float64Array(size)
  let inverse = new Float64Array(size * size)
  let noise = Math.max(robustScale(targets), 1e-12)
  for (let round = 0; round < ROUNDS; round++) {
    const gram = new Float64Array(size * size)
    const moments = new Float64Array(size)
    rows.forEach((x, i) => {
      for (let r = 0; r < size; r++) {
        const weighted = (x[r] as number) * (weights[i] as number)
        moments[r] = (moments[r] as number) + weighted * (targets[i] as number)
        for (let c = 0; c <= r; c++) {
          gram[r * size + c] = (gram[r * size + c] as number) + weighted * (x[c] as number)
        }
      }
    })
    for (let r = 0; r < size; r++) gram[r * size + r] = (gram[r * size + r] as number) + (noise / PRIOR) ** 2
    inverse = inverseOf(gram, size)
    coefficients = coefficients.map((_, r) => dot(inverse.subarray(r * size, (r + 1) * size), moments))
    rows.forEach((x, i) => {
      left[i] = (targets[i] as number) - dot(coefficients, x)
    })
    noise = Math.max(robustScale(left), 1e-12)
    for (let i = 0; i < weights.length; i++) {
      weights[i] = Math.min(1, (HUBER * noise) / Math.max(Math.abs(left[i] as number), 1e-300)) / overlap
    }
  }
  const leverage = (x: Float64Array): number => {
    let sum = 0
    for (let r = 0; r < size; r++) {
      sum += (x[r] as number) * dot(inverse.subarray(r * size, (r + 1) * size), x)
    }
    return sum
  }
  return {
    coefficients,
    residuals: left.map((residual, i) => {
      // Left out with all that overlap it.
      const own = leverage(rows[i] as Float64Array) * (weights[i] as number) * overlap
      return residual / (1 - Math.min(MOST_LEVERAGE, own))
    }),
    leverage,
  }
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
