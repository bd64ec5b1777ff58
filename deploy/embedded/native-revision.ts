import { ClickHouseException } from './exception.ts'

/** Protocol revisions from which a block begins with its info, and a column tells how it is serialized. */
const WITH_BLOCK_INFO = 51_903
const WITH_CUSTOM_SERIALIZATION = 54_454

// Field 1: no overflow row; field 2: bucket -1 (Int32); 0: no more fields.
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
const DEFAULT_SERIALIZATION = Buffer.from([0])

/** How a column's bytes lie in a Native block of revision 0. */
type Layout =
  | { kind: 'fixed'; bytes: number }
  | { kind: 'string' }
  | { kind: 'nullable'; of: Layout }
  | { kind: 'array'; of: Layout }
  | { kind: 'tuple'; of: Layout[] }
  | { kind: 'dictionary'; of: Layout }

const FIXED = new Map<string, number>(
  Object.entries({
    ...{ Int8: 1, UInt8: 1, Bool: 1, Enum8: 1, Nothing: 1 },
    ...{ Int16: 2, UInt16: 2, Enum16: 2, Date: 2, BFloat16: 2 },
    ...{ Int32: 4, UInt32: 4, Float32: 4, Date32: 4, DateTime: 4, IPv4: 4, Decimal32: 4, Time: 4 },
    ...{ Int64: 8, UInt64: 8, Float64: 8, DateTime64: 8, Decimal64: 8, Time64: 8 },
    ...{ Int128: 16, UInt128: 16, UUID: 16, IPv6: 16, Decimal128: 16 },
    ...{ Int256: 32, UInt256: 32, Decimal256: 32 },
  }),
)

const POINT: Layout = {
  kind: 'tuple',
  of: [
    { kind: 'fixed', bytes: 8 },
    { kind: 'fixed', bytes: 8 },
  ],
}
const RING: Layout = { kind: 'array', of: POINT }
const POLYGON: Layout = { kind: 'array', of: RING }
const GEOMETRY = new Map<string, Layout>([
  ['Point', POINT],
  ['Ring', RING],
  ['LineString', RING],
  ['Polygon', POLYGON],
  ['MultiLineString', POLYGON],
  ['MultiPolygon', { kind: 'array', of: POLYGON }],
])

/** Splits a type's arguments at their commas; commas in brackets and quotes belong to an argument. */
function splitArguments(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quote = ''
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (quote !== '') {
      if (char === '\\') i++
      else if (char === quote) quote = ''
    } else if (char === "'" || char === '`' || char === '"') quote = char
    else if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  if (text.trim() !== '') parts.push(text.slice(from).trim())
  return parts
}

