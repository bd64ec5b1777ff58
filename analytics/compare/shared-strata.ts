import type { Strata } from '../stats/stratified-ratio.ts'
import type { Aligned } from './align.ts'

export interface SharedStrata extends Strata {
  /** Strata with both arms. */
  readonly filled: number
}

/** Strata that a window is divided into at least, and those of them with both arms without which no dependence between them can be estimated. */
const FEWEST = 12
const FEWEST_SHARED = 8
/** Of what longer strata would tell of the ratio, shorter ones are to tell this much. */
const ENOUGH = 0.95
/** Of what the whole window would tell if its level stood still; with less the arms are hardly ever there at once. */
const LEAST = 0.5

/**
 * Minutes that two arms share, the fewest together (up to a twelfth of the window) that nearly always hold both of them: minute by minute where there is traffic enough, since what moves both moves within
 * minutes, too. Strata with one arm only tell nothing of the ratio and are empty.
 * @returns undefined where the arms share too little of their time
 */
export function sharedStrata(before: Aligned, after: Aligned): SharedStrata | undefined {
  const start = Math.min(before.start, after.start)
  const end = Math.max(...[before, after].map((arm) => arm.start + arm.numerator.length * arm.step))
  const minutes = Math.round((end - start) / after.step)
  const longest = Math.max(1, Math.floor(minutes / FEWEST))
  const of = (length: number): SharedStrata => strataOf(before, after, start, minutes, length)
  const most = of(longest)
  const wanted = ENOUGH * overlap(most)
  const whole = overlap(of(minutes))
  if (most.filled < FEWEST_SHARED || wanted < LEAST * whole) return undefined
  for (let length = 1; length < longest; length++) {
    const strata = of(length)
    if (overlap(strata) >= wanted) return strata
  }
  return most
}

function strataOf(
  before: Aligned,
  after: Aligned,
  start: number,
  minutes: number,
  length: number,
): SharedStrata {
  const count = Math.ceil(minutes / length)
  const sums = (arm: Aligned, values: Float64Array): Float64Array => {
    const offset = Math.round((arm.start - start) / arm.step)
    const result = new Float64Array(count)
    values.forEach((value, i) => {
      const at = Math.floor((offset + i) / length)
      result[at] = (result[at] as number) + value
    })
    return result
  }
  const strata = {
    after: sums(after, after.numerator),
    before: sums(before, before.numerator),
    exposureAfter: sums(after, after.denominator),
    exposureBefore: sums(before, before.denominator),
  }
  let filled = 0
  for (let i = 0; i < count; i++) {
    if ((strata.exposureAfter[i] as number) > 0 && (strata.exposureBefore[i] as number) > 0) filled += 1
    else for (const values of Object.values(strata)) values[i] = 0
  }
  return { ...strata, filled }
}

/** What a difference of two rates of one level is told by: the inverse of the sum of both inverse exposures, over all strata. */
function overlap({ exposureAfter, exposureBefore, filled }: SharedStrata): number {
  let total = 0
  for (let i = 0; i < exposureAfter.length && filled > 0; i++) {
    const [a, b] = [exposureAfter[i] as number, exposureBefore[i] as number]
    if (a > 0 && b > 0) total += (a * b) / (a + b)
  }
  return total
}
