export interface WriterLimits {
  /** Rows at which a batch is sent without waiting. One insert is one block is one part a day of data, so large is good. */
  readonly maxRows: number
  /** Bytes of columns at which a batch is sent without waiting. */
  readonly maxBytes: number
  /** Bytes of columns that memory gathers before they go to the journal's file. */
  readonly blockBytes: number
  /** Bytes of columns from which on a batch is large: it waits as long as one can, until it is half of what is under way. */
  readonly largeBytes: number
  /** Shortest and longest time that a batch waits for more requests, milliseconds; in between, the more the larger the last one was, and at most as long as its insert took. */
  readonly minWait: number
  readonly maxWait: number
  /** Bytes that memory holds, over all tables, from which on nothing more is taken in: bodies of requests, and rows that are not in the journal. */
  readonly maxHeldBytes: number
  /** Bytes gathered or being inserted, over all tables, from which on nothing more is taken in. */
  readonly maxPendingBytes: number
  /** How long a failing insert is repeated before its senders are told to send again, milliseconds. */
  readonly retryFor: number
  /** Time after which an insert that ClickHouse refused is tried again, milliseconds. */
  readonly refusedPause: number
}

export const DEFAULT_WRITER_LIMITS: WriterLimits = {
  maxRows: 500_000,
  // Some 300 thousand logs.
  maxBytes: 96 * 1024 * 1024,
  blockBytes: 4 * 1024 * 1024,
  largeBytes: 6 * 1024 * 1024,
  minWait: 10,
  maxWait: 100,
  maxHeldBytes: 64 * 1024 * 1024,
  // Some three seconds of what a small machine inserts: senders give up after ten.
  maxPendingBytes: 128 * 1024 * 1024,
  // OTLP senders give up after 10 s.
  retryFor: 5_000,
  refusedPause: 5_000,
}
