/** Longest memory of a level that a window can tell from its mean: a sixth of the window; judged by coverage (test/evaluation, part E). */
const WINDOWS_BY_MEMORY = 6
/** Beyond this correlation of neighbours a level is a drift, which no window's own minutes show. */
const LARGEST_CORRELATION = 0.95
/** Autocorrelations that the level's share is taken from. */
const LAGS = 12
const ROUNDS = 3

/**
 * Variance of the sum of counts (or means) about a level that moves by itself, mean zero, one a minute, as large as the longest memory makes it that the window can
 * tell: where two arms are compared in the same minutes there is no time before that shows how their levels wander, and estimates of the memory itself
 * come out too short in short windows. Under an AR(1) level of correlation phi and share s of the variance, the rest independent, autocorrelations are s phi^k
 * (Box and Jenkins 1976, section 3.4), and the sum's variance is 1 + 2 s phi / (1 - phi) times that of independent minutes. phi is set, s is fitted by least
 * squares; both are corrected for the mean that was taken off (Kendall 1954), whose variance each autocovariance lacks.
 * @param series oldest first, the mean taken off
 * @param doubt standard errors by which more is taken to wander than is estimated: of independent minutes, an autocorrelation's is 1 / sqrt(n) (Bartlett 1946)
 * @returns never below that of independent minutes
 */
export function longestMemoryVariance(series: Float64Array, doubt = 0): number {
  const n = series.length
  const autocovariance = (lag: number): number => {
    let cross = 0
    for (let i = lag; i < n; i++) cross += (series[i] as number) * (series[i - lag] as number)
    return cross
  }
  const zero = autocovariance(0)
  if (zero === 0) return 0
  const correlations = Array.from(
    { length: Math.min(LAGS, Math.floor(n / 3)) },
    (_, i) => autocovariance(i + 1) / zero,
  )
  const phi = Math.min(LARGEST_CORRELATION, Math.exp(-WINDOWS_BY_MEMORY / n))
  let inflation = 1
  for (let round = 0; round < ROUNDS; round++) {
    const missing = Math.min(0.5, inflation / n)
    let top = 0
    let bottom = 0
    correlations.forEach((correlation, i) => {
      const weight = phi ** (i + 1)
      top += weight * (correlation * (1 - missing) + missing)
      bottom += weight * weight
    })
    const share = bottom === 0 ? 0 : Math.min(1, Math.max(0, top / bottom + doubt / Math.sqrt(n * bottom)))
    inflation = 1 + (2 * share * phi) / (1 - phi)
    inflation /= 1 - Math.min(0.5, inflation / n)
  }
  return inflation * zero
}
