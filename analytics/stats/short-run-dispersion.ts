/**
 * Variance by mean of independent counts, of what differs from one minute to the next: mean square of successive differences
 * of the residuals (von Neumann 1941), by their model variance. What moves slowly, as a level that two versions share does, is not in it; bursts are.
 * @param numerator events, one value a minute, gaps as zeros, oldest first
 * @param denominator exposure, likewise
 * @returns 1 where there are fewer than two neighbouring minutes with exposure, or no events
 */
export function shortRunDispersion(numerator: Float64Array, denominator: Float64Array): number {
  let top = 0
  let bottom = 0
  for (let i = 0; i < numerator.length; i++) {
    top += numerator[i] as number
    bottom += denominator[i] as number
  }
  if (!(top > 0 && bottom > 0)) return 1
  const level = top / bottom
  let squares = 0
  let model = 0
  for (let i = 1; i < numerator.length; i++) {
    const exposure = denominator[i] as number
    const previous = denominator[i - 1] as number
    if (!(exposure > 0 && previous > 0)) continue
    const difference =
      (numerator[i] as number) - level * exposure - ((numerator[i - 1] as number) - level * previous)
    squares += difference * difference
    model += level * (exposure + previous)
  }
  return model > 0 ? squares / model : 1
}
