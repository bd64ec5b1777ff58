import type { Bytes } from '../native/sink.ts'
import type { Place } from './scope.ts'
import { Unreadable } from './unreadable.ts'

const HEX = Uint8Array.from(Buffer.from('0123456789abcdef'))

/**
 * Writes a trace or span id in lower-case hex; an id of zeros only is no id, written as ''.
 * @param size bytes that an id has: 16 or 8
 * @param required whether the record is nothing without it
 * @throws Unreadable if it has another length, or is missing and required
 */
export function writeId(
  out: Bytes,
  buf: Buffer,
  id: Place,
  size: number,
  field: string,
  required = false,
): void {
  const length = id.end - id.start
  if (length !== 0 && length !== size) {
    throw new Unreadable('ID_INVALID', field, `${field} has ${length} bytes instead of ${size}`)
  }
  out.reserve(1 + 2 * size)
  const bytes = out.bytes
  const before = out.length
  let at = before
  bytes[at++] = size * 2
  let seen = 0
  for (let i = id.start; i < id.end; i++) {
    const byte = buf[i] as number
    seen |= byte
    bytes[at++] = HEX[byte >> 4] as number
    bytes[at++] = HEX[byte & 15] as number
  }
  if (seen === 0) {
    if (required) throw new Unreadable('ID_INVALID', field, `${field} is missing or all zeros`)
    bytes[before] = 0
    at = before + 1
  }
  out.length = at
}
