import type { SignalKind } from './intake.ts'
import { maskPayload } from './scrub/payload.ts'
import type { Scrubber } from './scrub/scrubber.ts'
import type { DeadLetterBlock } from './tables/dead-letter.ts'

export interface DeadLetter {
  readonly signal: SignalKind
  readonly code: string
  readonly field: string
  readonly message: string
  readonly contentType: string
  readonly sender: string
  readonly payload: Buffer
}

/** What is kept of a payload: enough to see what was wrong with it. */
const MAX_PAYLOAD = 64 * 1024

/**
 * Appends a row of `dead_letter`: JSON as it came, everything else in base64, with `*` over what the scrubber removes.
 * @param receivedAt milliseconds since 1970
 */
export function writeDeadLetter(
  block: DeadLetterBlock,
  receivedAt: number,
  letter: DeadLetter,
  scrubber: Scrubber,
): void {
  const { cells } = block
  const whole = letter.payload.length <= MAX_PAYLOAD
  const payload = maskPayload(whole ? letter.payload : letter.payload.subarray(0, MAX_PAYLOAD), scrubber)
  const milliseconds = BigInt(Math.trunc(receivedAt))
  cells.receivedAt.data.pushPair(Number(milliseconds & 0xffffffffn), Number(milliseconds >> 32n))
  cells.signal.pushText(Buffer.from(letter.signal))
  cells.code.pushText(Buffer.from(letter.code))
  const cut = whole ? '' : ` (payload: the first ${MAX_PAYLOAD} of ${letter.payload.length} bytes)`
  cells.message.data.pushString(scrubber.clean(letter.message) + cut)
  cells.field.data.pushString(letter.field)
  cells.contentType.pushText(Buffer.from(letter.contentType))
  cells.sender.data.pushString(letter.sender)
  if (letter.contentType === 'application/json') cells.payload.data.pushText(payload, 0, payload.length)
  else cells.payload.data.pushString(payload.toString('base64'))
  block.rows++
}
