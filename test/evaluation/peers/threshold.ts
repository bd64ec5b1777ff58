import { type Method, present } from '../method.ts'

/** Relative change from which on the rule fires. */
const CHANGE = 0.25
const DAY = 86_400

/**
 * A percent-change alert as error trackers have them: mean of the window against the same clock time one day before (the window before, where a day
 * is not known), no allowance for noise. Sentry's metric alerts offer comparisons with one hour, day, week or month before and leave the
 * percentage to the user (docs.sentry.io, "Metric alert configuration"); 25 % here.
 */
export const threshold: Method = {
  name: 'threshold-25',
  prepare: (line, at, window) => {
    const day = Math.round(DAY / line.step)
    const then = at - day >= 0 ? mean(line.values.subarray(at - day, at - day + window)) : Number.NaN
    const last = mean(line.values.subarray(Math.max(0, at - window), at))
    // Its own end may lie after the moment, where a window is longer than a day.
    const earlier = Number.isNaN(then) || window > day ? last : then
    return (after) => {
      const level = mean(after)
      if (level === earlier) return { alarm: false, score: 0 }
      const change = Math.abs(level - earlier) / Math.abs(earlier)
      const ratio = level > 0 && earlier > 0 ? Math.abs(Math.log(level / earlier)) : change
      return { alarm: change > CHANGE, score: Math.min(ratio, 1e9) }
    }
  },
}

function mean(values: Float64Array): number {
  const some = present(values)
  return some.reduce((sum, value) => sum + value, 0) / some.length
}
