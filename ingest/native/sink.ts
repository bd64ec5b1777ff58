import { isUtf8 } from 'node:buffer'

/** Shortest text that is copied by `Buffer.copy`; below it a byte loop is faster than the call. */
const LONG_TEXT = 64

/** From here on a sink grows by half and not to the double: what is not used of a block is held all the same. Bytes. */
const LARGE = 1024 * 1024

/** @param large size from which on growth is slower */
function grownSize(size: number, needed: number, large: number): number {
  return Math.max(needed, size < large ? size * 2 : Math.ceil(size * 1.5))
}

/** A part of a column whose values are bytes or text: a buffer that grows, and the length used. */
export class Bytes {
  bytes: Buffer
  length = 0
  /** Texts that were not valid UTF-8 and got U+FFFD in place of what could not be read. */
  replaced = 0

  constructor(capacity = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(grownSize(this.bytes.length, needed, LARGE))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }

  pushByte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** An unsigned number below 2^32, seven bits a byte, lowest first. */
  pushVarint(value: number): void {
    this.reserve(5)
    while (value > 127) {
      this.bytes[this.length++] = (value & 127) | 128
      value >>>= 7
    }
    this.bytes[this.length++] = value
  }

  /** Bytes as they are, without a length. */
  pushRaw(source: Buffer, start: number, end: number): void {
    this.reserve(end - start)
    source.copy(this.bytes, this.length, start, end)
    this.length += end - start
  }

  /** A value of a String column: its length and its bytes; what is not UTF-8 in it becomes U+FFFD. */
  pushText(source: Buffer, start: number, end: number): void {
    const size = end - start
    this.reserve(size + 5)
    const bytes = this.bytes
    const before = this.length
    let at = before
    let rest = size
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[at++] = rest
    if (size < LONG_TEXT) {
      let seen = 0
      for (let from = start; from < end; ) {
        const byte = source[from++] as number
        seen |= byte
        bytes[at++] = byte
      }
      this.length = at
      if (seen < 128) return
    } else {
      source.copy(bytes, at, start, end)
      this.length = at + size
    }
    if (isUtf8(source.subarray(start, end))) return
    this.length = before
    this.replaced++
    this.pushString(source.toString('utf8', start, end))
  }

  /** A value of a String column from a JavaScript string. */
  pushString(value: string): void {
    const size = Buffer.byteLength(value)
    this.pushVarint(size)
    this.reserve(size)
    this.length += this.bytes.write(value, this.length, 'utf8')
  }

  /** Appends bytes that this sink already holds again. */
  repeat(start: number, size: number): void {
    this.reserve(size)
    const bytes = this.bytes
    const at = this.length
    if (size < LONG_TEXT) for (let i = 0; i < size; i++) bytes[at + i] = bytes[start + i] as number
    else bytes.copyWithin(at, start, start + size)
    this.length = at + size
  }

  get byteLength(): number {
    return this.length
  }

  view(): Buffer {
    return this.bytes.subarray(0, this.length)
  }
}

/** A part of a column whose values are 32-bit words, or pairs of them (low word first, as little-endian machines keep 64 bits). */
export class Words {
  words: Uint32Array
  length = 0

  constructor(capacity = 256) {
    this.words = new Uint32Array(capacity)
  }

  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.words.length) return
    const grown = new Uint32Array(grownSize(this.words.length, needed, LARGE / 4))
    grown.set(this.words.subarray(0, this.length))
    this.words = grown
  }

  push(word: number): void {
    if (this.length === this.words.length) this.reserve(1)
    this.words[this.length++] = word
  }

  pushPair(low: number, high: number): void {
    if (this.length + 2 > this.words.length) this.reserve(2)
    this.words[this.length] = low
    this.words[this.length + 1] = high
    this.length += 2
  }

  /** A 64-bit little-endian value, bit for bit, from `source`. */
  pushPairFrom(source: Buffer, at: number): void {
    this.pushPair(source.readUInt32LE(at), source.readUInt32LE(at + 4))
  }

  pushDouble(value: number): void {
    doubleView[0] = value
    this.pushPair(doubleWords[0] as number, doubleWords[1] as number)
  }

  repeat(start: number, size: number): void {
    this.reserve(size)
    const words = this.words
    const at = this.length
    for (let i = 0; i < size; i++) words[at + i] = words[start + i] as number
    this.length = at + size
  }

  get byteLength(): number {
    return this.length * 4
  }

  view(): Buffer {
    return Buffer.from(this.words.buffer, 0, this.length * 4)
  }
}

const doubleView = new Float64Array(1)
const doubleWords = new Uint32Array(doubleView.buffer)

export type Sink = Bytes | Words
