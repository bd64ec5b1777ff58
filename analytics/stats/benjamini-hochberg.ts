/**
 * Adjusted p-values of the step-up procedure of Benjamini and Hochberg (1995): rejecting where they are at most q keeps the
 * false-discovery rate at q, for tests that are independent or positively dependent (Benjamini and Yekutieli 2001).
 * @param pValues 0 to 1
 * @returns in the order given
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  return stepUp(pValues, pValues.length)
}

/**
 * The same under any dependence: Benjamini and Yekutieli (2001), theorem 1.3, at the price of a factor of about log n.
 */
export function benjaminiYekutieli(pValues: readonly number[]): number[] {
  let harmonic = 0
  for (let i = 1; i <= pValues.length; i++) harmonic += 1 / i
  return stepUp(pValues, pValues.length * harmonic)
}

function stepUp(pValues: readonly number[], factor: number): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[b] as number) - (pValues[a] as number))
  const adjusted = new Array<number>(pValues.length).fill(1)
  let least = 1
  order.forEach((index, fromLargest) => {
    const rank = pValues.length - fromLargest
    least = Math.min(least, ((pValues[index] as number) * factor) / rank)
    adjusted[index] = least
  })
  return adjusted
}
