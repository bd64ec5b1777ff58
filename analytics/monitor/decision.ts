import type { Signal } from '../../schemas/signals/signal.ts'
import { logCountEvidence } from '../stats/count-e-process.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'
import { halfAtAllLooks, halfAtOneLook, INTERVAL_ALPHA, type SeriesStanding } from './series-watch.ts'
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
  if (interval !== null && isWithin(signal, interval, ratio))
    return { decided: 'not_worse', moreMinutes: null }
  if (isWithinAbsolute(signal, standing, halfAtAllLooks(standing.variance)) || areFewer(signal, standing))
    return { decided: 'not_worse', moreMinutes: null }
  if (interval === null || standing.after <= 0) return { decided: 'open', moreMinutes: null }
  // The part of the variance that more events take away falls as one by their number.
  const change = Math.log(standing.after / standing.before)
  const gap = Math.max(0.02, Math.abs(Math.log(ratio) - (signal.badDirection === 'down' ? -change : change)))
  const elapsed = Math.max(1, (now - standing.since) / 60)
  for (let times = 1.5; times < 1000; times *= 1.5) {
    const counting = 1 / (standing.value + 0.5)
    const variance = standing.variance - counting * (1 - 1 / times)
    if (variance > 0 && halfAtAllLooks(variance) < gap)
      return { decided: 'open', moreMinutes: Math.ceil(elapsed * (times - 1)) }
  }
  return { decided: 'open', moreMinutes: null }
}

/** Whether bounds of a ratio leave no room for a worsening by a factor. */
function isWithin({ badDirection }: Signal, [low, high]: readonly [number, number], factor: number): boolean {
  return (badDirection === 'down' || high < factor) && (badDirection === 'up' || low > 1 / factor)
}

/**
 * Shown to be no worse by what matters in absolute terms, however large the ratio. Half an event goes with those that there are, as in their
 * variance: none in a few requests shows nothing.
 */
function isWithinAbsolute(
  { kind, badDirection, smallestEffect }: Signal,
  { size, before, after }: SeriesStanding,
  half: number,
): boolean {
  if (!(size > 0 && before > 0)) return false
  const { absolute } = smallestEffect
  const highest = (kind === 'gauge' ? after : after + 0.5 / size) * Math.exp(half)
  const lowest = after * Math.exp(-half)
  const notHigher = after - before < 0.5 * absolute && highest - before < absolute
  const notLower = before - after < 0.5 * absolute && before - lowest < absolute
  return (badDirection === 'down' || notHigher) && (badDirection === 'up' || notLower)
}

/** The same of few events or none, at all looks: evidence that they are fewer than a level would bring that is worse by what matters. */
function areFewer(
  { kind, badDirection, smallestEffect }: Signal,
  { value, size, before, after, variance }: SeriesStanding,
): boolean {
  const countsEvents = kind === 'rate' || kind === 'ratio'
  if (!countsEvents || badDirection !== 'up' || after - before >= 0.5 * smallestEffect.absolute) return false
  const expected = (before + smallestEffect.absolute) * size
  // What the level is uncertain by counts as dispersion here.
  const dispersion = Math.max(1, variance * (value + 0.5))
  return (
    logCountEvidence({ events: value, expected, dispersion, drift: 0 }, false) >= -Math.log(INTERVAL_ALPHA)
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
  const tolerable = Math.max(signal.smallestEffect.ratio, VERDICT_DEFAULTS.tolerable)
  if (bounds !== null && isWithin(signal, bounds, tolerable)) return true
  return isWithinAbsolute(signal, standing, halfAtOneLook(standing.variance))
}
