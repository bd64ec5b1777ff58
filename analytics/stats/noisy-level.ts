import { normalDraw } from './normal-draw.ts'

/**
 * A made series whose variance is known: an AR(1) level of variance 1 under independent noise, the mean taken off.
 * @param memory correlation of one entry's level with the next
 * @param noise variance of what hides the level
 */
export function noisyLevel(random: () => number, n: number, memory: number, noise: number): Float64Array {
  let level = normalDraw(random)
  const values = Float64Array.from({ length: n }, () => {
    level = memory * level + Math.sqrt(1 - memory * memory) * normalDraw(random)
    return level + Math.sqrt(noise) * normalDraw(random)
  })
  const mean = values.reduce((sum, x) => sum + x, 0) / n
  return values.map((x) => x - mean)
}
