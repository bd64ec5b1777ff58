/**
 * Degrees of freedom of a sum of independently estimated variances.
 * Source: Satterthwaite (1946), eq. 17.
 * @param parts each with its degrees of freedom; `from`: a larger variance that this one is the rest of, which makes it as uncertain as that, also where nothing is left
 */
export function satterthwaite(
  parts: readonly { variance: number; degreesOfFreedom: number; from?: number }[],
): number {
  let total = 0
  let spread = 0
  for (const part of parts) {
    total += part.variance
    spread += (part.from ?? part.variance) ** 2 / part.degreesOfFreedom
  }
  return spread > 0 ? (total * total) / spread : Number.POSITIVE_INFINITY
}
