/** What the receiver takes in at most. Durations in milliseconds, sizes in bytes. */
export interface ReceiverLimits {
  /** A request's body, both as it comes and after decompression; the OTLP specification advises 20 MiB. */
  readonly maxBodyBytes: number
  /** All bodies being received at one time, and those that wait for it; beyond it requests are put off with 503. */
  readonly maxReceivingBytes: number
  /** Bodies that are read at the same time; the others wait in their sockets. */
  readonly maxReadingBytes: number
  /** Time that a sender may take for one request. */
  readonly requestTimeout: number
  readonly maxConnections: number
  /** Time that requests under way get when the receiver closes. */
  readonly closeTimeout: number
}

export const DEFAULT_RECEIVER_LIMITS: ReceiverLimits = {
  maxBodyBytes: 20 * 1024 * 1024,
  maxReceivingBytes: 64 * 1024 * 1024,
  maxReadingBytes: 24 * 1024 * 1024,
  requestTimeout: 60_000,
  maxConnections: 1_000,
  closeTimeout: 10_000,
}
