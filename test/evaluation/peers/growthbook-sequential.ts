/**
 * The sequential interval of GrowthBook's frequentist engine, as its documentation describes it: asymptotic confidence sequence of
 * Waudby-Smith et al. (2024) with rho chosen to be tightest at N* = 5000 units (the default tuning parameter). Two-sided.
 * @param difference of the arms' means
 * @param variance of that difference, estimated
 * @param units in both arms together
 * @param alpha for which rho is tuned
 * @returns logarithm of 1 / (the smallest alpha at which the interval leaves out 0)
 */
export function logGrowthbookSequential(
  difference: number,
  variance: number,
  units: number,
  alpha: number,
): number {
  if (!(variance > 0)) return 0
  const rhoSquared = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / TUNING
  const scaled = units * rhoSquared
  return (((difference * difference) / variance) * scaled) / (2 * (scaled + 1)) - 0.5 * Math.log(scaled + 1)
}

const TUNING = 5000
