import fc from 'fast-check'
import protobuf from 'protobufjs'
import { seededRandom } from '../../analytics/stats/random.ts'
import { encode, official, otlpJson } from './official.ts'
import { logsRequest, metricsRequest, tracesRequest } from './otlp-arbitrary.ts'

/** The clock of all inputs, so that a seed means the same bytes on any day. */
export const NOW = Date.UTC(2026, 10, 23, 12)
export const SIGNALS = ['logs', 'traces', 'metrics'] as const
type Signal = (typeof SIGNALS)[number]

export interface FuzzInput {
  readonly signal: Signal
  readonly format: 'protobuf' | 'json' | 'lines'
  readonly bytes: Uint8Array
}

const ARBITRARY = { logs: logsRequest(NOW), traces: tracesRequest(NOW), metrics: metricsRequest(NOW) }
/** Requests of each kind that inputs are made from. */
const SAMPLES = 60
/** Longer ones cost much and find little more. */
const LONGEST = 2_000
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

/** Byte strings that are nearly requests, and some that are nothing; the one of a number is always the same. */
export class FuzzInputs {
  private readonly seed: number
  private readonly corpus: readonly FuzzInput[]

  /** @param seed any 32-bit whole number */
  constructor(seed: number) {
    this.seed = seed
    this.corpus = [
      ...SIGNALS.flatMap((signal) => requests(signal, seed)),
      ...LINES.map((line) => ({
        signal: 'logs' as const,
        format: 'lines' as const,
        bytes: Buffer.from(`${line}\n${LINES[0]}`),
      })),
    ]
  }

  /** @param number of the input, from 0 */
  input(number: number): FuzzInput {
    // Each number has a stream of its own, so that one input can be made again without those before it.
    const random = seededRandom((this.seed ^ Math.imul(number + 1, 0x9e3779b1)) >>> 0)
    const below = (n: number) => Math.floor(random() * n)
    const from = this.corpus[below(this.corpus.length)] as FuzzInput
    if (below(20) === 0) {
      return { ...from, bytes: Uint8Array.from({ length: below(200) }, () => below(256)) }
    }
    let bytes: Uint8Array = from.bytes
    for (let left = 1 + below(4); left > 0; left--) {
      const other = this.corpus[below(this.corpus.length)] as FuzzInput
      const change = (part: Uint8Array) => mutated(part, other.bytes, below)
      // Half of the damage is inside of records whose frames fit, where refusing the whole would hide what is behind.
      bytes = from.format === 'protobuf' && below(2) === 0 ? within(bytes, below, change) : change(bytes)
    }
    return { ...from, bytes }
  }
}

function requests(signal: Signal, seed: number): FuzzInput[] {
  const messages = fc.sample(ARBITRARY[signal], { seed, numRuns: SAMPLES * 4 })
  const fits = ({ bytes }: FuzzInput) => bytes.length > 0 && bytes.length <= LONGEST
  const protobuf = messages.map(
    (message): FuzzInput => ({ signal, format: 'protobuf', bytes: encode(official[signal], message) }),
  )
  const json = messages.map(
    (message): FuzzInput => ({ signal, format: 'json', bytes: Buffer.from(otlpJson(message)) }),
  )
  return [...protobuf.filter(fits).slice(0, SAMPLES), ...json.filter(fits).slice(0, SAMPLES / 4)]
}

/** Changes one nested field, at any depth, and writes the lengths around it anew. */
function within(
  bytes: Uint8Array,
  below: (n: number) => number,
  change: (part: Uint8Array) => Uint8Array,
  depth = 0,
): Uint8Array {
  const fields = depth < 3 || below(2) === 0 ? nested(bytes) : []
  const field = fields[below(Math.max(1, fields.length))]
  if (field === undefined) return change(bytes)
  const inner = within(bytes.subarray(field.start, field.end), below, change, depth + 1)
  const length: number[] = []
  for (let left = inner.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left)
    if (left <= 127) break
  }
  return Buffer.concat([
    bytes.subarray(0, field.length),
    Uint8Array.from(length),
    inner,
    bytes.subarray(field.end),
  ])
}

/** Where the fields with lengths are, if all of it reads as fields: of their lengths, starts and ends. */
function nested(bytes: Uint8Array): { length: number; start: number; end: number }[] {
  const found = []
  const wire = new protobuf.BufferReader(Buffer.from(bytes))
  try {
    while (wire.pos < wire.len) {
      const tag = wire.uint32()
      const length = wire.pos
      if ((tag & 7) === 2) {
        const size = wire.uint32()
        found.push({ length, start: wire.pos, end: wire.pos + size })
        wire.skip(size)
      } else wire.skipType(tag & 7)
    }
  } catch {
    return []
  }
  return found.filter(({ start, end }) => end > start)
}

function mutated(bytes: Uint8Array, other: Uint8Array, below: (n: number) => number): Uint8Array {
  const at = below(bytes.length + 1)
  const to = Math.min(bytes.length, at + 1 + below(16))
  const pieces = (...parts: Uint8Array[]) => Buffer.concat(parts)
  switch (below(8)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return pieces(bytes.subarray(0, at), bytes.subarray(to))
    case 2:
      return pieces(bytes.subarray(0, to), bytes.subarray(at))
    case 3:
      return pieces(bytes.subarray(0, at), TOKENS[below(TOKENS.length)] as Buffer, bytes.subarray(at))
    case 4:
      return pieces(bytes.subarray(0, at), TOKENS[below(TOKENS.length)] as Buffer, bytes.subarray(to))
    case 5:
      return pieces(bytes.subarray(0, at), other.subarray(below(other.length)))
    default: {
      const copy = Buffer.from(bytes)
      if (copy.length > 0) {
        const place = at % copy.length
        copy[place] = below(2) === 0 ? below(256) : (copy[place] as number) ^ (1 << below(8))
      }
      return copy
    }
  }
}