/** A tuple's element without its name. */
function elementType(text: string): string {
  const quoted = /^`(?:\\.|[^`])*`\s+/.exec(text)
  if (quoted !== null) return text.slice(quoted[0].length)
  return /^[A-Za-z_]\w*\s+([A-Z].*)$/s.exec(text)?.[1] ?? text
}

function decimalBytes(precision: number): number {
  if (precision <= 9) return 4
  if (precision <= 18) return 8
  return precision <= 38 ? 16 : 32
}

/** @throws ClickHouseException for types whose bytes cannot be passed over without decoding them */
function layoutOf(type: string): Layout {
  const open = type.indexOf('(')
  const name = open < 0 ? type : type.slice(0, open)
  const args = open < 0 ? [] : splitArguments(type.slice(open + 1, type.lastIndexOf(')')))
  const first = args[0] ?? ''
  const fixed = FIXED.get(name)
  const geometry = GEOMETRY.get(name)
  if (fixed !== undefined) return { kind: 'fixed', bytes: fixed }
  if (geometry !== undefined) return geometry
  if (name.startsWith('Interval')) return { kind: 'fixed', bytes: 8 }
  if (name === 'String') return { kind: 'string' }
  if (name === 'FixedString') return { kind: 'fixed', bytes: Number(first) }
  if (name === 'Decimal') return { kind: 'fixed', bytes: decimalBytes(Number(first)) }
  if (name === 'Nullable') return { kind: 'nullable', of: layoutOf(first) }
  if (name === 'Array') return { kind: 'array', of: layoutOf(first) }
  if (name === 'Map') return { kind: 'array', of: { kind: 'tuple', of: args.map(layoutOf) } }
  if (name === 'SimpleAggregateFunction') return layoutOf(args[1] ?? '')
  if (name === 'Tuple' && args.length === 0) return { kind: 'fixed', bytes: 1 }
  if (name === 'Tuple' || name === 'Nested') {
    const tuple: Layout = { kind: 'tuple', of: args.map((arg) => layoutOf(elementType(arg))) }
    return name === 'Nested' ? { kind: 'array', of: tuple } : tuple
  }
  if (name === 'LowCardinality') {
    const of = layoutOf(first)
    return { kind: 'dictionary', of: of.kind === 'nullable' ? of.of : of }
  }
  throw new ClickHouseException(
    48,
    'NOT_IMPLEMENTED',
    `Type ${type} in the Native format with client_protocol_version is not supported here. Cast it to String, or ask for another format`,
  )
}

/**
 * Turns Native blocks of revision 0, the only ones the engine writes, into those of a client's revision, as clients
 * that send `client_protocol_version` expect (clickhouse-go, so Grafana's data source). It has to know where columns
 * end, so it walks over their bytes, without decoding or holding them.
 */
export class NativeRevision {
  readonly #revision: number
  readonly #layouts = new Map<string, Layout>()
  readonly #walk: Generator<void, never>
  #input: Buffer = Buffer.alloc(0)
  #at = 0
  /** From here to `#at` the input is to be passed on as it is. */
  #from = 0
  #out: Buffer[] = []
  #inBlock = false

  constructor(revision: number) {
    this.#revision = revision
    this.#walk = this.#blocks()
  }

  /** @returns what can be passed on so far */
  push(chunk: Buffer): Buffer[] {
    this.#input =
      this.#at === this.#input.length ? chunk : Buffer.concat([this.#input.subarray(this.#at), chunk])
    this.#at = 0
    this.#from = 0
    this.#walk.next()
    this.#pass()
    return this.#out.splice(0)
  }

  /** Whether the input could end here: between two blocks. */
  get complete(): boolean {
    return !this.#inBlock && this.#at === this.#input.length
  }

  #pass(): void {
    if (this.#at > this.#from) this.#out.push(this.#input.subarray(this.#from, this.#at))
    this.#from = this.#at
  }

  #insert(bytes: Buffer): void {
    this.#pass()
    this.#out.push(bytes)
  }

  *#blocks(): Generator<void, never> {
    while (true) {
      while (this.#at === this.#input.length) yield
      this.#inBlock = true
      if (this.#revision >= WITH_BLOCK_INFO) this.#insert(BLOCK_INFO)
      const columns = yield* this.#varint()
      const rows = yield* this.#varint()
      for (let column = 0; column < columns; column++) {
        yield* this.#text()
        const type = yield* this.#text()
        if (this.#revision >= WITH_CUSTOM_SERIALIZATION) this.#insert(DEFAULT_SERIALIZATION)
        if (rows === 0) continue
        let layout = this.#layouts.get(type)
        if (layout === undefined) {
          layout = layoutOf(type)
          this.#layouts.set(type, layout)
        }
        yield* this.#prefix(layout)
        yield* this.#data(layout, rows)
      }
      this.#inBlock = false
    }
  }

  /** Dictionaries announce their version before any data of the column. */
  *#prefix(layout: Layout): Generator<void> {
    if (layout.kind === 'dictionary') yield* this.#skip(8)
    else if (layout.kind === 'tuple') for (const element of layout.of) yield* this.#prefix(element)
    else if (layout.kind === 'array' || layout.kind === 'nullable') yield* this.#prefix(layout.of)
  }

  *#data(layout: Layout, rows: number): Generator<void> {
    if (rows === 0) return
    if (layout.kind === 'fixed') yield* this.#skip(rows * layout.bytes)
    else if (layout.kind === 'string') {
      for (let row = 0; row < rows; row++) {
        // Nearly all strings are shorter than 128 bytes and wholly there.
        const size = this.#input[this.#at]
        if (size !== undefined && size < 128 && this.#at + size < this.#input.length) this.#at += size + 1
        else yield* this.#skip(yield* this.#varint())
      }
    } else if (layout.kind === 'nullable') {
      yield* this.#skip(rows)
      yield* this.#data(layout.of, rows)
    } else if (layout.kind === 'array') {
      yield* this.#skip((rows - 1) * 8)
      yield* this.#data(layout.of, yield* this.#uint64())
    } else if (layout.kind === 'tuple') {
      for (const element of layout.of) yield* this.#data(element, rows)
    } else {
      const flags = yield* this.#uint64()
      // Bit 9: the dictionary's keys follow. The lowest byte: log2 of an index's width.
      if (Math.floor(flags / 512) % 2 === 1) yield* this.#data(layout.of, yield* this.#uint64())
      const indexes = yield* this.#uint64()
      yield* this.#skip(indexes * 2 ** (flags % 256))
    }
  }

  *#skip(bytes: number): Generator<void> {
    let left = bytes
    while (left > 0) {
      const step = Math.min(left, this.#input.length - this.#at)
      this.#at += step
      left -= step
      if (left > 0) yield
    }
  }

  *#uint64(): Generator<void, number> {
    while (this.#input.length - this.#at < 8) yield
    const value = Number(this.#input.readBigUInt64LE(this.#at))
    this.#at += 8
    return value
  }

  *#varint(): Generator<void, number> {
    let value = 0
    let factor = 1
    while (true) {
      while (this.#at === this.#input.length) yield
      const byte = this.#input[this.#at++] ?? 0
      value += (byte & 127) * factor
      if (byte < 128) return value
      factor *= 128
    }
  }

  *#text(): Generator<void, string> {
    const size = yield* this.#varint()
    while (this.#input.length - this.#at < size) yield
    const text = this.#input.toString('utf8', this.#at, this.#at + size)
    this.#at += size
    return text
  }
}
