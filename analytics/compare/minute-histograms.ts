import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA, ZERO_BUCKET } from '../../schemas/histogram.ts'
import type { HistogramLine } from '../stats/histogram-line.ts'

/**
 * The histograms of many minutes in flat arrays: entry i says that `counts[i]` values of minute `minutes[i]` lie in bucket
 * `buckets[i]`. One pass over the maps, everything after it is loops over typed arrays.
 */
export interface MinuteHistograms {
  readonly minutes: Int32Array
  readonly buckets: Int32Array
  readonly counts: Float64Array
  /** Time of the first minute with values, seconds. */
  readonly start: number
  /** Minutes from the first to the last one with values. */
  readonly length: number
  /** Values a minute. */
  readonly totals: Float64Array
  /** All minutes together. */
  readonly merged: HistogramLine
}

/**
 * Zeros have no logarithm: they go one bucket below the lowest in use.
 * @returns undefined without any value
 */
export function minuteHistograms(cells: readonly Cell[], step: number): MinuteHistograms | undefined {
  let entries = 0
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const cell of cells) {
    if (cell.histogram === undefined || cell.histogram.size === 0) continue
    entries += cell.histogram.size
    if (cell.time < first) first = cell.time
    if (cell.time > last) last = cell.time
  }
  if (entries === 0) return undefined
  const start = Math.floor(first / step) * step
  const length = Math.floor((last - start) / step) + 1
  const minutes = new Int32Array(entries)
  const buckets = new Int32Array(entries)
  const counts = new Float64Array(entries)
  const totals = new Float64Array(length)
  let at = 0
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  let total = 0
  for (const cell of cells) {
    if (cell.histogram === undefined) continue
    const minute = Math.floor((cell.time - start) / step)
    let sum = 0
    cell.histogram.forEach((count, bucket) => {
      minutes[at] = minute
      buckets[at] = bucket
      counts[at] = count
      at += 1
      sum += count
      if (bucket !== ZERO_BUCKET && bucket < low) low = bucket
      if (bucket > high) high = bucket
    })
    totals[minute] = (totals[minute] as number) + sum
    total += sum
  }
  if (total <= 0) return undefined
  if (high === ZERO_BUCKET) {
    low = 0
    high = 0
  }
  const lowest = low - 1
  const merged = new Float64Array(high - lowest + 1)
  for (let i = 0; i < entries; i++) {
    if (buckets[i] === ZERO_BUCKET) buckets[i] = lowest
    const slot = (buckets[i] as number) - lowest
    merged[slot] = (merged[slot] as number) + (counts[i] as number)
  }
  return { minutes, buckets, counts, start, length, totals, merged: { lowest, counts: merged, total } }
}

/** Values a minute above a position on the bucket scale, the bucket that holds it counted in part. */
export function exceedances(histograms: MinuteHistograms, position: number): Float64Array {
  const above = new Float64Array(histograms.length)
  const { minutes, buckets, counts } = histograms
  for (let i = 0; i < counts.length; i++) {
    const part = (buckets[i] as number) - position
    if (part <= 0) continue
    const minute = minutes[i] as number
    above[minute] =
      (above[minute] as number) + (part >= 1 ? (counts[i] as number) : part * (counts[i] as number))
  }
  return above
}

/** Sum a minute of the values' positions on the bucket scale (the logarithm in units of a bucket). */
export function positions(histograms: MinuteHistograms): Float64Array {
  const sums = new Float64Array(histograms.length)
  const { minutes, buckets, counts } = histograms
  for (let i = 0; i < counts.length; i++) {
    const minute = minutes[i] as number
    sums[minute] = (sums[minute] as number) + ((buckets[i] as number) - 0.5) * (counts[i] as number)
  }
  return sums
}

/** Sum a minute of the values' logarithms, by the middles of their buckets; -Infinity where one was not above zero. */
export function sumsOfLogs(histograms: MinuteHistograms): Float64Array {
  const sums = positions(histograms).map((sum) => sum * LN_GAMMA)
  const { minutes, buckets, merged } = histograms
  // Nothing else is in the lowest bucket.
  for (let i = 0; i < minutes.length; i++)
    if (buckets[i] === merged.lowest) sums[minutes[i] as number] = Number.NEGATIVE_INFINITY
  return sums
}
