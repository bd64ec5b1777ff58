/**
 * Degrees of freedom of a sum of independently estimated variances.
 * Source: Satterthwaite (1946), eq. 17.
 * @param parts each with its degrees of freedom
 */
export function satterthwaite(parts: readonly { variance: number; degreesOfFreedom: number }[]): number {
  let total = 0
  let spread = 0
  for (const part of parts) {
    total += part.variance
    spread += part.variance ** 2 / part.degreesOfFreedom
  }
  return spread > 0 ? (total * total) / spread : Number.POSITIVE_INFINITY
}
