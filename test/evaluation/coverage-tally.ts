/** Minutes of the two windows. */
export const BEFORE = 720
export const AFTER = 120
/** The true effect: large enough that an interval around no change would miss it. */
export const EFFECT = 1.3
export const DESIGNS = ['before-after', 'side-by-side'] as const
export type Design = (typeof DESIGNS)[number]

/** Levels at which coverage is counted. */
export const CONFIDENCES = [0.5, 0.8, 0.95, 0.99] as const

/** Intervals of one comparison by what they are of. */
export type Intervals = ReadonlyMap<string, readonly [number, number]>

export interface Coverage {
  /** Share of runs that gave an interval; the others say that they cannot decide. */
  readonly decided: number
  /** Share of the intervals that hold the truth, by confidence in percent. */
  readonly coverage: Readonly<Record<string, number>>
  /** Worst shortfall of any level, in points, less what the runs leave open (two binomial standard errors). */
  readonly shortfall: number
  /** Mean width of the intervals of 95 % on the log scale. */
  readonly width: number
}

/**
 * How often intervals hold the true effect.
 * @param draw makes one occasion, which is compared at each error
 */
export function tally(runs: number, draw: () => (alpha: number) => Intervals): ReadonlyMap<string, Coverage> {
  const counts = new Map<string, { held: number[]; decided: number; width: number }>()
  for (let i = 0; i < runs; i++) {
    const compare = draw()
    CONFIDENCES.forEach((confidence, at) => {
      for (const [name, [low, high]] of compare(1 - confidence)) {
        const count = counts.get(name) ?? { held: CONFIDENCES.map(() => 0), decided: 0, width: 0 }
        counts.set(name, count)
        if (at === 0) count.decided += 1
        if (confidence === 0.95) count.width += Math.log(high / low)
        if (low <= EFFECT && EFFECT <= high) count.held[at] = (count.held[at] as number) + 1
      }
    })
  }
  return new Map(
    [...counts].map(([name, { held, decided, width }]) => {
      const shares = held.map((count) => count / decided)
      const shortfalls = CONFIDENCES.map(
        (confidence, at) =>
          confidence - (shares[at] as number) - 2 * Math.sqrt((confidence * (1 - confidence)) / decided),
      )
      const coverage = Object.fromEntries(
        CONFIDENCES.map((confidence, at) => [String(Math.round(confidence * 100)), shares[at] as number]),
      )
      return [
        name,
        {
          decided: decided / runs,
          coverage,
          shortfall: 100 * Math.max(0, ...shortfalls),
          width: width / decided,
        },
      ]
    }),
  )
}

/** What may be missing, in points: one, beyond what the runs leave open. */
export const fallsShort = ({ shortfall }: Coverage): boolean => shortfall > 1

/** In percent; a dash where there is none. */
export const percent = (share: number | undefined): string =>
  share === undefined || Number.isNaN(share) ? '–' : (100 * share).toFixed(1)
