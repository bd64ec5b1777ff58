/**
 * Adjusted p-values of Holm (1979): rejecting where they are at most alpha keeps the probability of any false rejection at
 * alpha, under any dependence.
 * @param pValues 0 to 1
 * @returns in the order given
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number))
  const adjusted = new Array<number>(pValues.length).fill(1)
  let most = 0
  order.forEach((index, rank) => {
    most = Math.max(most, Math.min(1, (pValues[index] as number) * (pValues.length - rank)))
    adjusted[index] = most
  })
  return adjusted
}
