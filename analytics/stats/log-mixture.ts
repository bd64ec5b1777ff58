/**
 * Logarithm of a weighted mean of e-values given as logarithms, which is an e-value whatever their dependence
 * (Vovk and Wang 2021, proposition 3.1).
 * @param logs may hold -Infinity (a lost bet) and Infinity
 * @param logWeights of weights that add up to at most 1
 * @param offset first entry of `logs` that belongs to the mixture; it has as many as there are weights
 */
export function logMixture(logs: ArrayLike<number>, logWeights: ArrayLike<number>, offset = 0): number {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logWeights.length; i++) {
    const term = (logs[offset + i] as number) + (logWeights[i] as number)
    if (term > largest) largest = term
  }
  if (!Number.isFinite(largest)) return largest
  let sum = 0
  for (let i = 0; i < logWeights.length; i++) {
    const below = (logs[offset + i] as number) + (logWeights[i] as number) - largest
    // e^-40 adds nothing to a double.
    if (below > -40) sum += Math.exp(below)
  }
  return largest + Math.log(sum)
}
