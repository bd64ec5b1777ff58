/** Tokens of a line that are looked at, and bytes of what they become: the rest says little of what kind of line it is. */
const MAX_TOKENS = 48
const MAX_MASKED = 400
const MAX_LINE = 4096
const MAX_QUOTED = 512

const SPACE = 32
const WORD = new Uint8Array(256)
const HEX = new Uint8Array(256)
for (const byte of Buffer.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_'))
  WORD[byte] = 1
for (let byte = 128; byte < 256; byte++) WORD[byte] = 1
for (const byte of Buffer.from('0123456789abcdefABCDEF')) HEX[byte] = 1

const NUMBER = Buffer.from('<num>')
const HEXADECIMAL = Buffer.from('<hex>')
const IDENTIFIER = Buffer.from('<id>')
const UUID = Buffer.from('<uuid>')
const IP = Buffer.from('<ip>')
const PATH = Buffer.from('<path>')
const URL_MASK = Buffer.from('<url>')
const TEXT = Buffer.from('<str>')
const MORE = Buffer.from('...')
/** 8-4-4-4-12 */
const UUID_HYPHENS = [8, 13, 18, 23]

/**
 * The first line of a log body with a mask in place of each number, id, address, path and quoted text, as tokens with one blank between them.
 * Works on bytes; a line whose masked form was seen before costs no string.
 */
export class LineMask {
  readonly bytes = Buffer.alloc(MAX_MASKED + 1024)
  length = 0
  /** Of the masked bytes: 53 bits. */
  hash = 0
  private tokens = 0

  /** @param source UTF-8 */
  read(source: Buffer, start: number, end: number): void {
    this.length = 0
    this.tokens = 0
    const limit = Math.min(end, start + MAX_LINE)
    let at = start
    // A body may begin with empty lines.
    while (at < limit && (source[at] as number) <= SPACE) at++
    while (at < limit) {
      const byte = source[at] as number
      if (byte === 10 || byte === 13) break
      if (byte <= SPACE) {
        if (!this.endToken()) break
        at++
      } else at = WORD[byte] === 1 ? this.word(source, at, limit) : this.sign(source, at, limit, byte)
    }
    if (this.bytes[this.length - 1] === SPACE) this.length--
    this.hash = hashOf(this.bytes, this.length)
  }

  get text(): string {
    return this.bytes.toString('utf8', 0, this.length)
  }

  /** @returns false if there is no room for another one */
  private endToken(): boolean {
    if (this.length === 0 || this.bytes[this.length - 1] === SPACE) return true
    this.tokens++
    this.bytes[this.length++] = SPACE
    if (this.tokens < MAX_TOKENS && this.length < MAX_MASKED) return true
    this.put(MORE)
    return false
  }

  private put(mask: Buffer): void {
    mask.copy(this.bytes, this.length)
    this.length += mask.length
  }

  private copy(source: Buffer, start: number, end: number): void {
    // A word longer than the room that is left is cut: it is no word of a language.
    const last = Math.min(end, start + this.bytes.length - this.length - 16)
    for (let at = start; at < last; at++) this.bytes[this.length++] = source[at] as number
  }

  private sign(source: Buffer, at: number, limit: number, byte: number): number {
    const before = this.bytes[this.length - 1]
    const begins = this.length === 0 || WORD[before as number] === 0
    if (begins && (byte === 0x22 || byte === 0x27 || byte === 0x60)) {
      const end = endOfQuoted(source, at, limit, byte)
      if (end > 0) {
        this.put(TEXT)
        return end
      }
    }
    if (begins && byte === 0x2f && WORD[source[at + 1] as number] === 1) {
      this.put(PATH)
      return endOfReference(source, at, limit)
    }
    if (this.length < this.bytes.length - 16) this.bytes[this.length++] = byte
    // `name=value` is two tokens, so that a value that varies leaves the name.
    if (byte === 0x3d) this.endToken()
    return at + 1
  }

  private word(source: Buffer, start: number, limit: number): number {
    let end = start
    let digits = 0
    let hex = 0
    for (; end < limit && WORD[source[end] as number] === 1; end++) {
      const byte = source[end] as number
      if (byte >= 0x30 && byte <= 0x39) digits++
      hex += HEX[byte] as number
    }
    const size = end - start
    if (source[end] === 0x3a && source[end + 1] === 0x2f && source[end + 2] === 0x2f) {
      this.put(URL_MASK)
      return endOfReference(source, end, limit)
    }
    if (size === 8 && hex === 8 && isUuid(source, start, limit)) {
      this.put(UUID)
      return start + 36
    }
    if (digits === size) return this.number(source, end, limit, size)
    if (digits === 0 && (hex < size || size < 16)) {
      this.copy(source, start, end)
      return end
    }
    if (hex === size && size >= 8) this.put(HEXADECIMAL)
    else if (source[start] === 0x30 && source[start + 1] === 0x78 && hex === size - 1) this.put(HEXADECIMAL)
    else if (size >= 16 && digits >= 3) this.put(IDENTIFIER)
    else this.mixed(source, start, end)
    return end
  }

  /** Letters with digits among them: `12ms`, `worker3`. */
  private mixed(source: Buffer, start: number, end: number): void {
    let inNumber = false
    for (let at = start; at < end; at++) {
      const byte = source[at] as number
      const digit = byte >= 0x30 && byte <= 0x39
      if (!digit) this.copy(source, at, at + 1)
      else if (!inNumber && this.length < this.bytes.length - 16) this.put(NUMBER)
      inNumber = digit
    }
  }

  /** Digits, and what belongs to them: `1,234.5`, `10.0.0.1:80`. */
  private number(source: Buffer, firstEnd: number, limit: number, size: number): number {
    let end = firstEnd
    let dots = 0
    let longest = size
    while (end + 1 < limit && (source[end] === 0x2e || source[end] === 0x2c) && isDigit(source[end + 1])) {
      if (source[end] === 0x2e) dots++
      const begin = ++end
      while (end < limit && isDigit(source[end])) end++
      longest = Math.max(longest, end - begin)
    }
    if (dots !== 3 || longest > 3) {
      this.put(NUMBER)
      return end
    }
    this.put(IP)
    if (source[end] === 0x3a && isDigit(source[end + 1])) {
      end++
      while (end < limit && isDigit(source[end])) end++
    }
    return end
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function isUuid(source: Buffer, start: number, limit: number): boolean {
  if (start + 36 > limit || WORD[source[start + 36] as number] === 1) return false
  for (let i = 0; i < 36; i++) {
    const byte = source[start + i] as number
    if (UUID_HYPHENS.includes(i) ? byte !== 0x2d : HEX[byte] === 0) return false
  }
  return true
}

/** The place after the closing quote; 0 if there is none in this line. */
function endOfQuoted(source: Buffer, start: number, limit: number, quote: number): number {
  const stop = Math.min(limit, start + MAX_QUOTED)
  for (let at = start + 1; at < stop; at++) {
    const byte = source[at] as number
    if (byte === 10) return 0
    if (byte === 0x5c) at++
    else if (byte === quote && WORD[source[at + 1] as number] !== 1) return at + 1
  }
  return 0
}

/** The place after a path or URL, without the punctuation of the sentence that it is in. */
function endOfReference(source: Buffer, start: number, limit: number): number {
  let end = start
  while (end < limit && !endsReference(source[end] as number)) end++
  while (end > start + 1 && isPunctuation(source[end - 1] as number)) end--
  return end
}

/** Blanks, quotes, closing brackets, comma and semicolon. */
function endsReference(byte: number): boolean {
  return (
    byte <= SPACE ||
    byte === 0x22 ||
    byte === 0x27 ||
    byte === 0x29 ||
    byte === 0x2c ||
    byte === 0x3b ||
    byte === 0x3e ||
    byte === 0x5d ||
    byte === 0x60 ||
    byte === 0x7d
  )
}

function isPunctuation(byte: number): boolean {
  return byte === 0x2e || byte === 0x3a || byte === 0x21 || byte === 0x3f
}

/** FNV-1a twice, with different primes. */
function hashOf(bytes: Buffer, length: number): number {
  let low = 0x811c9dc5
  let high = 0x1b873593
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number
    low = Math.imul(low ^ byte, 0x01000193)
    high = Math.imul(high ^ byte, 0x85ebca6b)
  }
  return (((high ^ (high >>> 15)) >>> 0) & 0x1fffff) * 4294967296 + ((low ^ (low >>> 13)) >>> 0)
}
