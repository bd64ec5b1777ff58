import { LN_GAMMA } from '../../schemas/histogram.ts'
import { STEADIEST } from './least-drift.ts'

/** The last bucket that is not beyond a quantile. */
export function thresholdOf(histogram: ReadonlyMap<number, number>, q: number): number {
  let total = 0
  for (const count of histogram.values()) total += count
  let seen = 0
  const buckets = [...histogram.keys()].sort((a, b) => a - b)
  for (const bucket of buckets) {
    seen += histogram.get(bucket) ?? 0
    if (seen >= q * total) return bucket
  }
  return buckets.at(-1) ?? 0
}

export function beyondOf(
  histogram: ReadonlyMap<number, number>,
  threshold: number,
): { events: number; exposure: number } {
  let events = 0
  let exposure = 0
  histogram.forEach((count, bucket) => {
    exposure += count
    if (bucket > threshold) events += count
  })
  return { events, exposure }
}

/** Buckets below a threshold by which the density there is told. */
const SWAY_BUCKETS = 2
/** A share moves no further than this, however steep its edge: where all values are alike, any step of them is a change. */
const MOST_SWAY = 0.2

/** How far the share beyond a threshold moves (log scale) where all values move by as little as no level is known better than: the narrower they lie, the further. */
export function swayOf(histogram: ReadonlyMap<number, number>, threshold: number): number {
  const beyond = beyondOf(histogram, threshold).events
  const beyondLess = beyondOf(histogram, threshold - SWAY_BUCKETS).events
  const each = Math.log((beyondLess + 0.5) / (beyond + 0.5)) / (SWAY_BUCKETS * LN_GAMMA)
  return Math.min(MOST_SWAY, STEADIEST * each)
}
