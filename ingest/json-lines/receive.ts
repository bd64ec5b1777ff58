import { Unreadable } from '../protobuf/unreadable.ts'
import type { Acknowledgement, TelemetryRequest, Transport } from '../transport/transport.ts'
import { linesToOtlp, type RejectedLine } from './to-otlp.ts'

/** Query parameters of `POST /v1/jsonl`, and the resource attributes that they give to lines without. */
const DEFAULTS: Readonly<Record<string, string>> = {
  service: 'service.name',
  version: 'service.version',
  environment: 'deployment.environment.name',
  instance: 'service.instance.id',
}
/** Bytes of unreadable lines that one dead letter holds. */
const LETTER = 48 * 1024
/** Reasons that an answer names. */
const NAMED = 3

/** Content types under which JSON lines are sent. */
export const JSON_LINES_TYPES: ReadonlySet<string> = new Set([
  'application/x-ndjson',
  'application/jsonl',
  'application/json-lines',
  'application/json',
  'text/plain',
])

/**
 * Stores a request of JSON lines as log records. Lines that are none go to the dead-letter table, the others are kept.
 * @throws Unreadable if a query parameter is not known
 * @throws as Transport.send
 */
export async function receiveLines(
  transport: Transport,
  request: Omit<TelemetryRequest, 'signal' | 'contentType'>,
  query: URLSearchParams,
): Promise<Acknowledgement> {
  const defaults: Record<string, string> = {}
  for (const [name, value] of query) {
    const attribute = DEFAULTS[name]
    if (attribute === undefined) {
      const known = Object.keys(DEFAULTS).join(', ')
      throw new Unreadable('JSON_INVALID', name, `Unknown query parameter ${name}: there are ${known}`)
    }
    if (value !== '') defaults[attribute] = value
  }
  const about = { ...request, signal: 'logs', contentType: 'application/json' } as const
  const { body, records, rejected } = linesToOtlp(request.body, defaults)
  const stored = await transport.send({ ...about, body })
  for (const letter of letters(rejected)) {
    const [first] = letter as [RejectedLine]
    const told = new Unreadable(first.reason.code, first.reason.field, wordsOf(letter))
    await transport.refuse({ ...about, body: Buffer.from(letter.map(({ text }) => text).join('\n')) }, told)
  }
  return {
    accepted: stored.accepted ?? records,
    rejected: stored.rejected + rejected.length,
    message: [stored.message, ...(rejected.length === 0 ? [] : [wordsOf(rejected)])]
      .filter((text) => text !== '')
      .join('; '),
  }
}

function letters(rejected: readonly RejectedLine[]): RejectedLine[][] {
  const made: RejectedLine[][] = []
  let room = 0
  for (const line of rejected) {
    const size = Buffer.byteLength(line.text) + 1
    if (size > room) {
      made.push([])
      room = LETTER
    }
    made.at(-1)?.push(line)
    room -= size
  }
  return made
}

function wordsOf(rejected: readonly RejectedLine[]): string {
  const named = rejected.slice(0, NAMED).map(({ line, reason }) => `line ${line}: ${reason.message}`)
  const more = rejected.length - named.length
  return `${named.join('; ')}${more > 0 ? `; and ${more} more lines` : ''}`
}
