import { before, type Method, present } from '../method.ts'
import { sampleOf, welch } from './welch.ts'

/** Points of the window after from which on somebody looks. */
const FIRST_LOOK = 3

/** Welch's t test at 1 % again with each new point of the window after: the smallest p of all looks is taken for one p. */
export const repeatedLooking: Method = {
  name: 'repeated-looking',
  prepare: (line, at, window) => {
    const earlier = sampleOf(before(line, at, window))
    return (after) => {
      const values = present(after)
      let smallest = 1
      for (let look = FIRST_LOOK; look <= values.length; look++) {
        const { p } = welch(earlier, sampleOf(values.subarray(0, look)))
        if (p < smallest) smallest = p
      }
      return { alarm: smallest <= 0.01, score: -Math.log10(Math.max(smallest, 1e-300)), p: smallest }
    }
  },
}
