export interface GeneralisedPareto {
  readonly shape: number
  readonly scale: number
}

/**
 * Fits a generalised Pareto distribution to exceedances over a threshold, by probability-weighted moments, which behave
 * better than maximum likelihood in small samples. Source: Hosking and Wallis (1987), section 3.
 * @param exceedances >= 0, in any order, at least two
 */
export function fitGeneralisedPareto(exceedances: readonly number[]): GeneralisedPareto {
  const sorted = [...exceedances].sort((a, b) => a - b)
  const n = sorted.length
  let mean = 0
  let weighted = 0
  for (let i = 0; i < n; i++) {
    const x = sorted[i] as number
    mean += x / n
    weighted += (x * (1 - (i + 0.65) / n)) / n
  }
  const gap = mean - 2 * weighted
  if (mean <= 0 || gap <= 0) return { shape: 0, scale: Math.max(mean, Number.MIN_VALUE) }
  return { shape: 2 - mean / gap, scale: (2 * mean * weighted) / gap }
}

/** P(X > x) of a generalised Pareto distribution. @param x >= 0 */
export function generalisedParetoTail(x: number, { shape, scale }: GeneralisedPareto): number {
  if (Math.abs(shape) < 1e-9) return Math.exp(-x / scale)
  const base = 1 + (shape * x) / scale
  return base <= 0 ? 0 : base ** (-1 / shape)
}
