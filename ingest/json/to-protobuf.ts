import type { Intake, SignalKind } from '../intake.ts'
import { Bytes } from '../native/sink.ts'
import { Unreadable } from '../protobuf/unreadable.ts'
import { BYTES, FIXED32, FIXED64, VARINT } from '../protobuf/wire.ts'
import { type Field, type FieldKind, type Message, REQUESTS } from './messages.ts'

/** Deeper than any value that the decoder takes; bounds this file's own recursion. */
const MAX_DEPTH = 160

/**
 * OTLP/JSON as the protobuf message that says the same, so that one decoder gives meaning to both. Fields that are not
 * known are passed over; ids are hex, enums numbers, 64-bit numbers strings or numbers (exactly, both).
 * Records that are wrong go to `intake.rejections`, the others are kept.
 * @throws Unreadable if it is not JSON, or wrong outside of its records
 */
export function jsonToProtobuf(signal: SignalKind, body: Buffer, intake: Intake): Buffer {
  const value = parse(body)
  const writer = new MessageWriter(intake)
  return writer.message(REQUESTS[signal], value, '', 0)
}

function parse(body: Buffer): unknown {
  const text = body.toString('utf8')
  try {
    // Numbers of 16 digits and more may not be exact as JavaScript numbers; only then the slower way is taken. Times are
    // texts in most requests, and what stands before their digits is a quotation mark.
    if (!/[:,[\s-][0-9]{16}/.test(text)) return JSON.parse(text)
    return JSON.parse(text, exactIntegers as (key: string, value: unknown) => unknown)
  } catch (error) {
    // Exact numbers are looked for from within.
    if (error instanceof RangeError) throw new Unreadable('NESTING_TOO_DEEP', '', 'Nested too deep')
    throw new Unreadable('JSON_INVALID', '', `Not JSON: ${error instanceof Error ? error.message : error}`)
  }
}

function exactIntegers(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return context.source !== undefined && /^-?[0-9]+$/.test(context.source) ? BigInt(context.source) : value
}

class MessageWriter {
  private readonly intake: Intake
  /** What is being written at each depth: of each there is one at a time. */
  private readonly outs: Bytes[] = []

  constructor(intake: Intake) {
    this.intake = intake
  }

  /** @returns a view that holds until the next message at this depth */
  message(type: Message, value: unknown, path: string, depth: number): Buffer {
    if (depth > MAX_DEPTH)
      throw new Unreadable('NESTING_TOO_DEEP', path, `Nested more than ${MAX_DEPTH} deep`)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw wrong(path, 'an object', value)
    const out = this.outs[depth] ?? new Bytes(256)
    this.outs[depth] = out
    out.length = 0
    for (const [name, content] of Object.entries(value)) {
      const field = type.fields.get(name) ?? type.fields.get(camelCase(name))
      // null is the same as leaving the field out, says the JSON mapping of protobuf.
      if (field === undefined || content === null || content === undefined) continue
      const at = path === '' ? name : `${path}.${name}`
      if (!field.repeated) this.one(out, field, content, at, depth)
      else if (!Array.isArray(content)) throw wrong(at, 'a list', content)
      else for (let i = 0; i < content.length; i++) this.element(out, field, content[i], `${at}[${i}]`, depth)
    }
    return out.view()
  }

  private element(out: Bytes, field: Field, value: unknown, path: string, depth: number): void {
    if (field.records !== true) {
      this.one(out, field, value, path, depth)
      return
    }
    const before = out.length
    try {
      this.one(out, field, value, path, depth)
    } catch (error) {
      out.length = before
      this.intake.reject(error, Buffer.from(stringify(value)), 'application/json')
    }
  }

  private one(out: Bytes, field: Field, value: unknown, path: string, depth: number): void {
    const { kind, number } = field
    if (typeof kind === 'object') {
      const nested = this.message(kind, value, path, depth + 1)
      out.pushVarint(number * 8 + BYTES)
      out.pushVarint(nested.length)
      out.pushRaw(nested, 0, nested.length)
      return
    }
    scalar(out, number, kind, value, path)
  }
}

function scalar(out: Bytes, number: number, kind: FieldKind, value: unknown, path: string): void {
  switch (kind) {
    case 'string':
      if (typeof value !== 'string') throw wrong(path, 'a string', value)
      out.pushVarint(number * 8 + BYTES)
      out.pushString(value)
      return
    case 'hex':
    case 'base64': {
      const bytes = decodeBytes(kind, value, path)
      out.pushVarint(number * 8 + BYTES)
      out.pushVarint(bytes.length)
      out.pushRaw(bytes, 0, bytes.length)
      return
    }
    case 'bool':
      if (typeof value !== 'boolean') throw wrong(path, 'true or false', value)
      out.pushVarint(number * 8 + VARINT)
      out.pushByte(value ? 1 : 0)
      return
    case 'double':
      out.pushVarint(number * 8 + FIXED64)
      out.reserve(8)
      out.length = out.bytes.writeDoubleLE(double(value, path), out.length)
      return
    case 'fixed32':
      out.pushVarint(number * 8 + FIXED32)
      out.reserve(4)
      out.length = out.bytes.writeUInt32LE(Number(integer(value, 0n, 0xffffffffn, path)), out.length)
      return
    case 'fixed64':
    case 'sfixed64': {
      const wide =
        kind === 'fixed64' ? integer(value, 0n, MAX_UINT64, path) : integer(value, MIN_INT64, MAX_INT64, path)
      out.pushVarint(number * 8 + FIXED64)
      out.reserve(8)
      out.length = out.bytes.writeBigUInt64LE(BigInt.asUintN(64, wide), out.length)
      return
    }
    case 'sint32': {
      const signed = Number(integer(value, -0x80000000n, 0x7fffffffn, path))
      out.pushVarint(number * 8 + VARINT)
      out.pushVarint(((signed << 1) ^ (signed >> 31)) >>> 0)
      return
    }
    default: {
      const [least, most] = RANGES[kind]
      const whole = integer(value, least, most, path)
      out.pushVarint(number * 8 + VARINT)
      pushVarint64(out, BigInt.asUintN(64, whole))
    }
  }
}

const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n
const MAX_UINT64 = 2n ** 64n - 1n
const RANGES = {
  enum: [-0x80000000n, 0x7fffffffn],
  uint32: [0n, 0xffffffffn],
  int64: [MIN_INT64, MAX_INT64],
  uint64: [0n, MAX_UINT64],
} as const

function pushVarint64(out: Bytes, value: bigint): void {
  let rest = value
  while (rest > 127n) {
    out.pushByte(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  out.pushByte(Number(rest))
}

function integer(value: unknown, least: bigint, most: bigint, path: string): bigint {
  let whole: bigint
  if (typeof value === 'bigint') whole = value
  else if (typeof value === 'number' && Number.isInteger(value)) whole = BigInt(value)
  else if (typeof value === 'string' && /^-?[0-9]{1,20}$/.test(value)) whole = BigInt(value)
  else throw wrong(path, 'a whole number', value)
  if (whole < least || whole > most) throw wrong(path, `a number from ${least} to ${most}`, value)
  return whole
}

function double(value: unknown, path: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value === 'NaN') return Number.NaN
  if (value === 'Infinity') return Number.POSITIVE_INFINITY
  if (value === '-Infinity') return Number.NEGATIVE_INFINITY
  if (typeof value === 'string' && /^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(value)) return Number(value)
  throw wrong(path, 'a number', value)
}

function decodeBytes(kind: 'hex' | 'base64', value: unknown, path: string): Buffer {
  if (typeof value !== 'string') throw wrong(path, `${kind} text`, value)
  if (kind === 'hex') {
    if (!/^([0-9a-fA-F]{2})*$/.test(value))
      throw new Unreadable('ID_INVALID', path, `${path}: not hex: ${shown(value)}`)
    return Buffer.from(value, 'hex')
  }
  // Both alphabets, padded or not, as the JSON mapping of protobuf demands.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw wrong(path, 'base64 text', value)
  return Buffer.from(value, 'base64')
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function wrong(path: string, expected: string, value: unknown): Unreadable {
  return new Unreadable(
    'JSON_INVALID',
    path,
    `${path || 'The request'}: expected ${expected}, got ${shown(value)}`,
  )
}

function shown(value: unknown): string {
  const text = stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function stringify(value: unknown): string {
  return JSON.stringify(cut(value, 0)) ?? String(value)
}

/** As it came, but no deeper than JSON can be written without end of the stack, and 64-bit numbers as text. */
function cut(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth === 2 * MAX_DEPTH) return '...'
  if (Array.isArray(value)) return value.map((each) => cut(each, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cut(each, depth + 1)]))
}
