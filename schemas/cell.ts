/**
 * What the rollups hold of one series in one span of time (a minute of `signal_1m`, an hour of `signal_1h`).
 * Cells add: merging the cells of two spans gives the cell of their union.
 */
export interface Cell {
  /** Start of the span, seconds since the epoch. */
  readonly time: number
  /** Events (or samples) in the span. */
  readonly count: number
  /** Events that were bad by the measure's own rule. */
  readonly bad: number
  /** Sum of the values, in the measure's unit (durations: seconds). */
  readonly sum: number
  readonly sumSquares: number
  readonly min: number
  readonly max: number
  /** Bucket index (see histogram.ts) to count; absent where the measure keeps no histogram. */
  readonly histogram?: ReadonlyMap<number, number>
  /** Sum of the values' logarithms, by the middles of their buckets; -Infinity where one was not above zero. Read for long spans, in the histogram's stead. */
  readonly sumLogs?: number
}
