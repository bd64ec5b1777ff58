import { logMixture } from './log-mixture.ts'

/** Rates after that are bet on, as multiples of one event in the whole exposure before: lower ones cannot be told from it, but by what runs beside. */
const MULTIPLES = [10, 30, 100, 300, 1000, 3000, 10_000, 100_000] as const
const BESIDE_MULTIPLES = [0.01, 0.03, 0.1, 0.3, 1, 3, ...MULTIPLES] as const
const WEIGHTS = evenly(MULTIPLES.length)
const BESIDE_WEIGHTS = evenly(BESIDE_MULTIPLES.length)
const HALVES = evenly(2)
/** What runs beside has none, or at most so small a part of the rate: half of the bets each. */
const TRACES = 1 / 30
const NOBODY = { events: 0, exposure: 0 } as const

/**
 * Logarithm of the e-process for events of a kind that was absent before: k events in an exposure after, none in the exposure
 * before, against the null hypothesis that the rate is the same, whatever it is. A mixture of rates after (and none before) by
 * the largest likelihood that one rate could give both: universal inference, so exact for Poisson events and for every
 * rate (Wasserman, Ramdas, Balakrishnan 2020, section 8). For k events it is about ((before + after) / after)^k, the inverse of the exact p.
 * @param events of that kind after, bursts counted once (divide by their dispersion)
 * @param after exposure after, >= 0
 * @param before exposure before in which there was none, > 0
 * @param beside what others had meanwhile, of the same rate under the null hypothesis
 */
export function logAbsentEvidence(
  events: number,
  after: number,
  before: number,
  beside: { readonly events: number; readonly exposure: number } = NOBODY,
): number {
  if (!(after > 0) || !(before > 0)) return 0
  const all = events + beside.events
  // Where others have it too, all may have changed: then what was before says nothing.
  const known = beside.exposure + (beside.events > 0 ? 0 : before)
  // Under one rate for all: -X + X log(X / exposure), maximal at X / exposure.
  const null_ = all > 0 ? all * (Math.log(all / (after + known)) - 1) : 0
  const isAlone = beside.exposure <= 0
  const multiples = isAlone ? MULTIPLES : BESIDE_MULTIPLES
  const terms = multiples.map((multiple) => {
    const rate = multiple / before
    return events * Math.log(rate) - rate * after + (isAlone ? 0 : logTraces(rate * TRACES, beside)) - null_
  })
  return logMixture(terms, isAlone ? WEIGHTS : BESIDE_WEIGHTS)
}

/** Logarithm of the likelihood of what runs beside: none at all, or a trace. @param rate of a trace */
function logTraces(
  rate: number,
  { events, exposure }: { readonly events: number; readonly exposure: number },
) {
  const none = events > 0 ? Number.NEGATIVE_INFINITY : 0
  return logMixture([none, events * Math.log(rate) - rate * exposure], HALVES)
}

/** Logarithms of as many equal weights. */
function evenly(count: number): readonly number[] {
  return Array.from({ length: count }, () => -Math.log(count))
}
