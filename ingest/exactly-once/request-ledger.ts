import { type RequestMark, timeOf } from './request-mark.ts'

export interface LedgerOptions {
  /** How long a request is known for, milliseconds; it may be a quarter longer. */
  readonly window: number
  /** Requests that are known at most, some 40 bytes each; with more, the oldest quarters of the window are forgotten earlier. */
  readonly maxRequests?: number
}

const PARTS = 4
const DEFAULT_MAX_REQUESTS = 2_000_000

/**
 * Which tables hold all rows of which requests: the part of the tables' `RequestMark` columns that is inside the window. It is
 * gathered as rows are stored, and read back from there at start.
 */
export class RequestLedger {
  readonly window: number
  private readonly span: number
  private readonly maxEach: number
  /** Quarters of the window, the newest first. */
  private readonly quarters: Quarter[] = []

  constructor({ window, maxRequests = DEFAULT_MAX_REQUESTS }: LedgerOptions) {
    this.window = window
    this.span = Math.max(1000, window / PARTS)
    // Each quarter keeps up to twice this: what is newest, and what was before it.
    this.maxEach = Math.max(1, Math.floor(maxRequests / (2 * (PARTS + 1))))
  }

  /** True if the table with this number holds what the request has for it. @param now milliseconds since 1970 */
  has(mark: RequestMark, table: number, now: number): boolean {
    this.forget(now)
    return this.quarters.some((quarter) => (quarter.tablesOf(mark) & (1 << table)) !== 0)
  }

  /** @param table its number, 0 to 31 */
  add(mark: RequestMark, table: number, now: number): void {
    this.forget(now)
    const time = timeOf(mark)
    if (time < now - this.window - this.span) return
    this.quarterOf(time).add(mark, 1 << table)
  }

  /** Requests that are known now. */
  get size(): number {
    return this.quarters.reduce((sum, quarter) => sum + quarter.count, 0)
  }

  private forget(now: number): void {
    for (;;) {
      const oldest = this.quarters.at(-1)
      if (oldest === undefined || oldest.start + this.span > now - this.window) return
      this.quarters.pop()
    }
  }

  private quarterOf(time: number): Quarter {
    const start = time - (time % this.span)
    const at = this.quarters.findIndex((quarter) => quarter.start <= start)
    const found = this.quarters[at]
    if (found?.start === start) {
      if (found.count < this.maxEach) return found
      // Full: what is older goes first, so that the newest requests, which are the ones repeated, stay known.
      found.forgetOlder()
      return found
    }
    const made = new Quarter(start)
    this.quarters.splice(at < 0 ? this.quarters.length : at, 0, made)
    return made
  }
}

/** Words of an entry: three of the hash, one of the tables. */
const WORDS = 4

/** An open-addressed table in plain memory: a million objects would cost the garbage collector more than the inserts take. */
class HashTable {
  count = 0
  private words: Uint32Array
  private mask: number

  constructor(slots = 256) {
    this.words = new Uint32Array(slots * WORDS)
    this.mask = slots - 1
  }

  get(mark: RequestMark): number {
    return this.words[this.slot(mark) + 3] as number
  }

  add(mark: RequestMark, tables: number): void {
    this.put(mark.readUInt32LE(0), mark.readUInt32LE(4), mark.readUInt32LE(8), tables)
    if (this.count * 2 > this.mask) this.grow()
  }

  private slot(mark: RequestMark): number {
    return this.find(mark.readUInt32LE(0), mark.readUInt32LE(4), mark.readUInt32LE(8))
  }

  /** Where an entry is, or would be: no entry has no tables. */
  private find(first: number, second: number, third: number): number {
    const { words, mask } = this
    for (let slot = first & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS
      if (words[at + 3] === 0) return at
      if (words[at] === first && words[at + 1] === second && words[at + 2] === third) return at
    }
  }

  private put(first: number, second: number, third: number, tables: number): void {
    const at = this.find(first, second, third)
    const { words } = this
    if (words[at + 3] === 0) this.count++
    words[at] = first
    words[at + 1] = second
    words[at + 2] = third
    words[at + 3] = (words[at + 3] as number) | tables
  }

  private grow(): void {
    const old = this.words
    const slots = (this.mask + 1) * 2
    this.words = new Uint32Array(slots * WORDS)
    this.mask = slots - 1
    this.count = 0
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 3] === 0) continue
      this.put(old[at] as number, old[at + 1] as number, old[at + 2] as number, old[at + 3] as number)
    }
  }
}

class Quarter {
  /** Milliseconds since 1970. */
  readonly start: number
  private newer = new HashTable()
  private older: HashTable | undefined

  constructor(start: number) {
    this.start = start
  }

  get count(): number {
    return this.newer.count
  }

  tablesOf(mark: RequestMark): number {
    return this.newer.get(mark) | (this.older?.get(mark) ?? 0)
  }

  add(mark: RequestMark, tables: number): void {
    this.newer.add(mark, tables)
  }

  forgetOlder(): void {
    this.older = this.newer
    this.newer = new HashTable()
  }
}
