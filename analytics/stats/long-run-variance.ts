export interface LongRunVariance {
  /** Variance of the sum of the series, dependence included; never below `independent`. */
  readonly variance: number
  /** The same if the minutes were independent. */
  readonly independent: number
  /** Lag-one autocorrelation. */
  readonly autocorrelation: number
  /** Bandwidth used, in steps. */
  readonly lag: number
  /** How well the variance is known, in the sense of Satterthwaite: fewer for dependent and for heavy-tailed series. */
  readonly degreesOfFreedom: number
}

/**
 * Variance of the sum of a dependent series with mean zero (residuals or influence values, one a minute, gaps as zeros):
 * Newey and West (1987) with Bartlett weights and the AR(1) plug-in bandwidth of Andrews (1991, eq. 6.4), on a series
 * that is prewhitened by an AR(1) where it is strongly dependent (Andrews and Monahan 1992), since the plain estimator is
 * far too small there. Negative dependence is not credited.
 * @param series oldest first
 */
export function longRunVariance(series: Float64Array): LongRunVariance {
  const n = series.length
  let squares = 0
  let fourth = 0
  let cross = 0
  let previous = 0
  for (let i = 0; i < n; i++) {
    const u = series[i] as number
    squares += u * u
    fourth += u * u * u * u
    cross += u * previous
    previous = u
  }
  if (n < 2 || squares === 0) {
    return { variance: 0, independent: 0, autocorrelation: 0, lag: 0, degreesOfFreedom: Math.max(1, n - 1) }
  }
  const autocorrelation = cross / squares
  const independent = (squares * n) / (n - 1)
  let variance: number
  let lag: number
  if (autocorrelation > PREWHITEN_FROM) {
    // The estimate of an autocorrelation is too small by about (1 + 3 rho) / n (Kendall 1954).
    const rho = Math.min(0.97, autocorrelation + (1 + 3 * autocorrelation) / n)
    const white = new Float64Array(n - 1)
    for (let i = 1; i < n; i++) white[i - 1] = (series[i] as number) - rho * (series[i - 1] as number)
    lag = bandwidth(white)
    variance = (bartlett(white, lag) * n) / (n - 1) / (1 - rho) ** 2
  } else {
    lag = bandwidth(series)
    variance = bartlett(series, lag)
  }
  variance = Math.max(independent, (variance * n) / (n - 1))
  const kurtosis = (n * fourth) / (squares * squares)
  const effective = (((2 * n) / Math.max(2, kurtosis - 1)) * independent) / variance
  return {
    variance,
    independent,
    autocorrelation,
    lag,
    degreesOfFreedom: Math.min(n - 1, Math.max(2, effective - 1)),
  }
}

/** Below this the bandwidth alone copes, and prewhitening would add noise. */
const PREWHITEN_FROM = 0.3

function bandwidth(series: Float64Array): number {
  const n = series.length
  let squares = 0
  let cross = 0
  for (let i = 0; i < n; i++) {
    const u = series[i] as number
    squares += u * u
    if (i > 0) cross += u * (series[i - 1] as number)
  }
  if (squares === 0) return 0
  const rho = Math.max(-0.9, Math.min(0.9, cross / squares))
  const alpha = (4 * rho * rho) / ((1 - rho) ** 2 * (1 + rho) ** 2)
  const lag = Math.ceil(1.1447 * (alpha * n) ** (1 / 3))
  // At least a few steps: bursts reach over neighbouring minutes even where lag one shows nothing.
  return Math.min(Math.max(lag, Math.ceil(0.75 * n ** (1 / 3))), Math.floor(n / 4))
}

/** Sum of squares with weighted cross products up to `lag`: the variance of the sum, by Newey and West (1987, eq. 5). */
export function bartlett(series: Float64Array, lag: number): number {
  const n = series.length
  let total = 0
  for (let i = 0; i < n; i++) total += (series[i] as number) ** 2
  for (let l = 1; l <= lag; l++) {
    let cross = 0
    for (let i = l; i < n; i++) cross += (series[i] as number) * (series[i - l] as number)
    total += 2 * (1 - l / (lag + 1)) * cross
  }
  return total
}
