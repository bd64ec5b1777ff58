import type { Notice, NoticeEvent } from './notice.ts'

/** What a receiver would be sent, with secrets left out: for previews. */
export interface Rendering {
  readonly contentType: string
  readonly body: string
}

/** One place that alerts go to. */
export interface Receiver {
  /** Kind, colon, name. */
  readonly name: string
  /** What it can be told of. */
  readonly events: ReadonlySet<NoticeEvent>
  /** True: it is told of the monitor's heartbeat, again and again. */
  readonly heartbeat: boolean
  /** True: it knows a notice or an alert again, so that one that was sent twice shows once. Those that cannot hear of growth less often. */
  readonly deduplicates: boolean
  /** Milliseconds after which an alert that fires (or has just ended) is sent again although it was taken; null: once is enough. */
  readonly repeatEvery: number | null
  /** @param now milliseconds */
  render(notice: Notice, now: number): Rendering
  /**
   * @param now milliseconds
   * @returns what the receiver answered, in a few words
   * @throws SendError, or what its client throws: it is then tried again
   */
  send(notice: Notice, now: number): Promise<string>
}

/** What kept a notice from being taken; never with a secret in it. */
export class SendError extends Error {
  /**
   * `refused`: the notice itself is at fault and will not be taken however often it is sent. `failed`: the receiver answered that it failed. `unavailable`: it did
   * not answer, or said that it cannot take anything now.
   */
  readonly kind: 'refused' | 'failed' | 'unavailable'
  /** Milliseconds that it asks us to wait; null: it does not say. */
  readonly retryAfter: number | null

  constructor(
    kind: SendError['kind'],
    message: string,
    options: { retryAfter?: number | null; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'SendError'
    this.kind = kind
    this.retryAfter = options.retryAfter ?? null
  }
}

/** Milliseconds that a receiver may take to answer. */
export const SEND_TIMEOUT = 10_000

/** What went wrong in one line, with each secret taken out: clients and receivers may repeat what they were given. */
export function reasonOf(error: unknown, secrets: readonly string[] = []): string {
  const inner = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  const text = error instanceof Error ? `${error.message}${inner}` : String(error)
  return withoutSecrets(text, secrets).replaceAll(/\s+/g, ' ').slice(0, 500)
}

/** A secret of less than four characters would take ordinary letters out. */
const SHORTEST = 4

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST)
    .toSorted((a, b) => b.length - a.length)
    .reduce((told, secret) => told.replaceAll(secret, '(secret)'), text)
}
