import { isUtf8 } from 'node:buffer'
import { Bytes } from './sink.ts'

/** The distinct texts of a LowCardinality column, each with the number that stands for it in the rows of one block. */
export class Dictionary {
  /** The texts in the order of their numbers, each with its length, as a String column has them. */
  readonly keys = new Bytes(1024)
  count = 0
  /** What users of the dictionary found out about each text: 0 is nothing yet. */
  notes = new Uint8Array(64)
  private starts = new Int32Array(64)
  private ends = new Int32Array(64)
  private table = new Int32Array(256).fill(-1)

  /** The number of a text; new texts are added. What is not UTF-8 becomes U+FFFD. */
  indexOf(source: Buffer, start: number, end: number): number {
    const size = end - start
    let slot = this.hash(source, start, end) & (this.table.length - 1)
    for (;;) {
      const index = this.table[slot] as number
      if (index < 0) break
      const keyStart = this.starts[index] as number
      if ((this.ends[index] as number) - keyStart === size && this.equals(keyStart, source, start, size))
        return index
      slot = (slot + 1) & (this.table.length - 1)
    }
    if (!isUtf8(source.subarray(start, end))) {
      this.keys.replaced++
      const repaired = Buffer.from(source.toString('utf8', start, end))
      return this.indexOf(repaired, 0, repaired.length)
    }
    return this.add(source, start, end, slot)
  }

  /** True if the text with this number is `source[start, end)`: a cheap check of a guess. */
  is(index: number, source: Buffer, start: number, end: number): boolean {
    if (index >= this.count) return false
    const keyStart = this.starts[index] as number
    const size = end - start
    return (this.ends[index] as number) - keyStart === size && this.equals(keyStart, source, start, size)
  }

  clear(): void {
    this.keys.length = 0
    this.keys.replaced = 0
    this.notes.fill(0, 0, this.count)
    this.count = 0
    this.table.fill(-1)
  }

  private add(source: Buffer, start: number, end: number, slot: number): number {
    const index = this.count++
    this.keys.pushVarint(end - start)
    if (index === this.starts.length) {
      this.starts = doubled(this.starts)
      this.ends = doubled(this.ends)
      const notes = new Uint8Array(this.starts.length)
      notes.set(this.notes)
      this.notes = notes
    }
    this.starts[index] = this.keys.length
    this.keys.pushRaw(source, start, end)
    this.ends[index] = this.keys.length
    this.table[slot] = index
    if (this.count * 2 > this.table.length) this.rehash()
    return index
  }

  private rehash(): void {
    const table = new Int32Array(this.table.length * 4).fill(-1)
    for (let index = 0; index < this.count; index++) {
      let slot =
        this.hash(this.keys.bytes, this.starts[index] as number, this.ends[index] as number) &
        (table.length - 1)
      while ((table[slot] as number) >= 0) slot = (slot + 1) & (table.length - 1)
      table[slot] = index
    }
    this.table = table
  }

  private equals(keyStart: number, source: Buffer, start: number, size: number): boolean {
    const bytes = this.keys.bytes
    for (let i = size - 1; i >= 0; i--) if (bytes[keyStart + i] !== source[start + i]) return false
    return true
  }

  /** FNV-1a with a last mix. */
  private hash(source: Buffer, start: number, end: number): number {
    let hash = 0x811c9dc5
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (source[i] as number), 0x01000193)
    return hash ^ (hash >>> 15)
  }
}

function doubled(from: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(from.length * 2)
  grown.set(from)
  return grown
}
