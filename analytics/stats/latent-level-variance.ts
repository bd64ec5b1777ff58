/** Lags whose decline shows how long a latent level lasts. */
const DECLINE_LAGS = 4

/**
 * Variance of the sum of counts (or means) about a slowly moving level, mean zero, one a minute: independent noise hides the level from the first autocorrelation, but not from how slowly the
 * later ones decline. An ARMA(1,1) has autocovariances that fall by one factor phi from lag to lag (Box and Jenkins 1976, section 3.4), so the sum of all is
 * gamma_0 + 2 gamma_1 / (1 - phi); phi by least squares of each on the one before.
 * @param series oldest first, the mean taken off
 * @returns 0 where no dependence is evident
 */
export function latentLevelVariance(series: Float64Array): number {
  const n = series.length
  const gamma = Array.from({ length: DECLINE_LAGS + 2 }, (_, lag) => {
    let cross = 0
    for (let i = lag; i < n; i++) cross += (series[i] as number) * (series[i - lag] as number)
    return cross
  })
  let head = 0
  for (let lag = 1; lag <= DECLINE_LAGS; lag++) head += gamma[lag] as number
  // Beyond what independent minutes show by chance: their sum has a variance of lags by n.
  if (head <= 1.3 * Math.sqrt(DECLINE_LAGS / n) * (gamma[0] as number)) return 0
  let top = 0
  let bottom = 0
  for (let lag = 1; lag <= DECLINE_LAGS; lag++) {
    top += (gamma[lag + 1] as number) * (gamma[lag] as number)
    bottom += (gamma[lag] as number) ** 2
  }
  const raw = top / bottom
  const phi = Math.min(0.97, Math.max(0, raw + (1 + 3 * Math.max(0, raw)) / n))
  // The first lags as they are, together: gamma_1 (1 - phi^L) / (1 - phi) is what they add up to.
  const tail = 2 / (1 - phi ** DECLINE_LAGS)
  // Each autocovariance is too small by the variance of the mean, which is taken off: so is their sum, in proportion to itself.
  const missing = Math.min(0.5, (1 + tail * DECLINE_LAGS) / n)
  return ((gamma[0] as number) + tail * head) / (1 - missing)
}
