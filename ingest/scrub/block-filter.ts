/** The part of it that is used here; TypeScript has the types with those of browsers only. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: Record<string, unknown> }
}

/** Bytes that are looked at together: 2^4, one vector. */
export const BLOCK_BITS = 4
/** Bytes of a request that are in the module's memory at a time: as much as a core has near. */
const CHUNK = 64 * 1024
/** Bytes after a chunk that its last windows reach into, and one vector. */
const BEYOND = 32
const FLAGS = CHUNK + 1024
const PAGES = 3

/** Three neighbouring bytes, each of a set: a window that a secret may show itself by. Eight such are told apart. */
export type Window = readonly [first: string, second: string, third: string]

/**
 * Tells in which blocks of sixteen bytes of a request one of up to eight windows, an `@`, or thirteen digits (blanks and hyphens count) in a row begin:
 * a block at a time, by WebAssembly's vectors. A byte is looked up by its two halves (the method is Hyperscan's Teddy), so some
 * blocks are named that have none; none is missed.
 */
export class BlockFilter {
  private readonly memory: Uint8Array
  /** The flags, four at a time: nearly all are 0. */
  private readonly flags: Uint32Array
  private readonly scanChunk: (end: number, flags: number) => void

  constructor(windows: readonly Window[]) {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
    const module = new WebAssembly.Module(moduleOf(windows))
    const { exports } = new WebAssembly.Instance(module, { m: { m: memory } })
    this.memory = new Uint8Array(memory.buffer)
    this.flags = new Uint32Array(memory.buffer, FLAGS, CHUNK >> (BLOCK_BITS + 2))
    this.scanChunk = exports['f'] as typeof this.scanChunk
  }

  /** Calls `found` with the number of each such block, in order. */
  scan(bytes: Buffer, found: (block: number) => void): void {
    const { memory, flags } = this
    for (let start = 0; start < bytes.length; start += CHUNK) {
      const part = bytes.subarray(start, Math.min(bytes.length, start + CHUNK + BEYOND))
      memory.set(part)
      // Nothing of what was there before may be taken for this request's.
      memory.fill(0, part.length, part.length + BEYOND)
      const size = Math.min(CHUNK, part.length)
      const fours = ((size - 1) >> (BLOCK_BITS + 2)) + 1
      flags.fill(0, 0, fours)
      this.scanChunk(size, FLAGS)
      const first = start >> BLOCK_BITS
      for (let i = 0; i < fours; i++) {
        if (flags[i] === 0) continue
        for (let block = i << 2; block < (i + 1) << 2; block++)
          if (memory[FLAGS + block] === 1) found(first + block)
      }
    }
  }
}

// What follows writes a WebAssembly module of one function, `f(end, flags)`, by the opcodes of the core specification (section 5).

const I32 = 0x7f
const V128 = 0x7b
const END_OF_CHUNK = 0
const FLAGS_AT = 1
const AT = 2
const MASK = 3
const X = 4
const FOUND = 5

const get = (local: number) => [0x20, local]
const set = (local: number) => [0x21, local]
const tee = (local: number) => [0x22, local]
const i32 = (value: number) => [0x41, ...signed(value)]
const i32Add = 0x6a
const i32And = 0x71
const i32Or = 0x72
const i32Shl = 0x74
const i32ShrU = 0x76
const i32LtU = 0x49
const simd = (code: number, ...rest: number[]) => [0xfd, code, ...rest]
const load = (offset: number) => simd(0x00, 0, offset)
const vector = (bytes: readonly number[]) => simd(0x0c, ...bytes)
const splat = (byte: number) => vector(new Array<number>(16).fill(byte))
const swizzle = simd(0x0e)
const equal = simd(0x23)
const lessUnsigned = simd(0x26)
const greaterUnsigned = simd(0x28)
const and = simd(0x4e)
const or = simd(0x50)
const anyTrue = simd(0x53)
const bitmask = simd(0x64)
const shrU = simd(0x6d)
const subtract = simd(0x71)

function moduleOf(windows: readonly Window[]): Uint8Array<ArrayBuffer> {
  const body = [
    ...[3, 2, I32, 1, V128, 1, V128], // locals: AT and MASK, X, FOUND
    ...[0x03, 0x40], // loop
    ...position(0, windows),
    ...set(FOUND),
    ...digits(),
    ...position(1, windows),
    ...[...get(FOUND), ...and, ...set(FOUND)],
    // X holds the second bytes here: an `@` after a character, for alone it is as often the length of something.
    ...[...get(X), ...splat(0x40), ...equal],
    ...[...get(AT), ...load(0), ...splat(0x20), ...greaterUnsigned, ...and],
    ...position(2, windows),
    ...[...get(FOUND), ...and, ...or, ...anyTrue],
    ...[...get(MASK), i32Or],
    ...[0x04, 0x40], // if
    ...[...get(FLAGS_AT), ...get(AT), ...i32(BLOCK_BITS), i32ShrU, i32Add],
    ...[...i32(1), 0x3a, 0, 0], // i32.store8
    0x0b,
    ...[...get(AT), ...i32(16), i32Add, ...tee(AT)],
    ...[...get(END_OF_CHUNK), i32LtU, 0x0d, 0], // br_if
    0x0b,
    0x0b,
  ]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, I32, I32, 0]),
    ...section(2, [1, 1, 0x6d, 1, 0x6d, 2, 1, PAGES, PAGES]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ])
}

/** Leaves a vector with, for each byte of the block that is `offset` further, the windows that have it there. */
function position(offset: 0 | 1 | 2, windows: readonly Window[]): number[] {
  const low = new Array<number>(16).fill(0)
  const high = new Array<number>(16).fill(0)
  for (const [i, window] of windows.entries()) {
    for (const byte of Buffer.from(window[offset])) {
      low[byte & 15] = (low[byte & 15] as number) | (1 << i)
      high[byte >> 4] = (high[byte >> 4] as number) | (1 << i)
    }
  }
  return [
    ...[...get(AT), ...load(offset), ...set(X)],
    ...[...vector(low), ...get(X), ...splat(15), ...and, ...swizzle],
    ...[...vector(high), ...get(X), ...i32(4), ...shrU, ...swizzle],
    ...and,
  ]
}

/** Sets MASK to other than 0 if thirteen bytes in a row, from one of this block's on, are digits, blanks or hyphens. */
function digits(): number[] {
  const isDigit = (offset: number) => [
    ...[...get(AT), ...load(offset), ...set(X)],
    ...[...get(X), ...splat(0x30), ...subtract, ...splat(10), ...lessUnsigned],
    ...[...get(X), ...splat(0x20), ...equal, ...or],
    ...[...get(X), ...splat(0x2d), ...equal, ...or, ...bitmask],
  ]
  const shifted = (by: number) => [...get(MASK), ...get(MASK), ...i32(by), i32ShrU, i32And, ...set(MASK)]
  return [
    ...[...isDigit(0), ...isDigit(16), ...i32(16), i32Shl, i32Or, ...set(MASK)],
    // Two in a row, then four, eight, thirteen.
    ...[...shifted(1), ...shifted(2), ...shifted(4), ...shifted(5)],
  ]
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content]
}

function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >> 7)]
}
