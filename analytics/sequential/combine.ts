import { logMixture } from '../stats/log-mixture.ts'

/** One series' part in the evidence of a deployment. */
export interface Contribution {
  /** Log e-value of a look (`matters` for paging). */
  readonly log: number
  /** Set before the data (by criticality, service as a whole or dimension), > 0. */
  readonly weight: number
}

/**
 * Log e-value of a deployment: the weighted mean of its series' e-values, an e-value under any dependence, at every look. It passes
 * 1 / alpha, ever, with probability at most alpha if none of the series is worse (by what matters).
 * @param contributions of the series that may speak now
 * @param reserve weight of series that may still come (new routes, new exceptions): they hold 1 until then, so that no
 *   series that appears takes away from what was promised. What comes later takes its weight out of it
 */
export function logDeploymentEvidence(contributions: readonly Contribution[], reserve = 0): number {
  let total = reserve
  for (const { weight } of contributions) total += weight
  if (!(total > 0)) return 0
  const logs = [...contributions.map(({ log }) => log), 0]
  const weights = [...contributions.map(({ weight }) => weight), reserve]
  return logMixture(
    logs,
    weights.map((weight) => Math.log(weight / total)),
  )
}
