export interface Occasion {
  /** Seconds since the epoch. */
  readonly time: number
  /** What a comparison found at that time, though nothing was released; on the log scale. */
  readonly effect: number
}

export interface Season {
  /** What a comparison at this time of day finds by itself. */
  expected(this: void, time: number): { readonly effect: number; readonly variance: number }
  /** Variance of one occasion around that: drift, bursts and noise together. */
  readonly variance: number
  readonly degreesOfFreedom: number
  /** Whether the occasions show a season at all. */
  readonly evident: boolean
  readonly count: number
  /** Of the occasions, by their standard deviation; leverage allowed for. */
  readonly residuals: readonly number[]
}

const DAY = 86_400
/** Occasions from which on a day's season is fitted, and from which on with a second harmonic. */
const FEWEST = 12
const SECOND_FROM = 28
/** F statistic of the fit from which on there is a season: by chance in about one of a hundred series. */
const EVIDENT = 3.6
/** Standard deviation of a harmonic before anything is seen (log scale): keeps a fit of few occasions near "no season". */
const PRIOR = 0.3

/**
 * The season of the day in effects of placebos: harmonic regression on the time of day without an intercept (a level does not
 * change by itself on average), with a ridge that few occasions cannot pull away from zero.
 * @param occasions any order
 * @returns undefined with fewer than twelve occasions
 */
export function fitSeason(occasions: readonly Occasion[]): Season | undefined {
  const count = occasions.length
  if (count < FEWEST) return undefined
  const size = count >= SECOND_FROM ? 4 : 2
  let squares = 0
  for (const { effect } of occasions) squares += effect * effect
  if (squares === 0) return undefined
  // Two rounds: the ridge needs the variance that the fit leaves.
  let noise = squares / count
  let inverse: number[][] = []
  let weights: number[] = []
  for (let round = 0; round < 2; round++) {
    const matrix = Array.from({ length: size }, (_, i) =>
      Array.from({ length: size }, (_, j) => (i === j ? noise / PRIOR ** 2 : 0)),
    )
    const target = new Array<number>(size).fill(0)
    for (const { time, effect } of occasions) {
      const x = harmonics(time, size)
      for (let i = 0; i < size; i++) {
        target[i] = (target[i] as number) + (x[i] as number) * effect
        const row = matrix[i] as number[]
        for (let j = 0; j < size; j++) row[j] = (row[j] as number) + (x[i] as number) * (x[j] as number)
      }
    }
    inverse = inverseOf(matrix)
    weights = inverse.map((row) => row.reduce((sum, value, j) => sum + value * (target[j] as number), 0))
    let left = 0
    for (const { time, effect } of occasions) left += (effect - dot(weights, harmonics(time, size))) ** 2
    noise = Math.max(left / (count - size), squares * 1e-12)
  }
  const leverage = (time: number): number => {
    const x = harmonics(time, size)
    return dot(
      x,
      inverse.map((row) => dot(row, x)),
    )
  }
  return {
    expected: (time) => ({
      effect: dot(weights, harmonics(time, size)),
      variance: noise * leverage(time),
    }),
    variance: noise,
    degreesOfFreedom: count - size,
    evident: (squares - noise * (count - size)) / size > EVIDENT * noise,
    count,
    residuals: occasions.map(
      ({ time, effect }) =>
        (effect - dot(weights, harmonics(time, size))) / Math.sqrt(noise * Math.max(0.1, 1 - leverage(time))),
    ),
  }
}

function harmonics(time: number, size: number): number[] {
  const angle = (2 * Math.PI * (time % DAY)) / DAY
  const x = [Math.cos(angle), Math.sin(angle)]
  if (size === 4) x.push(Math.cos(2 * angle), Math.sin(2 * angle))
  return x
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
}

/** Gauss and Jordan, of a positive definite matrix of a few rows. */
function inverseOf(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))])
  for (let i = 0; i < n; i++) {
    const pivot = rows[i] as number[]
    const scale = pivot[i] as number
    for (let j = 0; j < 2 * n; j++) pivot[j] = (pivot[j] as number) / scale
    for (let k = 0; k < n; k++) {
      if (k === i) continue
      const row = rows[k] as number[]
      const factor = row[i] as number
      for (let j = 0; j < 2 * n; j++) row[j] = (row[j] as number) - factor * (pivot[j] as number)
    }
  }
  return rows.map((row) => row.slice(n))
}
