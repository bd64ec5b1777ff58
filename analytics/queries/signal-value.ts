import type { Cell } from '../../schemas/cell.ts'
import { histogramQuantile } from '../../schemas/histogram.ts'
import type { Signal } from '../../schemas/signals/signal.ts'

export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface SignalValue {
  /** The rate, the share of bad events, the p95 or the mean, by the signal's kind; null where there is none. */
  readonly value: number | null
  readonly count: number
  /** Bad events of a ratio; null for other kinds. */
  readonly bad: number | null
  /** Denominator of a rate (events, or minutes); null for other kinds. */
  readonly exposure: number | null
  readonly quantiles: Quantiles | null
}

/**
 * What a signal is worth over a span.
 * @param cell all of the span's events in one cell; undefined: none
 * @param exposure denominator of a rate: events of the other measure, or minutes
 */
export function signalValue(signal: Signal, cell: Cell | undefined, exposure: number): SignalValue {
  const count = cell?.count ?? 0
  const none = { count, bad: null, exposure: null, quantiles: null }
  switch (signal.kind) {
    case 'rate':
      return { ...none, value: exposure > 0 ? count / exposure : null, exposure }
    case 'ratio':
      return { ...none, value: count > 0 ? (cell?.bad ?? 0) / count : null, bad: cell?.bad ?? 0 }
    case 'gauge':
      return { ...none, value: cell !== undefined && count > 0 ? cell.sum / count : null }
    case 'distribution': {
      const quantiles = cell?.histogram === undefined ? null : quantilesOf(cell.histogram)
      return { ...none, value: quantiles?.p95 ?? null, quantiles }
    }
  }
}

function quantilesOf(histogram: ReadonlyMap<number, number>): Quantiles | null {
  const p50 = histogramQuantile(histogram, 0.5)
  const p95 = histogramQuantile(histogram, 0.95)
  const p99 = histogramQuantile(histogram, 0.99)
  return p50 === undefined || p95 === undefined || p99 === undefined ? null : { p50, p95, p99 }
}
