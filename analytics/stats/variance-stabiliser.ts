import { kthSmallest } from './kth-smallest.ts'

export interface Stabiliser {
  readonly of: (level: number) => number
  readonly back: (stabilised: number) => number
}

/**
 * asinh(x / c): the logarithm for levels far above the noise, linear near zero and across it, so that one scale serves series that are positive,
 * often zero or of both signs. c is the size of a step from one slot to the next, at least a thousandth of the median.
 * Source: Johnson (1949), the S_U transformation.
 * @param levels any order of magnitude; NaN where there is none
 */
export function varianceStabiliser(levels: Float64Array): Stabiliser {
  const sizes = new Float64Array(levels.length)
  const steps = new Float64Array(levels.length)
  let count = 0
  let last = Number.NaN
  let sum = 0
  let largest = 0
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i] as number
    if (Number.isNaN(level)) continue
    const size = Math.abs(level)
    if (size > largest) largest = size
    if (count > 0) {
      const step = Math.abs(level - last)
      steps[count - 1] = step
      sum += step
    }
    sizes[count++] = size
    last = level
  }
  const between = Math.max(0, count - 1)
  const typical = medianOf(steps.subarray(0, between))
  const c = Math.max(
    // Where most steps are none, a part of their mean.
    typical > 0 ? typical : sum / Math.max(1, between) / 4,
    1e-3 * medianOf(sizes.subarray(0, count)),
    1e-6 * largest,
  )
  const unit = c > 0 ? c : 1
  return { of: (level) => Math.asinh(level / unit), back: (stabilised) => unit * Math.sinh(stabilised) }
}

/** The upper one of two; 0 of none. */
function medianOf(values: Float64Array): number {
  return values.length === 0 ? 0 : kthSmallest(values, values.length >> 1)
}
