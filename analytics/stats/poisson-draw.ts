/**
 * A Poisson number. Source: Knuth (1997), *The Art of Computer Programming* 2, section 3.4.1.
 * @param mean 0 to about 500
 * @param random uniform, seeded by the caller
 */
export function poissonDraw(mean: number, random: () => number): number {
  const limit = Math.exp(-mean)
  let product = random()
  let count = 0
  while (product > limit) {
    product *= random()
    count += 1
  }
  return count
}
