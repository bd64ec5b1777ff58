import { BLOCK_BITS, BlockFilter, type Window } from './block-filter.ts'

/** Bytes of one segment are suspected together: 2^6. */
const SEGMENT_BITS = 6
/** How far before an `@` its `://` may be. */
const MAX_USER_INFO = 512

/** Bytes at which a secret may show itself, with what is looked at around them. */
const AT = 1
const ASSIGN = 2
const B = 3
const Y = 4
const UNDERSCORE = 5
const HYPHEN = 6
const RARE = 7
const DIGIT = 8

const KIND = new Uint8Array(256)
KIND[code('@')] = AT
for (const sign of '=:') KIND[code(sign)] = ASSIGN
for (const letter of 'Bb') KIND[code(letter)] = B
KIND[code('y')] = Y
KIND[code('_')] = UNDERSCORE
KIND[code('-')] = HYPHEN
for (const letter of 'KSzvX') KIND[code(letter)] = RARE

/** Digits, and what stands between their groups. */
const DIGITS = new Uint8Array(256)
for (const byte of Buffer.from('0123456789 -')) {
  DIGITS[byte] = 1
  if (KIND[byte] === 0) KIND[byte] = DIGIT
}
/** A card number has at least so many bytes. */
const CARD_DIGITS = 13
/** How far after the block in which the filter finds its beginning something may be that is looked at: the last `_` of `sk_live_`. */
const AFTER_WINDOW = CARD_DIGITS

/** What ends before a `_` or a `-` in keys that tell by their first letters what they are: three bytes. */
const BEFORE_UNDERSCORE = tails(
  'gho ghp ghr ghs ghu live test sec npm pat hf v1 hpat hpca hppa hpss pf t_pat'.split(' '),
)
const BEFORE_HYPHEN = tails('pat xoxa xoxb xoxe xoxo xoxp xoxr xoxs xapp ypi sk PX'.split(' '))

/**
 * Where in a request something may have to be removed. One pass over its bytes, before it is decoded: it knows nothing of fields, errs
 * on the side of suspicion, and leaves it to the rules to look at the few values that are suspected.
 */
export class Candidates {
  private flags = new Uint8Array(1024)
  private segments = 0
  private found = 0
  private all = false
  /** By the last three letters of a name: whether secrets have names that end so. */
  private readonly endings = new Uint8Array(32 * 32 * 32)
  private readonly filter: BlockFilter
  private readonly literals: readonly Buffer[]
  private readonly always: boolean

  /**
   * @param endings last three letters (or fewer) of the names of secrets, in lower case
   * @param literals texts that make a value suspect wherever they stand
   * @param always true: everything is suspect
   */
  constructor(endings: readonly string[], literals: readonly string[], always: boolean) {
    for (const ending of endings) this.endings[hash3(...lastThree(ending))] = 1
    this.filter = new BlockFilter(windowsOf(endings))
    this.literals = literals.map((text) => Buffer.from(text))
    this.always = always
  }

  /** Forgets the last request and looks at this one. */
  scan(bytes: Buffer): void {
    if (this.found > 0) this.flags.fill(0, 0, this.segments)
    this.found = 0
    this.all = this.always
    if (this.all) return
    this.segments = (bytes.length >> SEGMENT_BITS) + 1
    if (this.flags.length < this.segments) this.flags = new Uint8Array(this.segments * 2)
    this.filter.scan(bytes, (block) => this.lookAtBlock(bytes, block))
    for (const literal of this.literals) {
      for (let at = bytes.indexOf(literal); at >= 0; at = bytes.indexOf(literal, at + 1)) this.flag(at)
    }
  }

  /** True if the bytes from `start` to `end` of the scanned request may hold something. */
  has(start: number, end: number): boolean {
    if (this.found === 0) return this.all
    const last = (end - 1) >> SEGMENT_BITS
    for (let segment = start >> SEGMENT_BITS; segment <= last; segment++)
      if (this.flags[segment] === 1) return true
    return false
  }

  private flag(at: number): void {
    this.flags[at >> SEGMENT_BITS] = 1
    this.found++
  }

  private lookAtBlock(bytes: Buffer, block: number): void {
    const start = block << BLOCK_BITS
    const end = Math.min(bytes.length, start + (1 << BLOCK_BITS))
    const last = Math.min(bytes.length, end + AFTER_WINDOW)
    let digits = 0
    for (let at = start; at < last; at++) {
      const byte = bytes[at] as number
      const kind = KIND[byte] as number
      if (kind === 0) {
        digits = 0
        continue
      }
      if (kind !== DIGIT) this.look(bytes, at, kind)
      digits = DIGITS[byte] === 1 ? digits + 1 : 0
      if (digits === CARD_DIGITS) this.lookAtDigits(bytes, at)
    }
  }

  /** Beyond the request's ends bytes are undefined, which no comparison holds for. */
  private look(bytes: Buffer, at: number, kind: number): void {
    if (kind === 0) return
    const before = bytes[at - 1] as number
    const after = bytes[at + 1] as number
    switch (kind) {
      case AT:
        if (hasUserInfo(bytes, at)) this.flag(at)
        return
      case ASSIGN:
        if (this.endsLikeSecret(bytes, at)) this.flag(at)
        return
      case B: // bearer, basic, BEGIN
        if ((after | 32) === 0x65) {
          const next = (bytes[at + 2] as number) | 32
          if (next === 0x61 || (next === 0x67 && before === 0x2d)) this.flag(at)
        } else if ((after | 32) === 0x61 && ((bytes[at + 2] as number) | 32) === 0x73) this.flag(at)
        return
      case Y: // eyJ, ya29., and names of keys are seen at their sign
        if ((before === 0x65 && after === 0x4a) || (after === 0x61 && bytes[at + 2] === 0x32)) this.flag(at)
        return
      case UNDERSCORE:
        if (BEFORE_UNDERSCORE.has(threeBefore(bytes, at))) this.flag(at)
        else if (BEFORE_UNDERSCORE.has(threeBefore(bytes, at) & 0xffff)) this.flag(at)
        return
      case HYPHEN:
        if (before < 0x50) return
        if (BEFORE_HYPHEN.has(threeBefore(bytes, at))) this.flag(at)
        else if (BEFORE_HYPHEN.has(threeBefore(bytes, at) & 0xffff)) this.flag(at)
        return
      default: // AKIA, ASIA, AIza, SG., hvs., GOCSPX-
        this.lookAtRare(bytes, at)
    }
  }

