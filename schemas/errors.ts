/**
 * Every error code of Postflight: what it means to HTTP and whether the same call may succeed later.
 * The hint is for the person who reads the message; it says what to do.
 */
export const ERROR_CODES = {
  ALREADY_EXISTS: { status: 409, retryable: false },
  BROKER_UNREACHABLE: { status: 503, retryable: true },
  CONFIG_INVALID: { status: 500, retryable: false },
  DEPLOYMENT_NOT_FOUND: { status: 404, retryable: false },
  FORBIDDEN: { status: 403, retryable: false },
  INTERNAL: { status: 500, retryable: false },
  INVALID_REQUEST: { status: 400, retryable: false },
  JOURNAL_UNWRITABLE: { status: 503, retryable: true },
  KEYS_REQUIRED: { status: 500, retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, retryable: false },
  MIGRATION_CHANGED: { status: 500, retryable: false },
  NOT_FOUND: { status: 404, retryable: false },
  OVERLOADED: { status: 503, retryable: true },
  PAYLOAD_TOO_LARGE: { status: 413, retryable: false },
  PORT_IN_USE: { status: 500, retryable: false },
  RATE_LIMITED: { status: 429, retryable: true },
  RELEASE_NOT_FOUND: { status: 404, retryable: false },
  REPORT_NOT_READY: { status: 404, retryable: true },
  SCHEMA_FOREIGN: { status: 500, retryable: false },
  SCHEMA_TOO_NEW: { status: 500, retryable: false },
  SERVICE_NOT_FOUND: { status: 404, retryable: false },
  SIGNAL_INVALID: { status: 500, retryable: false },
  SIGNAL_NOT_FOUND: { status: 404, retryable: false },
  SOURCE_UNREADABLE: { status: 500, retryable: false },
  STORE_FAILED: { status: 502, retryable: false },
  STORE_LOCKED: { status: 500, retryable: false },
  STORE_UNREACHABLE: { status: 503, retryable: true },
  UNAUTHENTICATED: { status: 401, retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false },
} as const satisfies Record<string, { status: number; retryable: boolean }>

export type ErrorCode = keyof typeof ERROR_CODES

/** An error that a person or a program can act on: a stable code, a message, and a hint that says what to do. */
export class PostflightError extends Error {
  readonly code: ErrorCode
  readonly hint: string
  /** JSON-safe particulars: which field, what was expected, what was got. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PostflightError'
    this.code = code
    this.hint = options.hint ?? ''
    this.details = options.details ?? {}
  }

  /** HTTP status that this code is answered with. */
  get status(): number {
    return ERROR_CODES[this.code].status
  }

  /** True if the same call may succeed later with nothing changed by the caller. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable
  }
}
