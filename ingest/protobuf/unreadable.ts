/** Why a record or a request could not be stored. They are stored with it in `dead_letter.code`. */
export type UnreadableCode =
  | 'BUCKETS_MISMATCH'
  | 'COMPRESSION_CORRUPT'
  | 'ID_INVALID'
  | 'JSON_INVALID'
  | 'MESSAGE_INVALID'
  | 'NESTING_TOO_DEEP'
  | 'PROTOBUF_INVALID'
  | 'TIME_MISSING'
  | 'TIME_OUT_OF_RANGE'
  | 'TOO_MANY_BUCKETS'

/** Thrown by decoders for what no retry would make readable; caught per record, or else per request. */
export class Unreadable extends Error {
  readonly code: UnreadableCode
  /** The field of the OTLP message, as its definition names it; empty if it is not known which. */
  readonly field: string

  constructor(code: UnreadableCode, field: string, message: string) {
    super(message)
    this.name = 'Unreadable'
    this.code = code
    this.field = field
  }
}

/** Thrown when a request would become more bytes than we hold for one request: answered 413, nothing of it is kept. */
export class TooLarge extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TooLarge'
  }
}
