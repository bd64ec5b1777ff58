import type { IHeaders } from 'kafkajs'
import { Unreadable } from '../protobuf/unreadable.ts'
import { requestHash } from '../request-hash.ts'
import type { OtlpContentType, TelemetryRequest } from '../transport/transport.ts'

/** A message's shape; one with another number is not read by this program. */
const FORMAT = '1'

/** What a message holds: a request, and the reason if it was refused before it could be decoded. */
export interface Delivery {
  readonly hash: string
  readonly request: TelemetryRequest
  readonly refused?: Unreadable
}

export interface OutgoingMessage {
  readonly key: string
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/**
 * A request as a message: its bytes as they are, and in headers what else is known of it. The key is its hash, so that it
 * and its repeats are in the same partition, one after the other.
 */
export function toMessage(request: TelemetryRequest, refused?: Unreadable): OutgoingMessage {
  const { signal, contentType, sender, receivedAt, body } = request
  return {
    key: requestHash(request),
    value: body,
    headers: {
      'postflight-format': FORMAT,
      signal,
      'content-type': contentType,
      'received-at': String(Math.trunc(receivedAt)),
      sender,
      ...(refused === undefined
        ? {}
        : {
            'refused-code': refused.code,
            'refused-field': refused.field,
            'refused-message': refused.message,
          }),
    },
  }
}

const SIGNALS: ReadonlySet<string> = new Set(['logs', 'traces', 'metrics'])
const TYPES: ReadonlySet<string> = new Set(['application/x-protobuf', 'application/json'])

/** @throws Unreadable MESSAGE_INVALID if the message is not one that `toMessage` made */
export function fromMessage(message: {
  key: Buffer | null
  value: Buffer | null
  headers?: IHeaders | undefined
}): Delivery {
  const headers = message.headers ?? {}
  const header = (name: string, fits: (text: string) => boolean): string => {
    const text = textOf(headers[name])
    if (text !== undefined && fits(text)) return text
    const found = text === undefined ? 'no' : 'an unknown'
    throw new Unreadable('MESSAGE_INVALID', name, `The message has ${found} header ${name}`)
  }
  header('postflight-format', (text) => text === FORMAT)
  const request: TelemetryRequest = {
    signal: header('signal', (text) => SIGNALS.has(text)) as TelemetryRequest['signal'],
    contentType: header('content-type', (text) => TYPES.has(text)) as OtlpContentType,
    receivedAt: Number(header('received-at', (text) => /^\d{1,15}$/.test(text))),
    sender: header('sender', () => true),
    body: message.value ?? Buffer.alloc(0),
  }
  const hash = message.key?.toString() ?? ''
  if (!/^[0-9a-f]{32}$/.test(hash))
    throw new Unreadable('MESSAGE_INVALID', 'key', "The message's key is not a request's hash")
  const code = textOf(headers['refused-code'])
  if (code === undefined) return { hash, request }
  const [field = '', told = ''] = ['refused-field', 'refused-message'].map(
    (name) => textOf(headers[name]) ?? '',
  )
  return { hash, request, refused: new Unreadable(code as Unreadable['code'], field, told) }
}

function textOf(value: IHeaders[string]): string | undefined {
  const one = Array.isArray(value) ? value[0] : value
  return one?.toString()
}
