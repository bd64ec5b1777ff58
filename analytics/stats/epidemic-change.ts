/** A level that was another one for a while, and then the first again. */
export interface EpidemicChange {
  /** First entry of the changed stretch, and the first after it. */
  readonly from: number
  readonly to: number
  /** Whether entries between lie above the others. */
  readonly raised: boolean
  /** Highest minus lowest sum of the entries so far. */
  readonly range: number
  /** Probability of such a range, or a wider one, without any change. */
  readonly pValue: number
}

/** From here on one term of the series has all digits that matter. */
const TERMS = 100

/**
 * Tests a constant level against the epidemic alternative: another level on one stretch, the same before it and after it (Levin and Kline 1985, *The cusum test of homogeneity with an
 * application in spontaneous abortion epidemiology*). The statistic is the range of the sums of the entries so far; where these depend on each other and `deviation` has what
 * that adds, it is Lo's modified rescaled range (Lo 1991, *Long-term memory in stock market prices*, equation 3.6), whose limit is the range of a Brownian bridge.
 * @param influence deviations from the common level, oldest first, that add up to 0
 * @param deviation standard deviation of their sum, were they not made to add up to 0; > 0
 * @returns undefined where nothing deviates
 */
export function epidemicChange(influence: Float64Array, deviation: number): EpidemicChange | undefined {
  let sum = 0
  let [lowest, highest] = [0, 0]
  let [lowestAt, highestAt] = [0, 0]
  for (let i = 0; i < influence.length; i++) {
    sum += influence[i] as number
    if (sum < lowest) {
      lowest = sum
      lowestAt = i + 1
    }
    if (sum > highest) {
      highest = sum
      highestAt = i + 1
    }
  }
  if (highest === lowest || !(deviation > 0)) return undefined
  const range = highest - lowest
  return {
    from: Math.min(lowestAt, highestAt),
    to: Math.max(lowestAt, highestAt),
    raised: lowestAt < highestAt,
    range,
    pValue: bridgeRangeTail(range / deviation),
  }
}

/**
 * Probability that the range of a standard Brownian bridge is above `x`: Kuiper (1960), *Tests concerning random points on a circle*.
 * @param x >= 0
 */
export function bridgeRangeTail(x: number): number {
  // Below, the series needs ever more terms for what is 1 to ten digits.
  if (x < 0.4) return 1
  let tail = 0
  for (let j = 1; j <= TERMS; j++) {
    const square = (j * x) ** 2
    const term = 2 * (4 * square - 1) * Math.exp(-2 * square)
    tail += term
    if (Math.abs(term) < 1e-17) break
  }
  return Math.min(1, Math.max(0, tail))
}
