import { CollectError } from '../collector.ts'

export type Labels = ReadonlyMap<string, string>

export interface Sample {
  readonly kind: 'sample'
  readonly name: string
  readonly labels: Labels
  readonly value: number
  /** Milliseconds since 1970. */
  readonly time?: number
  readonly exemplar?: { readonly labels: Labels; readonly value: number; readonly time?: number }
}

export interface MetaLine {
  readonly kind: 'type' | 'help' | 'unit'
  readonly name: string
  readonly text: string
}

export type Line = Sample | MetaLine | { readonly kind: 'eof' } | { readonly kind: 'comment' }

const NAME = /[a-zA-Z_:][\w:]*/y
const LABEL = /[a-zA-Z_]\w*/y
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
const META = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][\w:]*)(?: (.*))?$/s
const LOOSE_META = /^#[ \t]+(HELP|TYPE)[ \t]+([a-zA-Z_:][\w:]*)(?:[ \t]+(.*))?$/s
const MOST_LABELS = 128

/**
 * One line, without its end, of Prometheus' text format 0.0.4 or of OpenMetrics 1.0.
 * @param open true: OpenMetrics (one space between parts, timestamps in seconds, exemplars, `# EOF`)
 * @throws CollectError that says what was expected and where
 */
export function parseLine(line: string, open: boolean): Line {
  if (line.startsWith('#')) return parseComment(line, open)
  return new SampleLine(line, open).read()
}

function parseComment(line: string, open: boolean): Line {
  if (open && line === '# EOF') return { kind: 'eof' }
  const match = (open ? META : LOOSE_META).exec(line)
  if (match === null) {
    if (open) throw new CollectError('expected # HELP, # TYPE, # UNIT or # EOF')
    return { kind: 'comment' }
  }
  const [, keyword = '', name = '', text = ''] = match
  if (keyword === 'HELP') return { kind: 'help', name, text: unescaped(text, open) }
  return { kind: keyword === 'TYPE' ? 'type' : 'unit', name, text: open ? text : text.trim() }
}

/** `\\` and `\n`; OpenMetrics escapes quotes too. */
function unescaped(text: string, quotes: boolean): string {
  return text.includes('\\')
    ? text.replaceAll(/\\([\\n"])/g, (all, letter: string) => {
        if (letter === 'n') return '\n'
        return letter === '"' && !quotes ? all : letter
      })
    : text
}

class SampleLine {
  readonly #line: string
  readonly #open: boolean
  #at = 0

  constructor(line: string, open: boolean) {
    this.#line = line
    this.#open = open
  }

  read(): Sample {
    if (!this.#open) this.#blanks()
    const name = this.#match(NAME, 'a metric name')
    if (!this.#open) this.#blanks()
    const labels = this.#line[this.#at] === '{' ? this.#labels() : new Map<string, string>()
    this.#gap()
    const value = this.#number('a value')
    const rest = { kind: 'sample', name, labels, value } as const
    if (this.#ended()) return rest
    this.#gap()
    let time: number | undefined
    if (this.#line[this.#at] !== '#') {
      time = this.#time()
      if (this.#ended()) return { ...rest, time }
      this.#gap()
    }
    if (!this.#open || this.#line[this.#at] !== '#') throw this.#expected('the end of the line')
    const sample = time === undefined ? rest : { ...rest, time }
    return { ...sample, exemplar: this.#exemplar() }
  }

  #exemplar(): NonNullable<Sample['exemplar']> {
    this.#at += 1
    this.#gap()
    if (this.#line[this.#at] !== '{') throw this.#expected('the labels of an exemplar')
    const labels = this.#labels()
    this.#gap()
    const value = this.#number('the value of an exemplar')
    if (this.#ended()) return { labels, value }
    this.#gap()
    const time = this.#time()
    if (!this.#ended()) throw this.#expected('the end of the line')
    return { labels, value, time }
  }

  #labels(): Map<string, string> {
    const labels = new Map<string, string>()
    this.#at += 1
    for (;;) {
      if (!this.#open) this.#blanks()
      if (this.#line[this.#at] === '}') {
        this.#at += 1
        return labels
      }
      const name = this.#match(LABEL, 'a label name')
      if (!this.#open) this.#blanks()
      this.#take('=')
      if (!this.#open) this.#blanks()
      const value = this.#quoted()
      if (labels.has(name)) throw new CollectError(`label ${name} stands twice`)
      labels.set(name, value)
      if (labels.size > MOST_LABELS) throw new CollectError(`more than ${MOST_LABELS} labels`)
      if (!this.#open) this.#blanks()
      if (this.#line[this.#at] === ',') this.#at += 1
      else if (this.#line[this.#at] !== '}') throw this.#expected(', or }')
    }
  }

  #quoted(): string {
    this.#take('"')
    const start = this.#at
    let escaped = false
    for (; this.#at < this.#line.length; this.#at++) {
      const code = this.#line.charCodeAt(this.#at)
      if (code === 0x5c) {
        escaped = true
        const next = this.#line[this.#at + 1]
        if (next !== '\\' && next !== 'n' && next !== '"') throw this.#expected('\\\\, \\n or \\"')
        this.#at += 1
      } else if (code === 0x22) {
        const text = this.#line.slice(start, this.#at)
        this.#at += 1
        return escaped ? unescaped(text, true) : text
      }
    }
    throw this.#expected('a closing quote')
  }

  #number(what: string): number {
    const from = this.#at
    const token = this.#token()
    if (NUMBER.test(token)) return Number(token)
    const lower = token.toLowerCase()
    if (lower === 'nan' || lower === '+nan' || lower === '-nan') return Number.NaN
    if (/^[+-]?inf(inity)?$/.test(lower))
      return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    this.#at = from
    throw this.#expected(what)
  }

  /** @returns milliseconds since 1970 */
  #time(): number {
    const from = this.#at
    const time = this.#number('a timestamp') * (this.#open ? 1000 : 1)
    if (Number.isFinite(time) && time >= 0) return time
    this.#at = from
    throw this.#expected('a timestamp')
  }

  #token(): string {
    const from = this.#at
    while (this.#at < this.#line.length && !isBlank(this.#line.charCodeAt(this.#at))) this.#at += 1
    return this.#line.slice(from, this.#at)
  }

  #ended(): boolean {
    if (!this.#open) this.#blanks()
    return this.#at === this.#line.length
  }

  #blanks(): void {
    while (isBlank(this.#line.charCodeAt(this.#at))) this.#at += 1
  }

  /** OpenMetrics: one space. Else: any blanks. */
  #gap(): void {
    if (this.#open) this.#take(' ')
    else this.#blanks()
  }

  #take(character: string): void {
    if (this.#line[this.#at] !== character) throw this.#expected(character === ' ' ? 'a space' : character)
    this.#at += 1
  }

  #match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#line)
    if (match === null) throw this.#expected(what)
    this.#at = pattern.lastIndex
    return match[0]
  }

  #expected(what: string): CollectError {
    return new CollectError(`expected ${what} at column ${this.#at + 1}`)
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
