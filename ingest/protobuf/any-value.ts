import type { Bytes } from '../native/sink.ts'
import { Unreadable } from './unreadable.ts'
import { broken, Wire } from './wire.ts'

/** Lists and maps in a value may be nested this deep; the official decoders stop at 100 messages, two to a level. */
export const MAX_DEPTH = 48

const STRING_VALUE = 1

const TRUE = Buffer.from('\x04true')
const FALSE = Buffer.from('\x05false')

/**
 * Writes an AnyValue as a value of a String column, in the words of the Collector's exporter: text as it is, numbers
 * in decimal, bytes in base64, lists and maps as JSON with sorted keys, nothing as ''.
 * @throws Unreadable
 */
export function writeAnyValue(out: Bytes, buf: Buffer, start: number, end: number): void {
  // A plain string is all but always what is there: one tag, one length that ends where the message does.
  if (end - start > 1 && buf[start] === 0x0a && (buf[start + 1] as number) < 128) {
    const from = start + 2
    if (from + (buf[start + 1] as number) === end) {
      out.pushText(buf, from, end)
      return
    }
  }
  const wire = new Wire(buf, start, end)
  const kind = lastField(wire)
  switch (kind) {
    case 0:
      out.pushByte(0)
      return
    case 1:
      out.pushText(buf, wire.pos, wire.end)
      return
    case 2: {
      const text = wire.low !== 0 || wire.high !== 0 ? TRUE : FALSE
      out.pushRaw(text, 0, text.length)
      return
    }
    case 3:
      writeInt64(out, wire.low, wire.high)
      return
    case 4:
      out.pushString(doubleText(buf.readDoubleLE(wire.pos)))
      return
    case 7:
      out.pushString(buf.toString('base64', wire.pos, wire.end))
      return
    default:
      out.pushString(json(wire, kind, 0))
  }
}

/**
 * Notes where the text of an AnyValue is; an empty place if it is no text.
 * @throws Unreadable
 */
export function textPlace(
  buf: Buffer,
  start: number,
  end: number,
  into: { start: number; end: number },
): void {
  const wire = new Wire(buf, start, end)
  const isText = lastField(wire) === STRING_VALUE
  into.start = isText ? wire.pos : start
  into.end = isText ? wire.end : start
}

/** Reads to the end of an AnyValue and leaves `wire` on the value of its last known field, whose number it gives; 0 for none. */
function lastField(wire: Wire): number {
  const end = wire.end
  let kind = 0
  let from = end
  let to = end
  let low = 0
  let high = 0
  while (wire.pos < end) {
    const tag = wire.tag()
    switch (tag) {
      case 0x0a: // string_value
      case 0x2a: // array_value
      case 0x32: // kvlist_value
      case 0x3a: // bytes_value
        to = wire.limit()
        from = wire.pos
        wire.pos = to
        kind = tag >>> 3
        break
      case 0x10: // bool_value
      case 0x18: // int_value
        wire.varint()
        low = wire.low
        high = wire.high
        kind = tag >>> 3
        break
      case 0x21: // double_value
        from = wire.fixed64()
        to = wire.pos
        kind = 4
        break
      default:
        wire.skip(tag)
    }
  }
  wire.pos = from
  wire.end = to
  wire.low = low
  wire.high = high
  return kind
}

/** A signed 64-bit number in decimal, exactly. */
function writeInt64(out: Bytes, low: number, high: number): void {
  if (high === 0) {
    writeDigits(out, low)
    return
  }
  out.pushString(int64Text(low, high))
}

function int64Text(low: number, high: number): string {
  if (high < 0x200000) return String(high * 4294967296 + low)
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString()
}

function writeDigits(out: Bytes, value: number): void {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  out.reserve(digits + 1)
  const bytes = out.bytes
  let at = out.length + digits
  bytes[out.length] = digits
  out.length = at + 1
  for (let rest = value; digits > 0; digits--) {
    const next = Math.trunc(rest / 10)
    bytes[at--] = 48 + rest - next * 10
    rest = next
  }
}

/** A double as Go's encoding and JavaScript both write it; NaN, +Inf, -Inf and -0 as Go's strconv does. */
function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

/** A value inside a list or a map, as JSON; numbers that JSON has no word for are strings. */
function json(wire: Wire, kind: number, depth: number): string {
  if (depth > MAX_DEPTH)
    throw new Unreadable('NESTING_TOO_DEEP', 'value', `A value is nested more than ${MAX_DEPTH} deep`)
  const { buf, pos, end } = wire
  switch (kind) {
    case 0:
      return 'null'
    case 1:
      return JSON.stringify(buf.toString('utf8', pos, end))
    case 2:
      return wire.low !== 0 || wire.high !== 0 ? 'true' : 'false'
    case 3:
      return int64Text(wire.low, wire.high)
    case 4: {
      const value = buf.readDoubleLE(pos)
      return Number.isFinite(value) ? doubleText(value) : `"${doubleText(value)}"`
    }
    case 5:
      return `[${listItems(wire, depth).join(',')}]`
    case 6: {
      const members = mapMembers(wire, depth)
      const keys = [...members.keys()].sort(byCodePoint)
      return `{${keys.map((key) => `${JSON.stringify(key)}:${members.get(key)}`).join(',')}}`
    }
    case 7:
      return `"${buf.toString('base64', pos, end)}"`
    default:
      throw broken(`value of kind ${kind}`)
  }
}

/** Order of UTF-8 bytes, which `<` on strings (UTF-16) is not. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function listItems(wire: Wire, depth: number): string[] {
  const items: string[] = []
  while (wire.pos < wire.end) {
    const tag = wire.tag()
    if (tag !== 0x0a) {
      wire.skip(tag)
      continue
    }
    const to = wire.limit()
    items.push(nested(wire.buf, wire.pos, to, depth))
    wire.pos = to
  }
  return items
}

function mapMembers(wire: Wire, depth: number): Map<string, string> {
  const members = new Map<string, string>()
  while (wire.pos < wire.end) {
    const tag = wire.tag()
    if (tag !== 0x0a) {
      wire.skip(tag)
      continue
    }
    const to = wire.limit()
    const entry = new Wire(wire.buf, wire.pos, to)
    let key = ''
    let value = 'null'
    while (entry.pos < to) {
      const entryTag = entry.tag()
      if (entryTag === 0x0a) {
        const keyEnd = entry.limit()
        key = entry.buf.toString('utf8', entry.pos, keyEnd)
        entry.pos = keyEnd
      } else if (entryTag === 0x12) {
        const valueEnd = entry.limit()
        value = nested(entry.buf, entry.pos, valueEnd, depth)
        entry.pos = valueEnd
      } else entry.skip(entryTag)
    }
    members.set(key, value)
    wire.pos = to
  }
  return members
}

function nested(buf: Buffer, start: number, end: number, depth: number): string {
  const value = new Wire(buf, start, end)
  return json(value, lastField(value), depth + 1)
}
