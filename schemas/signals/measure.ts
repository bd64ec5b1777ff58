export const SOURCES = [
  'otel_logs',
  'otel_traces',
  'otel_metrics_gauge',
  'otel_metrics_sum',
  'otel_metrics_histogram',
  'otel_metrics_exponential_histogram',
  'otel_metrics_summary',
] as const

/** The raw table that a measure reads. */
export type Source = (typeof SOURCES)[number]

/** Where a measure's cells are kept: see migrations/0004-rollups.sql. */
export type CellTable = 'signal_1m' | 'counter_1m' | 'histogram_1m' | 'session' | 'exception_1m'

/**
 * One materialized view: which rows of a raw table are counted, by what, and which number is taken of each.
 * The expressions are ClickHouse SQL over the source's columns; they come from this catalogue or are built from quoted
 * configuration, never from telemetry or requests.
 */
export interface Measure {
  readonly id: string
  readonly source: Source
  /**
   * `signal_1m`: events and samples. `counter_1m`: cumulative counters. `histogram_1m`: metrics' histograms. `session`: sessions and users, each counted once. `exception_1m`: exceptions,
   * counted once over all measures of a signal; what is read stands under the first of them.
   */
  readonly cells: CellTable
  /** Names of the metrics that it reads; absent: rows of any name, or what is no metric. */
  readonly metrics?: readonly string[]
  /** The measure whose metrics had these names before: signals that read it read this one for versions that send more by the older names. */
  readonly olderNameOf?: string
  /** The measure whose events it counts by other means: read for versions that do not have that one (analytics/queries/one-source.ts). */
  readonly insteadOf?: string
  /** The measure of spans of which it adds up those that a sampler left out, as far as weights tell (sampling.ts). */
  readonly weightOf?: string
  /** Boolean SQL: which rows count, besides the metrics' names. */
  readonly selector: string
  /** String SQL: what the measure breaks down by; `''` for one series a service. */
  readonly dimension: string
  /** Float64 SQL: the value of a row, in the signal's unit; for `session`, the id (String); for `exception_1m`, what was said (String). Absent: rows are only counted. */
  readonly value?: string
  /** Boolean SQL: the row is bad. */
  readonly bad?: string
  /** For `histogram_1m`: how the source's buckets are bounded. */
  readonly buckets?: 'explicit' | 'exponential'
  /** For `histogram_1m` with explicit bounds: Float64 SQL that values are multiplied by, for the signal's unit. */
  readonly factor?: string
  /** True: the values' log-spaced histogram is kept. */
  readonly histogram?: boolean
  /** String SQL: 'users', 'health_check', 'bot' or 'load_test'. Absent: all rows are users'. */
  readonly traffic?: string
  /** DateTime64 SQL: when; absent: the row's time. */
  readonly time?: string
  /** Nested column whose elements are counted one by one instead of the rows. */
  readonly arrayJoin?: string
}
