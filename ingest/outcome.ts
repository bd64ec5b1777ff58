import type { Logger } from 'pino'
import { PostflightError } from '../schemas/errors.ts'
import { BodyTooLarge } from './otlp-http/body.ts'
import { TooLarge, Unreadable } from './protobuf/unreadable.ts'

/** What a request that is not taken is answered with, in HTTP's words; `otlp-http/answer.ts` has gRPC's codes for them. */
export interface Outcome {
  readonly status: number
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
}

/** A request that is answered with a status of its own. */
export class Refusal extends Error implements Outcome {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** Senders try again after 429, 502, 503 and 504 only: a 500 or 408 that will pass would lose their data. */
export function outcomeOf(error: unknown, logger: Logger): Outcome {
  if (error instanceof Refusal) return error
  if (error instanceof BodyTooLarge || error instanceof TooLarge)
    return { status: 413, message: error.message, headers: {} }
  if (error instanceof Unreadable)
    return { status: 400, message: `${error.code}: ${error.message} (kept in dead_letter)`, headers: {} }
  if (error instanceof PostflightError)
    return { status: 503, message: `${error.message} ${error.hint}`.trim(), headers: {} }
  logger.error({ err: error }, 'request failed unexpectedly')
  return { status: 503, message: 'Postflight could not store the request now', headers: {} }
}
