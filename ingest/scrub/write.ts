import type { LowCardinalityColumn } from '../native/column.ts'
import type { Bytes } from '../native/sink.ts'
import { writeAnyValue } from '../protobuf/any-value.ts'
import type { Scrubber } from './scrubber.ts'

/** Where a text is in the request. */
interface Place {
  readonly start: number
  readonly end: number
}

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
