import { logMixture } from './log-mixture.ts'

/** Rates after that are bet on, as multiples of one event in the whole exposure before. */
const MULTIPLES = Float64Array.of(10, 30, 100, 300, 1000, 3000, 10_000, 100_000)
const WEIGHTS = MULTIPLES.map(() => -Math.log(MULTIPLES.length))
const terms = new Float64Array(MULTIPLES.length)

/**
 * Logarithm of the e-process for events of a kind that was absent before: k events in an exposure after, none in the exposure
 * before, against the null hypothesis that the rate is the same, whatever it is. A mixture of rates after (and none before) by
 * the largest likelihood that one rate could give both: universal inference, so exact for Poisson events and for every
 * rate (Wasserman, Ramdas, Balakrishnan 2020, section 8). For k events it is about ((before + after) / after)^k, the inverse of the exact p.
 * @param events of that kind after, bursts counted once (divide by their dispersion)
 * @param after exposure after, >= 0
 * @param before exposure before in which there was none, > 0
 */
export function logAbsentEvidence(events: number, after: number, before: number): number {
  if (!(after > 0) || !(before > 0)) return 0
  // Under one rate for both: -X + X log(X / (before + after)), maximal at X / (before + after).
  const null_ = events > 0 ? events * (Math.log(events / (before + after)) - 1) : 0
  for (let i = 0; i < terms.length; i++) {
    const rate = (MULTIPLES[i] as number) / before
    terms[i] = events * Math.log(rate) - rate * after - null_
  }
  return logMixture(terms, WEIGHTS)
}
