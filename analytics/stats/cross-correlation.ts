/** Autocorrelations that are looked at; later ones are noise. */
const LAGS = 20

/**
 * Correlation of two series of the same minutes, by its standard error if they had nothing to do with each other: series that wander for themselves look alike more often than noise does.
 * Source: Bartlett (1946): variance (1 + 2 sum of r_k s_k) / n, of the autocorrelations r_k and s_k of either.
 * @returns signed; 0 where one does not move
 */
export function crossCorrelationScore(a: Float64Array, b: Float64Array): number {
  const n = a.length
  const [first, second] = [centred(a), centred(b)]
  const squares = [product(first, first, 0), product(second, second, 0)] as const
  if (squares[0] === 0 || squares[1] === 0) return 0
  let memory = 0
  for (let lag = 1; lag <= Math.min(LAGS, n / 4); lag++) {
    memory += (product(first, first, lag) / squares[0]) * (product(second, second, lag) / squares[1])
  }
  const error = Math.sqrt((1 + 2 * Math.max(0, memory)) / n)
  return product(first, second, 0) / Math.sqrt(squares[0] * squares[1]) / error
}

function centred(series: Float64Array): Float64Array {
  const mean = series.reduce((sum, x) => sum + x, 0) / series.length
  return series.map((x) => x - mean)
}

function product(a: Float64Array, b: Float64Array, lag: number): number {
  let sum = 0
  for (let i = lag; i < a.length; i++) sum += (a[i] as number) * (b[i - lag] as number)
  return sum
}
