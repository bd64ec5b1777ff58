/** A standard normal number. Source: Box and Muller (1958). @param random uniform, seeded by the caller; two of it are used */
export function normalDraw(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
