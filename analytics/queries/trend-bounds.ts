import type { Verdict } from '../../schemas/contracts/report.ts'

type Bounds = readonly [number | null, number | null]

interface Compared {
  readonly kind: Verdict['kind']
  /** The value before, in the signal's unit; null where unknown. */
  readonly before: number | null
  /** Of the comparison. */
  readonly interval: Bounds
  /** Whether `interval` is of after / before, or of after - before. */
  readonly isRatio: boolean
  readonly quantiles: Verdict['quantiles']
}

/**
 * The interval of a signal's value after a release, in its unit. A distribution's verdict may rest on its median or mean, whose interval says nothing of the p95
 * that is shown: that has one of its own.
 */
export function trendBounds({ kind, before, interval, isRatio, quantiles }: Compared): Bounds {
  if (kind !== 'distribution') return around(before, interval, isRatio)
  const shown = quantiles.find(({ quantile }) => quantile === 0.95)
  return shown === undefined ? [null, null] : around(shown.before, shown.interval, true)
}

function around(before: number | null, [low, high]: Bounds, isRatio: boolean): Bounds {
  const bound = (edge: number | null): number | null =>
    edge === null || before === null ? null : isRatio ? before * edge : before + edge
  return [bound(low), bound(high)]
}
