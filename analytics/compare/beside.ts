import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'
import { mixtureUpperQuantile, mixtureUpperTail } from '../stats/student-mixture.ts'
import { type SumPosterior, sumPosterior } from '../stats/sum-posterior.ts'

/** What each minute adds to an arm's estimate. */
interface Influences {
  readonly influence: Float64Array
  /** Turns the estimate's unit into the scale of the effect (1 by the level for log ratios). */
  readonly factor: number
  /** Time of the first entry, seconds. */
  readonly start: number
}

/** Share of the error above which it is the level's wandering that leaves a comparison open, not the number of events. */
const WANDERING_FROM = 0.75

/**
 * What the minutes that two versions share say of the error of the difference between them: the series of their differences, so that shocks that both have cancel, and levels that
 * move apart by themselves count, as long as they may last.
 * @param after, before undefined: an arm that has nothing to add (no events)
 */
export function besidePosterior(
  before: Influences | undefined,
  after: Influences | undefined,
  step: number,
): SumPosterior {
  const arms = [before, after].filter((arm) => arm !== undefined)
  const start = Math.min(...arms.map((arm) => arm.start))
  const length = Math.max(0, ...arms.map((arm) => (arm.start - start) / step + arm.influence.length))
  const difference = new Float64Array(Math.round(length))
  const add = (arm: Influences | undefined, sign: number): void => {
    if (arm === undefined) return
    const offset = Math.round((arm.start - start) / step)
    arm.influence.forEach((value, i) => {
      difference[offset + i] = (difference[offset + i] as number) + sign * arm.factor * value
    })
  }
  add(after, 1)
  add(before, -1)
  return sumPosterior(difference)
}

/** Score, interval and error of an estimate whose distribution is that of the posterior. */
export function besideEstimate(effect: number, error: number, posterior: SumPosterior) {
  const { distribution } = posterior
  const reach = (score: number): number => error * mixtureUpperQuantile(normalUpperTail(score), distribution)
  return {
    score: (at: number): number =>
      error > 0 ? normalScore((effect - at) / error, posterior) : Math.sign(effect - at) * LARGEST_SCORE,
    bounds: (score: number): [number, number] => [effect - reach(score), effect + reach(score)],
    // The scores are normal ones.
    degreesOfFreedom: 1e7,
    /** Of the normal distribution that has the same 95 % bound. */
    variance: (reach(ONE_SIDED) / ONE_SIDED) ** 2,
  }
}

/** What is certain has no larger one: infinite scores cannot be stored. */
const LARGEST_SCORE = 37
const ONE_SIDED = 1.6449

export function normalScore(statistic: number, { distribution }: SumPosterior): number {
  const score = normalUpperQuantile(Math.max(1e-300, mixtureUpperTail(Math.abs(statistic), distribution)))
  return statistic < 0 ? -score : score
}

/** Whether most of the error comes from levels that move apart by themselves. */
export function wandering({ variance, independent }: SumPosterior): boolean {
  return variance > 0 && 1 - independent / variance > WANDERING_FROM
}
