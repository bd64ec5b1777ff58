import { normalDraw } from './normal-draw.ts'
/**
 * A random number of hits. Exact to a thousand trials, beyond that by the normal approximation, rounded and clamped.
 * @param n trials, a whole number
 * @param random uniform, seeded by the caller
 */
export function binomialDraw(n: number, p: number, random: () => number): number {
  if (n > 1000) {
    const normal = normalDraw(random)
    return Math.max(0, Math.min(n, Math.round(n * p + Math.sqrt(n * p * (1 - p)) * normal)))
  }
  let hits = 0
  for (let i = 0; i < n; i++) if (random() < p) hits += 1
  return hits
}
