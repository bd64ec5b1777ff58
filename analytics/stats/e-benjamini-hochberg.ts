/**
 * e-BH of Wang and Ramdas (2022), eq. 6: adjusted values of e-values; rejecting where they are at most q keeps the
 * false-discovery rate at q under any dependence.
 * @param eValues >= 0, each with expectation at most 1 under its null
 * @returns in the order given, 0 to 1
 */
export function eBenjaminiHochberg(eValues: readonly number[]): number[] {
  const n = eValues.length
  const order = eValues.map((_, i) => i).sort((a, b) => (eValues[a] as number) - (eValues[b] as number))
  const adjusted = new Array<number>(n).fill(1)
  let least = 1
  order.forEach((index, fromSmallest) => {
    const rank = n - fromSmallest
    const e = eValues[index] as number
    least = Math.min(least, e > 0 ? n / (rank * e) : 1)
    adjusted[index] = least
  })
  return adjusted
}
