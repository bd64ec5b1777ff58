/**
 * Index of the first of ascending values that is not below one; `length` if all are. Source: Knuth (1998), *The Art of Computer Programming* 3, section 6.2.1.
 * @param length how many of the values there are; the rest is not looked at
 */
export function lowerBound(
  ascending: Float64Array | Int32Array,
  value: number,
  length = ascending.length,
): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
