import { LOG_EFFECTS } from './effect-prior.ts'
import { factorOfCost, largestFactor, tiltCost, tiltScore } from './quadratic-variance.ts'

export interface PairedCounts {
  /** Events and exposure (same unit in both) of the new and of the old version in the same span of time. */
  readonly events: number
  readonly exposure: number
  readonly besideEvents: number
  readonly besideExposure: number
}

const EFFECTS = LOG_EFFECTS.map((log) => Math.exp(log))

/** An arm's tilted mean stays above this part of its mean, so that no bet needs a rate below 0. */
const LEAST_FACTOR = 0.01

/**
 * Adds to the log wealth of each alternative of effect-prior.ts what one span of both arms side by side earns against the null
 * hypothesis that the new version's rate is at most `edge` times the old one's, whatever the level that they share.
 *
 * Without overdispersion each is the likelihood ratio of the conditional binomial (Przyborowski and Wilenski 1940), made
 * sequential: a test supermartingale for Poisson counts, and for parts of all (bad of all, hypergeometric given the sum) since
 * those spread less. With it the bet on the new arm is the tilt of quadratic-variance.ts, and the one against the old arm is the
 * one that costs as much in expectation as the other wins, so that the level, and every shock that both arms share, cancels.
 * Exact for counts that are independent between arms and spans given the shared level, with a dispersion of at most the one
 * given. Spans without exposure in both arms change nothing.
 * @param wealth logarithms; entries `offset` to `offset + LOG_EFFECTS.length` are changed
 * @param edge ratio, > 0
 * @param up true: alternatives are above the edge; false: below
 */
export function addPairedEvidence(
  wealth: Float64Array | number[],
  offset: number,
  counts: PairedCounts,
  edge: number,
  dispersion: number,
  up: boolean,
): void {
  const { events, exposure, besideEvents, besideExposure } = counts
  if (!(exposure > 0 && besideExposure > 0)) return
  const share = (edge * exposure) / (edge * exposure + besideExposure)
  const rest = 1 - share
  const limit = largestFactor(dispersion)
  const least = tiltCost(LEAST_FACTOR, dispersion)
  for (let i = 0; i < LOG_EFFECTS.length; i++) {
    const effect = up ? (EFFECTS[i] as number) : 1 / (EFFECTS[i] as number)
    let factor = Math.min(limit, effect / (effect * share + rest))
    let cost = tiltCost(factor, dispersion)
    let besideCost = (-share * cost) / rest
    if (besideCost < least) {
      besideCost = least
      cost = (-rest * least) / share
      factor = factorOfCost(cost, dispersion)
    }
    const besideFactor = factorOfCost(besideCost, dispersion)
    wealth[offset + i] =
      (wealth[offset + i] as number) +
      events * tiltScore(factor, dispersion, cost) +
      besideEvents * tiltScore(besideFactor, dispersion, besideCost)
  }
}
