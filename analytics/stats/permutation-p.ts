/**
 * p-value of a test by random permutations, (b + 1) / (m + 1): the observed arrangement is one of them, so it is never zero.
 * Source: Phipson and Smyth (2010), *Permutation p-values should never be zero*, eq. 1.
 * @param observed larger is more extreme
 * @param permuted gives the statistic of one more random arrangement
 * @param rounds m, at least 1
 */
export function permutationP(observed: number, permuted: () => number, rounds: number): number {
  let extreme = 0
  for (let round = 0; round < rounds; round++) {
    // Equal but for rounding counts as equal: ties are extreme.
    if (permuted() >= observed * (1 - 1e-12)) extreme++
  }
  return (extreme + 1) / (rounds + 1)
}

/** Puts values into a random order, in place (Fisher and Yates). */
export function shuffle(values: Float64Array | Int32Array, random: () => number): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = values[i] as number
    values[i] = values[j] as number
    values[j] = held
  }
}
