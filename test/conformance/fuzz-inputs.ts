import fc from 'fast-check'
import { encoded } from '../../ingest/protobuf/wire-writer.ts'
import { encode, fieldsIn, official, otlpJson } from './official.ts'
import { logsRequest, metricsRequest, tracesRequest } from './otlp-arbitrary.ts'

/** The clock of all inputs, so that a seed means the same bytes on any day. */
export const NOW = Date.UTC(2026, 10, 23, 12)
export const SIGNALS = ['logs', 'traces', 'metrics'] as const
type Signal = (typeof SIGNALS)[number]

/** A whole request that inputs are made from. */
export interface FuzzSeed {
  readonly signal: Signal
  readonly format: 'protobuf' | 'json' | 'lines'
  readonly bytes: Buffer
}

/** Bytes that an input has at most. */
export const LONGEST = 4_096
/** Requests of each signal, by format. Small ones are quick to decode, so more of them can be damaged. */
const SAMPLES = { protobuf: 120, json: 6 }
const SMALL = { protobuf: 280, json: 800 }
const DRAWN = 2_000
/** One in so many is left as it was drawn, the others have one element in each list. */
const WHOLE = 8
/** Names of fields that only requests with records have. */
const RECORDS = {
  logs: /^ScopeLogs\.logRecords/,
  traces: /^ScopeSpans\.spans/,
  metrics: /^\w+Point\./,
}
const ARBITRARY = { logs: logsRequest(NOW), traces: tracesRequest(NOW), metrics: metricsRequest(NOW) }
const LINES = [
  `{"time":"2026-11-23T11:59:00Z","level":"error","msg":"payment failed","err":{"type":"Declined","stack":"at a (b.js:1:2)"},"n":12345678901234567890}`,
  `{"timestamp":1795435140123,"severity":"WARN","message":"slow \\ud83d","service":"a","version":"1"}`,
  `{"ts":1795435140.5,"lvl":50,"body":{"a":[1,null,{"b":true}]},"trace_id":"0af7651916cd43dd8448eb211c80319c"}`,
  'not json',
]
/** Numbers at the edges of what protobuf can say, tags of nested fields, groups, and JSON's own characters. */
const TOKENS = [
  'ffffffffffffffffff01',
  'ffffffffffffffffffff01',
  '80808080808080808000',
  'ffffffff0f',
  '8080808008',
  '00',
  '0a00',
  '0aff7f',
  '1a06',
  '2a02',
  '0b',
  '0c',
  'f3ff7f',
  'c080',
  'eda080',
  'f48fbfbf',
  '7b7d',
  '5b5b5b5b',
  '226e756c6c22',
  '2d31653339',
  '5c7564383030',
  '0a',
].map((hex) => Buffer.from(hex, 'hex'))
/** What may stand where JSON has a value, right or wrong. */
const JSON_VALUES = [
  'null',
  'true',
  '-1',
  '0.5',
  '1e39',
  '18446744073709551615',
  '18446744073709551616',
  '-9223372036854775809',
  '"18446744073709551616"',
  '"NaN"',
  '"-Infinity"',
  '""',
  '"\\ud800"',
  '"0af7651916cd43dd"',
  '"=="',
  '[]',
  '{}',
  '[null]',
  '[{}]',
].map((text) => Buffer.from(text))
/** Nested this deep: around what decoders take (values 48, groups 16, JSON 160 messages), and far beyond. */
const VALUE_DEPTHS = [47, 48, 49, 50, 120]
const GROUP_DEPTHS = [15, 16, 17, 18, 500]
const DEEPEST_FIELDS = 16

/**
 * Byte strings that are nearly requests, and some that are nothing; the one of a number is always the same. One is made at a
 * time, in the same memory.
 */
export class FuzzInputs {
  /** The input is `work[0, size)`. */
  readonly work = Buffer.alloc(2 * LONGEST)
  size = 0
  readonly corpus: readonly FuzzSeed[]
  private readonly seed: number
  /** Where scalars stand in the JSON of each of the corpus: starts and ends. */
  private readonly scalars: readonly Int32Array[]
  private readonly piece = Buffer.alloc(16)
  private state = 0
  /** Fields around the place to be damaged, outermost first: of the length, of its content, and after it. */
  private readonly lengthAt = new Int32Array(DEEPEST_FIELDS)
  private readonly contentAt = new Int32Array(DEEPEST_FIELDS)
  private readonly contentEnd = new Int32Array(DEEPEST_FIELDS)

  /** @param seed any 32-bit whole number */
  constructor(seed: number) {
    this.seed = seed
    this.corpus = [
      ...SIGNALS.flatMap((signal) => requests(signal, seed)),
      ...SIGNALS.flatMap(nestedRequests),
      ...LINES.map((line): FuzzSeed => {
        return { signal: 'logs', format: 'lines', bytes: Buffer.from(`${line}\n${LINES[0]}`) }
      }),
    ]
    this.scalars = this.corpus.map(({ format, bytes }) =>
      format === 'protobuf' ? new Int32Array(0) : scalarsOf(bytes.toString('latin1')),
    )
  }

