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
  const present = levels.filter((level) => !Number.isNaN(level))
  const steps = new Float64Array(Math.max(0, present.length - 1))
  let sum = 0
  for (let i = 0; i < steps.length; i++) {
    steps[i] = Math.abs((present[i + 1] as number) - (present[i] as number))
    sum += steps[i] as number
  }
  const sizes = present.map(Math.abs)
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0)
  const typical = medianOf(steps)
  const c = Math.max(
    // Where most steps are none, a part of their mean.
    typical > 0 ? typical : sum / Math.max(1, steps.length) / 4,
    1e-3 * medianOf(sizes),
    1e-6 * largest,
  )
  const unit = c > 0 ? c : 1
  return { of: (level) => Math.asinh(level / unit), back: (stabilised) => unit * Math.sinh(stabilised) }
}

/** The upper one of two; 0 of none. */
function medianOf(values: Float64Array): number {
  return values.length === 0 ? 0 : kthSmallest(values, values.length >> 1)
}
