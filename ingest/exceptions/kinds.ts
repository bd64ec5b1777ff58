import { randomBytes } from 'node:crypto'
import type { Scrubber } from '../scrub/scrubber.ts'
import { exceptionKind, type FingerprintOptions } from './fingerprint.ts'

/** Where a text is in the request. */
interface Place {
  readonly start: number
  readonly end: number
}

/** Bytes that are read of a trace's start and of its end, where some languages have the cause. */
const PART = 16_384
/** Kinds that are remembered, twice: by the hash of their bytes. */
const REMEMBERED = 2_048
const NONE = Buffer.alloc(0)

/** Gives exceptions their kinds; those whose bytes were seen before cost one hash. Holds some MB at most. */
export class ExceptionKinds {
  private readonly scrubber: Scrubber
  private readonly options: FingerprintOptions
  private recent = new Map<string, Buffer>()
  private older = new Map<string, Buffer>()
  /** So that nobody can make texts of equal hashes beforehand. */
  private readonly seed = randomBytes(4).readInt32LE()

  constructor(scrubber: Scrubber, options: FingerprintOptions = {}) {
    this.scrubber = scrubber
    this.options = options
  }

  /** @returns the kind's name as UTF-8; empty if there is none */
  of(source: Buffer, type: Place, message: Place, stack: Place): Buffer {
    if (type.end === type.start && message.end === message.start && stack.end === stack.start) return NONE
    const key = this.hash(source, type, message, stack)
    const known = this.recent.get(key)
    if (known !== undefined) return known
    const kind =
      this.older.get(key) ??
      Buffer.from(
        exceptionKind(
          {
            type: this.text(source, type, 'exception.type'),
            message: this.text(source, message, 'exception.message'),
            stack: this.text(source, stack, 'exception.stacktrace'),
          },
          this.options,
        ),
      )
    if (this.recent.size >= REMEMBERED) {
      this.older = this.recent
      this.recent = new Map()
    }
    this.recent.set(key, kind)
    return kind
  }

  /** Two multiplying lanes over words of four bytes, with the lengths: 64 bits. */
  private hash(source: Buffer, type: Place, message: Place, stack: Place): string {
    let a = this.seed ^ 0x811c9dc5
    let b = ~this.seed
    let lengths = ''
    for (const { start, end } of [type, message, stack]) {
      const skipFrom = end - start > 2 * PART ? start + PART : end
      let i = start
      while (i + 4 <= end) {
        if (i >= skipFrom && i < end - PART) i = end - PART
        const word =
          (source[i] as number) |
          ((source[i + 1] as number) << 8) |
          ((source[i + 2] as number) << 16) |
          ((source[i + 3] as number) << 24)
        a = Math.imul(a ^ word, 0xcc9e2d51)
        a = (a << 15) | (a >>> 17)
        b = Math.imul(b + word, 0x85ebca6b) ^ (b >>> 13)
        i += 4
      }
      for (; i < end; i++) a = Math.imul(a ^ (source[i] as number), 0x01000193)
      lengths += `${end - start},`
    }
    return `${lengths}${a >>> 0},${b >>> 0}`
  }

  /** What may be stored of a text: a kind's name has words of the message. */
  private text(source: Buffer, { start, end }: Place, key: string): string {
    if (this.scrubber.hides(key)) return ''
    return this.scrubber.clean(
      end - start <= 2 * PART
        ? source.toString('utf8', start, end)
        : `${source.toString('utf8', start, start + PART)}\n${source.toString('utf8', end - PART, end)}`,
    )
  }
}
