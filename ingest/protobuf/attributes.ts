import type { Entries } from '../native/column.ts'
import type { Bytes } from '../native/sink.ts'
import { PLAIN, type Scrubber, STATEMENT } from '../scrub/scrubber.ts'
import { writeScrubbedValue, writeStatement } from '../scrub/write.ts'
import { textPlace } from './any-value.ts'
import type { Wire } from './wire.ts'

const DB_SYSTEM_NAME = Buffer.from('db.system.name')
const DB_SYSTEM = Buffer.from('db.system')
/** From this many attributes on, they are sorted by a method whose time does not grow with the square of their number. */
const MANY = 48
const STRING_VALUE = 0x0a

/** One record's attributes as places in the request: collected, then sorted by key; of a key that comes twice the last one counts. */
export class Attributes implements Entries {
  count = 0
  source: Buffer = Buffer.alloc(0)
  keyStart = new Int32Array(64)
  keyEnd = new Int32Array(64)
  private valueStart = new Int32Array(64)
  private valueEnd = new Int32Array(64)
  private readonly scrubber: Scrubber

  constructor(scrubber: Scrubber) {
    this.scrubber = scrubber
  }

  clear(source: Buffer): void {
    this.count = 0
    this.source = source
  }

  /** Reads the KeyValue that starts at `wire.pos` and ends at `end`. */
  read(wire: Wire, end: number): void {
    const outer = wire.end
    wire.end = end
    let keyStart = end
    let keyEnd = end
    let valueStart = end
    let valueEnd = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x0a) {
        keyEnd = wire.limit()
        keyStart = wire.pos
        wire.pos = keyEnd
      } else if (tag === 0x12) {
        valueEnd = wire.limit()
        valueStart = wire.pos
        wire.pos = valueEnd
      } else wire.skip(tag)
    }
    wire.end = outer
    const i = this.count++
    if (i === this.keyStart.length) this.grow()
    this.keyStart[i] = keyStart
    this.keyEnd[i] = keyEnd
    this.valueStart[i] = valueStart
    this.valueEnd[i] = valueEnd
  }

  /** Sorts by the bytes of the keys and drops all but the last of equal ones. */
  sort(): void {
    if (this.count > MANY) {
      this.sortMany()
      return
    }
    let equal = false
    for (let i = 1; i < this.count; i++) {
      let at = i
      while (at > 0) {
        const order = this.compare(at - 1, at)
        if (order === 0) equal = true
        if (order <= 0) break
        this.swap(at - 1, at)
        at--
      }
    }
    if (equal) this.dropRepeated()
  }

  /** Place of the entry with this key, -1 if there is none. */
  find(key: Buffer): number {
    const size = key.length
    outer: for (let i = 0; i < this.count; i++) {
      const start = this.keyStart[i] as number
      if ((this.keyEnd[i] as number) - start !== size) continue
      for (let b = 0; b < size; b++) if (this.source[start + b] !== key[b]) continue outer
      return i
    }
    return -1
  }

  /** Notes where the text of entry `i` is in the request; an empty place if its value is no text. @throws Unreadable */
  textPlace(i: number, into: { start: number; end: number }): void {
    textPlace(this.source, this.valueStart[i] as number, this.valueEnd[i] as number, into)
  }

  judgeKey(i: number): number {
    return this.scrubber.judgeKey(this.source, this.keyStart[i] as number, this.keyEnd[i] as number)
  }

  writeValue(i: number, out: Bytes, note: number = PLAIN): void {
    const { source, scrubber } = this
    const start = this.valueStart[i] as number
    const end = this.valueEnd[i] as number
    if (note === PLAIN) writeScrubbedValue(out, source, start, end, scrubber)
    else if (note === STATEMENT) {
      const named = this.find(DB_SYSTEM_NAME)
      const system = named >= 0 ? named : this.find(DB_SYSTEM)
      const systemStart = system < 0 ? 0 : (this.valueStart[system] as number)
      const systemEnd = system < 0 ? 0 : (this.valueEnd[system] as number)
      writeStatement(out, source, start, end, systemStart, systemEnd, scrubber)
    } else scrubber.writeHidden(out, note)
  }

  /** Adds a text that is not in the request. All entries move into a buffer of their own, so this is for what is rare. Leaves them sorted. */
  addText(key: Buffer, text: Buffer): void {
    const parts: Buffer[] = []
    let size = 0
    const kept = (start: number, end: number, from: Buffer): number => {
      parts.push(from.subarray(start, end))
      size += end - start
      return size - (end - start)
    }
    const i = this.count++
    if (i === this.keyStart.length) this.grow()
    for (let at = 0; at < i; at++) {
      for (const [starts, ends] of [
        [this.keyStart, this.keyEnd],
        [this.valueStart, this.valueEnd],
      ] as const) {
        const length = (ends[at] as number) - (starts[at] as number)
        starts[at] = kept(starts[at] as number, ends[at] as number, this.source)
        ends[at] = (starts[at] as number) + length
      }
    }
    const value = Buffer.concat([Buffer.from([STRING_VALUE, ...varint(text.length)]), text])
    this.keyStart[i] = kept(0, key.length, key)
    this.keyEnd[i] = size
    this.valueStart[i] = kept(0, value.length, value)
    this.valueEnd[i] = size
    this.source = Buffer.concat(parts)
    this.sort()
  }

  /** Bytes that the entries take in the request. */
  get size(): number {
    let total = 0
    for (let i = 0; i < this.count; i++)
      total += (this.valueEnd[i] as number) - (this.valueStart[i] as number) + 4
    return total
  }

  private compare(a: number, b: number): number {
    const source = this.source
    let left = this.keyStart[a] as number
    let right = this.keyStart[b] as number
    const leftEnd = this.keyEnd[a] as number
    const rightEnd = this.keyEnd[b] as number
    while (left < leftEnd && right < rightEnd) {
      const order = (source[left++] as number) - (source[right++] as number)
      if (order !== 0) return order
    }
    return leftEnd - left - (rightEnd - right)
  }

  private swap(a: number, b: number): void {
    for (const places of [this.keyStart, this.keyEnd, this.valueStart, this.valueEnd]) {
      const kept = places[a] as number
      places[a] = places[b] as number
      places[b] = kept
    }
  }

  private sortMany(): void {
    const order = Array.from({ length: this.count }, (_, i) => i).sort((a, b) => this.compare(a, b) || a - b)
    this.keyStart = Int32Array.from(order, (i) => this.keyStart[i] as number)
    this.keyEnd = Int32Array.from(order, (i) => this.keyEnd[i] as number)
    this.valueStart = Int32Array.from(order, (i) => this.valueStart[i] as number)
    this.valueEnd = Int32Array.from(order, (i) => this.valueEnd[i] as number)
    this.dropRepeated()
  }

  private dropRepeated(): void {
    let kept = 0
    for (let i = 0; i < this.count; i++) {
      if (i + 1 < this.count && this.compare(i, i + 1) === 0) continue
      this.keyStart[kept] = this.keyStart[i] as number
      this.keyEnd[kept] = this.keyEnd[i] as number
      this.valueStart[kept] = this.valueStart[i] as number
      this.valueEnd[kept] = this.valueEnd[i] as number
      kept++
    }
    this.count = kept
  }

  private grow(): void {
    this.keyStart = doubled(this.keyStart)
    this.keyEnd = doubled(this.keyEnd)
    this.valueStart = doubled(this.valueStart)
    this.valueEnd = doubled(this.valueEnd)
  }
}

function doubled(from: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(from.length * 2)
  grown.set(from)
  return grown
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}
