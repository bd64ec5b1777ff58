import type { SignalKind } from '../intake.ts'
import type { Unreadable } from '../protobuf/unreadable.ts'

export type OtlpContentType = 'application/x-protobuf' | 'application/json'

/** One OTLP export request, decompressed and not yet decoded. */
export interface TelemetryRequest {
  readonly signal: SignalKind
  readonly contentType: OtlpContentType
  readonly body: Buffer
  /** Who sent it: the id of a key, or an address. */
  readonly sender: string
  /** Milliseconds since 1970. */
  readonly receivedAt: number
}

/** What became of the records of an acknowledged request. */
export interface Acknowledgement {
  /** Records stored; undefined if they are read later. */
  readonly accepted: number | undefined
  /** Records in the dead-letter table; they must not be sent again. */
  readonly rejected: number
  /** Why, in words; '' if none was rejected. */
  readonly message: string
}

/** How telemetry gets from a receiver into ClickHouse. */
export interface Transport {
  /** True if nothing reads a request's body any more once `send` has returned its promise; absent: it may be read later. */
  readonly readsAtOnce?: true
  /** @throws PostflightError OVERLOADED if `bytes` more would be too many; asked before a body is read */
  admit(bytes: number): void
  /**
   * Settles when every record is where no crash can lose it: in ClickHouse, or in a log that ends there.
   * @throws Unreadable if the request as a whole cannot be read (it is in the dead-letter table by then)
   * @throws TooLarge
   * @throws PostflightError if it could not be stored now; it may be sent again
   */
  send(request: TelemetryRequest): Promise<Acknowledgement>
  /** Puts a request that could not even be decompressed into the dead-letter table. */
  refuse(request: TelemetryRequest, reason: Unreadable): Promise<void>
  /** Waits for what was sent. */
  close(): Promise<void>
}
