/**
 * The value that k others are not above, without sorting the rest. Source: Hoare (1961), *Algorithm 65: Find*, with the median of three as pivot.
 * @param values without NaN; their order is changed
 * @param k 0 <= k < values.length
 */
export function kthSmallest(values: Float64Array, k: number): number {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const pivot = medianOfThree(
      values[low] as number,
      values[(low + high) >> 1] as number,
      values[high] as number,
    )
    let i = low
    let j = high
    while (i <= j) {
      while ((values[i] as number) < pivot) i += 1
      while ((values[j] as number) > pivot) j -= 1
      if (i > j) break
      const value = values[i] as number
      values[i] = values[j] as number
      values[j] = value
      i += 1
      j -= 1
    }
    if (k <= j) high = j
    else if (k >= i) low = i
    else break
  }
  return values[k] as number
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
