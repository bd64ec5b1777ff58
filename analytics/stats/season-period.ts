import { median, medianDeviation } from './median.ts'

/**
 * How many steps a season has, or 0 where none is evident: a local maximum of the autocorrelation of first differences that is
 * significant (2.58 / sqrt n) and comes again near two and three times its lag. Differences, since a trend or a level shift would hide
 * a season in the series itself; clipped at five robust deviations, since one spike would hide it there.
 * @param series evenly spaced, without gaps; under four periods of values are not enough
 */
export function seasonPeriod(series: Float64Array): number {
  const n = series.length
  if (n < 12) return 0
  const steps = new Float64Array(n - 1)
  for (let i = 1; i < n; i++) steps[i - 1] = (series[i] as number) - (series[i - 1] as number)
  const middle = median(steps)
  const scale = medianDeviation(steps)
  let mean = 0
  for (let i = 0; i < steps.length; i++) {
    if (scale > 0) {
      steps[i] = Math.min(middle + 5 * scale, Math.max(middle - 5 * scale, steps[i] as number))
    }
    mean += (steps[i] as number) / steps.length
  }
  const longest = Math.floor((3 * n) / 4) + 2
  const autocorrelation = new Float64Array(longest + 1)
  for (let lag = 0; lag <= longest; lag++) {
    let sum = 0
    for (let i = lag; i < steps.length; i++) {
      sum += ((steps[i] as number) - mean) * ((steps[i - lag] as number) - mean)
    }
    autocorrelation[lag] = sum
  }
  const variance = autocorrelation[0] as number
  if (!(variance > 0)) return 0
  const least = (2.58 / Math.sqrt(n)) * variance
  const peakNear = (lag: number, tolerance: number): number => {
    let best = -1
    for (let at = Math.max(2, lag - tolerance); at <= Math.min(longest - 1, lag + tolerance); at++) {
      const here = autocorrelation[at] as number
      if (here <= least || here < (autocorrelation[at - 1] as number)) continue
      if (here < (autocorrelation[at + 1] as number)) continue
      if (best < 0 || here > (autocorrelation[best] as number)) best = at
    }
    return best
  }
  let period = 0
  let strongest = 0
  for (let lag = 3; lag <= n / 4; lag++) {
    if (peakNear(lag, 0) < 0) continue
    // Calendar months are not equally long: 3 % of play.
    const play = Math.ceil(0.03 * lag)
    const second = peakNear(2 * lag, play)
    const third = peakNear(3 * lag, 2 * play)
    if (second < 0 || third < 0) continue
    const strength =
      (autocorrelation[lag] as number) +
      (autocorrelation[second] as number) +
      (autocorrelation[third] as number)
    // A multiple of the period is as strong as the period: only what is clearly stronger replaces a shorter one.
    if (strength > 1.1 * strongest) {
      strongest = strength
      period = lag
    }
  }
  return period
}
