import { Unreadable } from '../protobuf/unreadable.ts'
import { BYTES, VARINT, Wire } from '../protobuf/wire.ts'
import type { Scrubber } from './scrubber.ts'

const STRING = 0x0a
const VALUE = 0x12
const LONGEST_KEY = 127
/** OTLP's messages are nested less deep, but for lists in lists. */
const MAX_DEPTH = 16
/** Bytes of a varint with a number of 13 digits. */
const LONG_NUMBER = 6

/** An attribute of OTLP/JSON with a text. */
const JSON_ATTRIBUTE =
  /"key"\s{0,8}:\s{0,8}"([^"\\]{1,127})"\s{0,8},\s{0,8}"value"\s{0,8}:\s{0,8}\{\s{0,8}"(?:stringValue|string_value)"\s{0,8}:\s{0,8}"((?:[^"\\]|\\.)*)"/g

/**
 * A copy of a payload that could not be stored, with `*` over what would have been removed from it: byte for byte, so that what was wrong with
 * it can still be seen. Nothing is relied on: what cannot be read as a message is looked at as text.
 */
export function maskPayload(payload: Buffer, scrubber: Scrubber): Buffer {
  const masked = Buffer.from(payload)
  maskText(masked, 0, masked.length, scrubber)
  maskJsonAttributes(masked, scrubber)
  maskAttributes(masked, scrubber)
  maskFields(new Wire(masked), scrubber, 0)
  return masked
}

/** One character a byte, so that places in the text are places in the payload. */
function maskText(bytes: Buffer, start: number, end: number, scrubber: Scrubber): void {
  const text = bytes.toString('latin1', start, end)
  const masked = scrubber.mask(text)
  if (masked !== text) bytes.write(masked, start, 'latin1')
}

function maskJsonAttributes(bytes: Buffer, scrubber: Scrubber): void {
  for (const found of bytes.toString('latin1').matchAll(JSON_ATTRIBUTE)) {
    const [all, key, value] = found as unknown as [string, string, string]
    const end = found.index + all.length - 1
    if (scrubber.hides(key)) bytes.fill('*', end - value.length, end)
  }
}

/** Attributes whose keys are those of secrets, wherever bytes look like one: a key, then a value. */
function maskAttributes(bytes: Buffer, scrubber: Scrubber): void {
  for (let at = 0; at + 4 < bytes.length; at++) {
    if (bytes[at] !== STRING) continue
    const size = bytes[at + 1] as number
    const keyEnd = at + 2 + size
    if (size === 0 || size > LONGEST_KEY || bytes[keyEnd] !== VALUE) continue
    if (!scrubber.hides(bytes.toString('latin1', at + 2, keyEnd))) continue
    const [valueSize, value] = lengthAt(bytes, keyEnd + 1)
    // Past the tag and the length of the text, if it is one.
    const text = bytes[value] === STRING ? lengthAt(bytes, value + 1)[1] : value
    bytes.fill('*', text, Math.min(bytes.length, value + valueSize))
  }
}

/** Every field by itself, for a text in a message stands between numbers that may look like a part of it. */
function maskFields(wire: Wire, scrubber: Scrubber, depth: number): void {
  const { buf } = wire
  try {
    while (wire.pos < wire.end) {
      const tag = wire.tag()
      const start = wire.pos
      wire.skip(tag)
      const kind = tag & 7
      if (kind === BYTES) {
        const [, text] = lengthAt(buf, start)
        maskText(buf, text, wire.pos, scrubber)
        if (depth < MAX_DEPTH) maskFields(new Wire(buf, text, wire.pos), scrubber, depth + 1)
      } else if (kind === VARINT && wire.pos - start >= LONG_NUMBER) {
        const number = String((BigInt(wire.high) << 32n) | BigInt(wire.low))
        // A number of as many bytes: all but the bits that say how many.
        if (scrubber.mask(number) !== number)
          for (let at = start; at < wire.pos; at++) buf[at] = (buf[at] as number) & 128
      }
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
  }
}

/** The varint at a place, and where it ends. */
function lengthAt(bytes: Buffer, start: number): [length: number, end: number] {
  let length = 0
  let at = start
  for (let factor = 1; at < bytes.length && at < start + 5; factor *= 128) {
    const byte = bytes[at++] as number
    length += (byte & 127) * factor
    if (byte < 128) break
  }
  return [length, at]
}