  private lookAtRare(bytes: Buffer, at: number): void {
    const before = bytes[at - 1]
    const after = bytes[at + 1]
    switch (bytes[at]) {
      case 0x4b:
        if (before === 0x41 && after === 0x49) this.flag(at)
        return
      case 0x53:
        if ((before === 0x41 && after === 0x49) || (after === 0x47 && bytes[at + 2] === 0x2e)) this.flag(at)
        return
      case 0x7a:
        if (before === 0x49 && after === 0x61) this.flag(at)
        return
      case 0x76:
        if (before === 0x68 && after === 0x73 && bytes[at + 2] === 0x2e) this.flag(at)
        return
      default:
        if (before === 0x50 && after === 0x2d) this.flag(at)
    }
  }

  /** Passes over a quote, a backslash and blanks before the sign, and looks at the last three letters there, `-` and `_` left out. */
  private endsLikeSecret(bytes: Buffer, sign: number): boolean {
    let at = sign - 1
    if (bytes[at] === 0x20) at--
    const quote = bytes[at]
    if (quote === 0x22 || quote === 0x27) at--
    if (bytes[at] === 0x5c) at--
    const last = (bytes[at] as number) | 32
    if (!(last >= 0x61 && last <= 0x7a)) return false
    let second = bytes[at - 1] as number
    if (second === 0x2d || second === 0x5f) second = bytes[--at - 1] as number
    let first = bytes[at - 2] as number
    if (first === 0x2d || first === 0x5f) first = bytes[at - 3] as number
    return this.endings[hash3(first, second, last)] === 1
  }

  /** The whole run of digits that a place is in. */
  private lookAtDigits(bytes: Buffer, within: number): void {
    let start = within
    while (start > 0 && DIGITS[bytes[start - 1] as number] === 1) start--
    let digits = 0
    let end = start
    for (; end < bytes.length && DIGITS[bytes[end] as number] === 1; end++)
      if ((bytes[end] as number) >= 0x30) digits++
    if (digits < CARD_DIGITS) return
    for (let at = start; at < end; at += 1 << SEGMENT_BITS) this.flag(at)
    this.flag(end - 1)
  }
}

/** What the filter looks for: all that `look` looks at, by three bytes each. */
function windowsOf(endings: readonly string[]): readonly Window[] {
  const bothCases = (letters: string) => letters.toLowerCase() + letters.toUpperCase()
  // `-` and `_` may stand between the letters of a name.
  const first = `${bothCases(endings.map((ending) => ending.at(-2) ?? '').join(''))}-_`
  const last = bothCases(endings.map((ending) => ending.at(-1) ?? '').join(''))
  return [
    ['bB', 'eEaA', 'aAgGsS'], // bearer, basic, BEGIN
    ['ey', 'ya', 'J2'], // eyJ, ya29
    ['ASPv', 'KSIGXs', 'Iz.-'], // AKIA, ASIA, AIza, SG., GOCSPX-, hvs.
    ['gsw', 'h', 'prsu'], // ghp_ ..., shpat_ ..., whsec_
    ['hprs', 'fko', '_-'], // hf_, pf_, gho_, sk_live_, rk_live_, sk-
    ['_n', 'vp', '1am'], // dop_v1_, github_pat_, npm_
    ['gxy', 'lopa', 'pxi'], // glpat-, xoxb- ..., xapp-, pypi-
    // password=, password":, password\\":, password =
    [`${first}${last}"'`, `${last} "'`, '=:\\'],
  ]
}

/** True if `://` stands before the `@`, and nothing between that ends a URL's authority. */
function hasUserInfo(bytes: Buffer, at: number): boolean {
  const stop = Math.max(2, at - MAX_USER_INFO)
  for (let i = at - 1; i >= stop; i--) {
    const byte = bytes[i] as number
    if (byte === 0x2f) return bytes[i - 1] === 0x2f && bytes[i - 2] === 0x3a
    if (byte <= 32 || byte === 0x40 || byte === 0x22 || byte === 0x27) return false
  }
  return false
}

/** What is before the beginning of the request counts as 0. */
function threeBefore(bytes: Buffer, at: number): number {
  return (
    ((bytes[at - 3] as number) << 16) | ((bytes[at - 2] as number) << 8) | ((bytes[at - 1] as number) << 0)
  )
}

/** The last three bytes of texts as `threeBefore` gives them; of shorter texts all that they have. */
function tails(texts: readonly string[]): ReadonlySet<number> {
  return new Set(texts.map((text) => Buffer.from(text.slice(-3)).readUIntBE(0, Math.min(3, text.length))))
}

function lastThree(text: string): [number, number, number] {
  const bytes = Buffer.from(text.slice(-3).padStart(3, ' '))
  return [bytes[0] as number, bytes[1] as number, bytes[2] as number]
}

/** Letters count without regard to case. */
function hash3(first: number, second: number, last: number): number {
  return ((first & 31) << 10) | ((second & 31) << 5) | (last & 31)
}

function code(sign: string): number {
  return sign.charCodeAt(0)
}
