import { Unreadable } from './unreadable.ts'

/** Wire types of a tag (its low three bits). */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const GROUP = 3
export const GROUP_END = 4
export const FIXED32 = 5

/** Groups are long deprecated and OTLP has none; they are skipped as unknown fields, and this deep at most. */
const MAX_GROUP_DEPTH = 16

/** A place in a protobuf message. Every read checks `end`, which is never after the end of the buffer. */
export class Wire {
  buf: Buffer
  pos: number
  end: number
  /** Halves of the last 64-bit value read. */
  low = 0
  high = 0

  constructor(buf: Buffer, start = 0, end: number = buf.length) {
    this.buf = buf
    this.pos = start
    this.end = end
  }

  /** The next tag: field number * 8 + wire type. */
  tag(): number {
    if (this.pos < this.end) {
      const byte = this.buf[this.pos] as number
      if (byte < 128) {
        if (byte < 8) throw broken('field number 0')
        this.pos++
        return byte
      }
    }
    this.varint()
    // Tags are 32-bit numbers; field numbers end at 2^29 - 1.
    if (this.high !== 0 || this.low < 8) throw broken('bad field number')
    return this.low
  }

  /** Reads a varint of up to 64 bits into `low` and `high`. */
  varint(): void {
    const buf = this.buf
    const end = this.end
    let pos = this.pos
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= end) throw broken('number cut off')
      const byte = buf[pos++] as number
      const bits = byte & 127
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= (bits & 1) << 31
      if (byte < 128) {
        this.pos = pos
        this.low = low >>> 0
        this.high = high >>> 0
        return
      }
    }
    throw broken('number of more than 10 bytes')
  }

  /** Reads the length of a nested value and gives the position after it; `pos` is at its first byte. */
  limit(): number {
    let size: number
    const pos = this.pos
    const byte = pos < this.end ? (this.buf[pos] as number) : 128
    if (byte < 128) {
      size = byte
      this.pos = pos + 1
    } else {
      this.varint()
      if (this.high !== 0) throw broken('length beyond the message')
      size = this.low
    }
    const limit = this.pos + size
    if (limit > this.end) throw broken('length beyond the message')
    return limit
  }

  /** Passes over 8 bytes; gives where they start. */
  fixed64(): number {
    const at = this.pos
    if (at + 8 > this.end) throw broken('64-bit value cut off')
    this.pos = at + 8
    return at
  }

  fixed32(): number {
    const at = this.pos
    if (at + 4 > this.end) throw broken('32-bit value cut off')
    this.pos = at + 4
    return this.buf.readUInt32LE(at)
  }

  /** An enum or int32: the low 32 bits of a varint, signed. */
  int32(): number {
    this.varint()
    return this.low | 0
  }

  /** A zigzag varint. */
  sint32(): number {
    this.varint()
    return (this.low >>> 1) ^ -(this.low & 1)
  }

  /** Passes over the value of a field that is not known. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint()
        return
      case FIXED64:
        this.fixed64()
        return
      case BYTES:
        this.pos = this.limit()
        return
      case FIXED32:
        this.fixed32()
        return
      case GROUP:
        this.skipGroup(tag >>> 3, 0)
        return
      default:
        throw broken(`bad wire type ${tag & 7}`)
    }
  }

  private skipGroup(field: number, depth: number): void {
    if (depth > MAX_GROUP_DEPTH) throw broken('groups nested too deep')
    for (;;) {
      const tag = this.tag()
      if ((tag & 7) === GROUP_END) {
        if (tag >>> 3 !== field) throw broken('group ended by another field')
        return
      }
      if ((tag & 7) === GROUP) this.skipGroup(tag >>> 3, depth + 1)
      else this.skip(tag)
    }
  }
}

export function broken(what: string): Unreadable {
  return new Unreadable('PROTOBUF_INVALID', '', `Not a protobuf message of this type: ${what}`)
}