  /**
   * Makes the input of a number, from 0.
   * @returns the request that it was made from, whose signal and format it has
   */
  make(number: number): FuzzSeed {
    // Each number has a stream of its own, so that one input can be made again without those before it.
    this.state = this.seed ^ Math.imul(number + 1, 0x9e3779b1)
    const chosen = this.below(this.corpus.length)
    const from = this.corpus[chosen] as FuzzSeed
    if (this.below(20) === 0) {
      this.size = this.below(200)
      for (let i = 0; i < this.size; i++) this.work[i] = this.below(256)
      return from
    }
    from.bytes.copy(this.work)
    this.size = from.bytes.length
    const scalars = this.scalars[chosen] as Int32Array
    if (scalars.length > 0) {
      this.replaceScalar(scalars)
      // Most of them stay JSON, so that what is behind the parser is reached.
      if (this.below(4) > 0) return from
    }
    // Most damage is inside of fields whose frames fit, where refusing the whole would hide what is behind.
    const within = from.format === 'protobuf' && this.below(4) > 0
    for (let left = 1 + this.below(4); left > 0; left--) {
      if (within || (from.format === 'protobuf' && this.below(2) === 0)) this.damageWithin()
      else this.damage(0, this.size)
    }
    return from
  }

  /** A whole number from 0 to below `n`: SplitMix32. */
  private below(n: number): number {
    this.state = (this.state + 0x9e3779b9) | 0
    let z = this.state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return Math.floor((((z ^ (z >>> 15)) >>> 0) * n) / 4294967296)
  }

  private replaceScalar(scalars: Int32Array): void {
    const i = 2 * this.below(scalars.length / 2)
    const [start, end] = [scalars[i] as number, scalars[i + 1] as number]
    const value = JSON_VALUES[this.below(JSON_VALUES.length)] as Buffer
    this.splice(start, end - start, value, 0, value.length)
  }

  /** Changes one nested field, at any depth, and writes the lengths around it anew. */
  private damageWithin(): void {
    const depth = this.descend()
    const before = this.size
    const start = depth === 0 ? 0 : (this.contentAt[depth - 1] as number)
    this.damage(start, depth === 0 ? before : (this.contentEnd[depth - 1] as number))
    for (let d = depth - 1; d >= 0; d--) {
      const lengthAt = this.lengthAt[d] as number
      const contentAt = this.contentAt[d] as number
      let rest = (this.contentEnd[d] as number) - contentAt + this.size - before
      let count = 0
      for (; rest > 127; rest >>>= 7) this.piece[count++] = (rest & 127) | 128
      this.piece[count++] = rest
      this.splice(lengthAt, contentAt - lengthAt, this.piece, 0, count)
    }
  }

  /** Picks a field with a length at each level, as far as all there reads as fields. @returns how many levels down */
  private descend(): number {
    let start = 0
    let end = this.size
    let depth = 0
    while (depth < DEEPEST_FIELDS && (depth < 3 || this.below(2) === 0)) {
      let found = 0
      let pos = start
      while (pos >= 0 && pos < end) {
        const tag = this.work[pos] as number
        pos = this.afterVarint(pos, end)
        if (pos < 0) break
        const wireType = tag & 7
        if (wireType === 0) pos = this.afterVarint(pos, end)
        else if (wireType === 1) pos += 8
        else if (wireType === 5) pos += 4
        else if (wireType === 2) {
          const lengthAt = pos
          pos = this.afterVarint(pos, end)
          if (pos < 0) break
          const length = this.value
          if (length > end - pos) break
          if (length > 0 && this.below(++found) === 0) {
            this.lengthAt[depth] = lengthAt
            this.contentAt[depth] = pos
            this.contentEnd[depth] = pos + length
          }
          pos += length
        } else pos = -1
      }
      if (pos !== end || found === 0) return depth
      start = this.contentAt[depth] as number
      end = this.contentEnd[depth] as number
      depth++
    }
    return depth
  }

  private value = 0

  /** Reads a number of up to 28 bits. @returns where it ends, -1 if it is none */
  private afterVarint(at: number, end: number): number {
    let value = 0
    for (let i = at, shift = 0; i < end && shift < 28; i++, shift += 7) {
      const byte = this.work[i] as number
      value |= (byte & 127) << shift
      if (byte < 128) {
        this.value = value
        return i + 1
      }
    }
    return -1
  }

