import type { Signal } from '../../schemas/signals/signal.ts'
import { halfWidth, type SeriesStanding } from './series-watch.ts'
import type { SignalEvidence } from './watch-evidence.ts'

/** Error of the intervals of single series. */
export const INTERVAL_ALPHA = 0.01

/** Whether a series is decided by itself, and when it will be. */
export function decisionOf(
  signal: Signal,
  logE: number,
  weight: number,
  alpha: number,
  interval: readonly [number, number] | null,
  standing: SeriesStanding,
  now: number,
): Pick<SignalEvidence, 'decided' | 'moreMinutes'> {
  if (weight > 0 && logE + Math.log(weight) >= Math.log(1 / alpha))
    return { decided: 'worse', moreMinutes: null }
  const { ratio } = signal.smallestEffect
  const tolerable = Math.log(ratio)
  if (interval !== null && Math.log(interval[1]) < tolerable)
    return { decided: 'not_worse', moreMinutes: null }
  if (
    standing.size > 0 &&
    standing.before > 0 &&
    standing.after - standing.before < 0.5 * signal.smallestEffect.absolute &&
    standing.after * Math.exp(halfWidth(standing.variance, INTERVAL_ALPHA)) - standing.before <
      signal.smallestEffect.absolute
  )
    return { decided: 'not_worse', moreMinutes: null }
  if (interval === null || standing.after <= 0) return { decided: 'open', moreMinutes: null }
  // The part of the variance that more events take away falls as one by their number.
  const gap = Math.max(0.02, Math.abs(tolerable - Math.log(standing.after / standing.before)))
  const elapsed = Math.max(1, (now - standing.since) / 60)
  for (let times = 1.5; times < 1000; times *= 1.5) {
    const counting = 1 / (standing.value + 0.5)
    const variance = standing.variance - counting * (1 - 1 / times)
    if (variance > 0 && halfWidth(variance, INTERVAL_ALPHA) < gap)
      return { decided: 'open', moreMinutes: Math.ceil(elapsed * (times - 1)) }
  }
  return { decided: 'open', moreMinutes: null }
}
