import { type Method, present } from '../method.ts'

/** Past moments that are looked at, newest first. */
const MOST = 1000
/** Of a window, from one moment to the next. */
const STRIDE = 0.25

/** Rank of the change of means (log ratio; difference where a mean is not positive) among those of the same two windows at past moments. */
export const plainPlacebo: Method = {
  name: 'plain-placebo',
  prepare: (line, at, window) => {
    const sums = new Float64Array(at + 1)
    const counts = new Float64Array(at + 1)
    for (let i = 0; i < at; i++) {
      const value = line.values[i] as number
      sums[i + 1] = (sums[i] as number) + (Number.isNaN(value) ? 0 : value)
      counts[i + 1] = (counts[i] as number) + (Number.isNaN(value) ? 0 : 1)
    }
    const mean = (from: number, to: number): number =>
      ((sums[to] as number) - (sums[from] as number)) / ((counts[to] as number) - (counts[from] as number))
    const step = Math.max(1, Math.round(window * STRIDE))
    const past: number[] = []
    for (let i = at - window; i - window >= 0 && past.length < MOST; i -= step) {
      const change = changeOf(mean(i - window, i), mean(i, i + window))
      if (Number.isFinite(change)) past.push(change)
    }
    past.sort((a, b) => a - b)
    const earlier = mean(at - window, at)
    return (after) => {
      const some = present(after)
      const change = changeOf(earlier, some.reduce((sum, value) => sum + value, 0) / some.length)
      const beyond = past.filter((other) => other >= change).length
      const p = (1 + beyond) / (1 + past.length)
      return { alarm: p <= 0.01, score: -Math.log10(p), p }
    }
  },
}

function changeOf(from: number, to: number): number {
  if (from === to) return 0
  return from > 0 && to > 0
    ? Math.abs(Math.log(to / from))
    : Math.abs(to - from) / Math.max(Math.abs(from), 1e-9)
}