  /** Damages `work[start, end)` in one of eight ways. */
  private damage(start: number, end: number): void {
    const at = start + this.below(end - start + 1)
    const to = Math.min(end, at + 1 + this.below(16))
    const token = TOKENS[this.below(TOKENS.length)] as Buffer
    switch (this.below(8)) {
      case 0:
        this.splice(at, end - at, token, 0, 0)
        return
      case 1:
        this.splice(at, to - at, token, 0, 0)
        return
      case 2:
        this.work.copy(this.piece, 0, at, to)
        this.splice(to, 0, this.piece, 0, to - at)
        return
      case 3:
        this.splice(at, 0, token, 0, token.length)
        return
      case 4:
        this.splice(at, to - at, token, 0, token.length)
        return
      case 5: {
        const { bytes } = this.corpus[this.below(this.corpus.length)] as FuzzSeed
        this.splice(at, end - at, bytes, this.below(bytes.length), bytes.length)
        return
      }
      default: {
        if (end === start) return
        const place = at === end ? start : at
        const byte = this.work[place] as number
        this.work[place] = this.below(2) === 0 ? this.below(256) : byte ^ (1 << this.below(8))
      }
    }
  }

  /** Puts `source[from, to)` in place of `removed` bytes; nothing if the input would become too long. */
  private splice(at: number, removed: number, source: Buffer, from: number, to: number): void {
    const size = this.size + to - from - removed
    if (size > LONGEST) return
    this.work.copyWithin(at + to - from, at + removed, this.size)
    source.copy(this.work, at, from, to)
    this.size = size
  }
}

/** Small requests, and the smallest ones that have the fields that those have not, so that every field is in some. */
function requests(signal: Signal, seed: number): FuzzSeed[] {
  const drawn = fc
    .sample(ARBITRARY[signal], { seed, numRuns: DRAWN })
    .map((whole, i) => {
      const message = i % WHOLE === 0 ? whole : (slim(whole) as object)
      const protobuf = encode(official[signal], message)
      return { message, protobuf, fields: [...fieldsIn(official[signal], protobuf)] }
    })
    .filter(({ fields }) => fields.some((field) => RECORDS[signal].test(field)))
  const chosen = drawn
    .filter(({ protobuf: { length } }) => length <= SMALL.protobuf)
    .slice(0, SAMPLES.protobuf)
  const known = new Set(chosen.flatMap(({ fields }) => fields))
  for (const one of drawn.toSorted((a, b) => a.protobuf.length - b.protobuf.length)) {
    const fresh = one.fields.filter((field) => !known.has(field))
    if (fresh.length === 0) continue
    chosen.push(one)
    for (const field of fresh) known.add(field)
  }
  const json = drawn
    .map(({ message }) => Buffer.from(otlpJson(message)))
    .filter(({ length }) => length <= SMALL.json)
  return [
    ...chosen.map(({ protobuf }): FuzzSeed => ({ signal, format: 'protobuf', bytes: protobuf })),
    ...json.slice(0, SAMPLES.json).map((bytes): FuzzSeed => ({ signal, format: 'json', bytes })),
  ]
}

/** One element of each list: of what is made of few fields, more can be tried. */
function slim(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(-1).map(slim)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, slim(of)]))
}

/** A resource's attribute that is nested deep, and groups that are. The official encoder does not go as deep. */
function nestedRequests(signal: Signal): FuzzSeed[] {
  const list = { logs: 'resourceLogs', traces: 'resourceSpans', metrics: 'resourceMetrics' }[signal]
  const values = VALUE_DEPTHS.flatMap((depth): FuzzSeed[] => {
    let value: Buffer = Buffer.from([0x18, 1])
    let json = '{"intValue":"1"}'
    for (let i = 0; i < depth; i++) {
      value = i % 2 === 0 ? field(5, field(1, value)) : field(6, field(1, field(1, 'k'), field(2, value)))
      json =
        i % 2 === 0
          ? `{"arrayValue":{"values":[${json}]}}`
          : `{"kvlistValue":{"values":[{"key":"k","value":${json}}]}}`
    }
    const resource = field(1, field(1, field(1, 'a'), field(2, value)))
    const whole = `{"${list}":[{"resource":{"attributes":[{"key":"a","value":${json}}]}}]}`
    return [
      { signal, format: 'protobuf', bytes: field(1, resource) },
      // Values of all signals are read by the same code, and JSON this deep takes long.
      ...(signal === 'logs' && whole.length <= LONGEST
        ? [{ signal, format: 'json', bytes: Buffer.from(whole) } as const]
        : []),
    ]
  })
  const groups = GROUP_DEPTHS.map((depth): FuzzSeed => {
    const bytes = Buffer.concat([Buffer.alloc(depth, 0x7b), Buffer.alloc(depth, 0x7c)])
    return { signal, format: 'protobuf', bytes }
  })
  return [...values, ...groups]
}

function field(number: number, ...parts: (Buffer | string)[]): Buffer {
  return encoded((writer) => writer.block(number, Buffer.concat(parts.map((part) => Buffer.from(part)))))
}

function scalarsOf(json: string): Int32Array {
  const places = [...json.matchAll(/(?<=[:[,])("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)(?=[,}\]])/g)]
  return Int32Array.from(places.flatMap(({ index, 0: text }) => [index, index + text.length]))
}
