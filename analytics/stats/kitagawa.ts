export interface Stratum {
  /** Weight in the whole (requests, events), not normalised. */
  readonly weightBefore: number
  readonly weightAfter: number
  /** Level in the stratum (share, mean, mean of logarithms); ignored where the weight is 0. */
  readonly levelBefore: number
  readonly levelAfter: number
}

/**
 * Splits the change of a weighted mean into what the strata did and what traffic moving between them did. The parts add up to
 * the total exactly. A stratum that exists on one side only takes the other side's level from itself, so all of its effect is
 * mix. Source: Kitagawa (1955), eq. 2 (both components with averaged weights; no interaction).
 */
export function kitagawa(strata: readonly Stratum[]): { total: number; rate: number; mix: number } {
  let before = 0
  let after = 0
  for (const stratum of strata) {
    before += stratum.weightBefore
    after += stratum.weightAfter
  }
  let rate = 0
  let mix = 0
  if (before <= 0 || after <= 0) return { total: Number.NaN, rate: Number.NaN, mix: Number.NaN }
  for (const stratum of strata) {
    const from = stratum.weightBefore / before
    const to = stratum.weightAfter / after
    const levelBefore = from > 0 ? stratum.levelBefore : to > 0 ? stratum.levelAfter : 0
    const levelAfter = to > 0 ? stratum.levelAfter : levelBefore
    rate += ((from + to) / 2) * (levelAfter - levelBefore)
    mix += (to - from) * ((levelAfter + levelBefore) / 2)
  }
  return { total: rate + mix, rate, mix }
}
