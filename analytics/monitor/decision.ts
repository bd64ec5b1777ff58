import type { Signal } from '../../schemas/signals/signal.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'
import { halfAtAllLooks, halfAtOneLook, type SeriesStanding } from './series-watch.ts'
import type { SignalEvidence } from './watch-evidence.ts'

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
  if (isBelowAbsolute(signal, standing, halfAtAllLooks(standing.variance)))
    return { decided: 'not_worse', moreMinutes: null }
  if (interval === null || standing.after <= 0) return { decided: 'open', moreMinutes: null }
  // The part of the variance that more events take away falls as one by their number.
  const gap = Math.max(0.02, Math.abs(tolerable - Math.log(standing.after / standing.before)))
  const elapsed = Math.max(1, (now - standing.since) / 60)
  for (let times = 1.5; times < 1000; times *= 1.5) {
    const counting = 1 / (standing.value + 0.5)
    const variance = standing.variance - counting * (1 - 1 / times)
    if (variance > 0 && halfAtAllLooks(variance) < gap)
      return { decided: 'open', moreMinutes: Math.ceil(elapsed * (times - 1)) }
  }
  return { decided: 'open', moreMinutes: null }
}

/** Shown to be no worse by what matters in absolute terms, however large the ratio. */
function isBelowAbsolute(
  { smallestEffect }: Signal,
  { size, before, after }: SeriesStanding,
  half: number,
): boolean {
  return (
    size > 0 &&
    before > 0 &&
    after - before < 0.5 * smallestEffect.absolute &&
    after * Math.exp(half) - before < smallestEffect.absolute
  )
}

/**
 * Shown to be no worse by what matters, or not by the tolerable factor, if this look is the last one and was set before anything was seen.
 * @param bounds of the ratio at this look alone
 */
export function isSoundAtEnd(
  signal: Signal,
  bounds: readonly [number, number] | null,
  standing: SeriesStanding,
): boolean {
  if (bounds !== null && bounds[1] < Math.max(signal.smallestEffect.ratio, VERDICT_DEFAULTS.tolerable))
    return true
  return isBelowAbsolute(signal, standing, halfAtOneLook(standing.variance))
}
