import type { LowCardinalityColumn } from '../native/column.ts'
import { Bytes } from '../native/sink.ts'
import { writeAnyValue } from '../protobuf/any-value.ts'
import type { Scrubber } from './scrubber.ts'

/** Where a text is in the request. */
interface Place {
  readonly start: number
  readonly end: number
}

const STRING_VALUE = 0x0a
const ARRAY_VALUE = 0x2a
const KEY_VALUE_LIST = 0x32
const INT_VALUE = 0x18
/** Bytes of an AnyValue with an integer of 2^42 and more: 13 digits. */
const LONG_INT = 8

/** As `writeAnyValue`, of a request that the scrubber has scanned. */
export function writeScrubbedValue(
  out: Bytes,
  buf: Buffer,
  start: number,
  end: number,
  scrubber: Scrubber,
): void {
  const at = out.length
  writeAnyValue(out, buf, start, end)
  const tag = buf[start]
  if (
    scrubber.suspects(start, end) ||
    // What these become has signs that the request had not: `"password":"...` of a nested map, the digits of a number.
    (end > start &&
      (tag === KEY_VALUE_LIST || tag === ARRAY_VALUE || (tag === INT_VALUE && end - start >= LONG_INT)))
  )
    scrubber.rewrite(out, at)
}

/** A text field of a request that the scrubber has scanned. */
export function writeScrubbedText(out: Bytes, buf: Buffer, { start, end }: Place, scrubber: Scrubber): void {
  const at = out.length
  out.pushText(buf, start, end)
  if (scrubber.suspects(start, end)) scrubber.rewrite(out, at)
}

/** The same for a column of few texts. */
export function pushScrubbed(
  column: LowCardinalityColumn,
  buf: Buffer,
  { start, end }: Place,
  scrubber: Scrubber,
): void {
  if (scrubber.suspects(start, end))
    column.pushText(Buffer.from(scrubber.clean(buf.toString('utf8', start, end))))
  else column.push(buf, start, end)
}

/**
 * A database statement without its literals.
 * @param systemStart where the AnyValue is that names the kind of database; equal to `systemEnd` if there is none
 */
export function writeStatement(
  out: Bytes,
  buf: Buffer,
  start: number,
  end: number,
  systemStart: number,
  systemEnd: number,
  scrubber: Scrubber,
): void {
  const text = textStart(buf, start, end)
  const system = textStart(buf, systemStart, systemEnd)
  if (text >= 0) {
    const statement = scrubber.normalize(buf, text, end, Math.max(0, system), system < 0 ? 0 : systemEnd)
    out.pushText(statement.text, 0, statement.text.length)
    return
  }
  // Not a plain text: a list, a number, or one with more fields than it should have.
  const written = new Bytes(256)
  writeAnyValue(written, buf, start, end)
  let from = 0
  while ((written.bytes[from++] as number) > 127) {}
  const statement = scrubber.normalize(written.bytes, from, written.length, from, from)
  out.pushText(statement.text, 0, statement.text.length)
}

/** Where the text of an AnyValue begins if it is one and nothing else, so that it ends where the message does; else -1. */
function textStart(buf: Buffer, start: number, end: number): number {
  if (end - start < 2 || buf[start] !== STRING_VALUE) return -1
  let size = 0
  let at = start + 1
  for (let shift = 0; shift < 28 && at < end; shift += 7) {
    const byte = buf[at++] as number
    size |= (byte & 127) << shift
    if (byte < 128) return at + size === end ? at : -1
  }
  return -1
}
