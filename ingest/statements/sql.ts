import type { Dialect } from './dialect.ts'

/** Letters that may stand right before a text: `E'..'`, `N'..'`, `X'..'`, and a character set's name. */
const TEXT_PREFIX = /^(?:[ebnrx]|u&|_\w+)$/i
const NAME_START = /[\p{L}_]/u
const NAME = /[\p{L}\p{N}_$]+/uy
const NUMBER = /0x[\da-f]+|0b[01]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?/iy
/** Numbered parameters change their numbers with the length of the lists before them. */
const PARAMETER = /\$\d+|\?\d*|:\d+|[@:]_*p_?\d+\b|@P\d+\b|%s|\{\d+\}/y
const DOLLAR_QUOTE = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy
/** Values that lists of literals may also hold. */
const WORD_VALUES = new Set(['NULL', 'TRUE', 'FALSE', 'DEFAULT'])

/** SQL of any dialect. What is open (a text that does not end) is taken for a literal up to the end. */
export function normalizeSql(text: string, dialect: Dialect): string {
  const out: string[] = []
  /** White space or a comment came before. */
  let apart = false
  let at = 0

  const push = (token: string) => {
    if (apart && out.length > 0) out.push(' ')
    apart = false
    out.push(token)
  }
  const literal = () => {
    // The sign of a number goes with it, a list of literals is one.
    const last = lastToken(out)
    if ((last === '-' || last === '+') && isOperator(lastToken(out, 1))) {
      apart = dropLast(out)
    }
    if (lastToken(out) === ',' && lastToken(out, 1) === '?') {
      dropLast(out)
      apart = false
    } else push('?')
  }

  while (at < text.length) {
    const sign = text[at] as string
    const next = text[at + 1]
    if (/\s/.test(sign)) {
      apart = true
      at++
    } else if ((sign === '-' && next === '-') || (sign === '#' && dialect.hashComments)) {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
      apart = true
    } else if (sign === '/' && next === '*') {
      at = endOfComment(text, at)
      apart = true
    } else if (sign === "'" || (sign === '"' && dialect.doubleQuotes === 'text')) {
      const prefix = out.at(-1)
      let backslash = dialect.backslash
      if (sign === "'" && !apart && prefix !== undefined && TEXT_PREFIX.test(prefix)) {
        apart = dropLast(out)
        if (prefix.toLowerCase() === 'e') backslash = true
      }
      at = endOfText(text, at, sign, backslash)
      literal()
    } else if (sign === '"' || sign === '`' || (sign === '[' && dialect.brackets)) {
      const end = endOfText(text, at, sign === '[' ? ']' : sign, false)
      push(text.slice(at, end))
      at = end
    } else if (sign === '$' && matchAt(DOLLAR_QUOTE, text, at) !== undefined) {
      const quote = matchAt(DOLLAR_QUOTE, text, at) as string
      const end = text.indexOf(quote, at + quote.length)
      at = end < 0 ? text.length : end + quote.length
      literal()
    } else if (matchAt(PARAMETER, text, at) !== undefined && !(sign === ':' && text[at - 1] === ':')) {
      at += (matchAt(PARAMETER, text, at) as string).length
      literal()
    } else if (/\d/.test(sign) || (sign === '.' && /\d/.test(next ?? '') && !isName(out.at(-1)))) {
      at += (matchAt(NUMBER, text, at) as string).length
      // 1st, 2x: what follows a number without a blank is a part of it.
      at += (matchAt(NAME, text, at) ?? '').length
      literal()
    } else if (NAME_START.test(sign)) {
      const name = matchAt(NAME, text, at) as string
      push(sign === 'u' || sign === 'U' ? withAmpersand(text, at, name) : name)
      at += (out.at(-1) as string).length
    } else {
      at++
      if (sign === ')') closeList(out)
      else push(sign)
      apart = sign === ')' ? false : apart
    }
  }
  while (out.at(-1) === ';' || out.at(-1) === ' ') out.pop()
  return out.join('')
}

/** A list in brackets that holds values only is `(?)`; a list of such lists is one. */
function closeList(out: string[]): void {
  let open = out.length - 1
  let literals = 0
  while (open >= 0 && out[open] !== '(') {
    const token = out[open] as string
    if (token === '?') literals++
    else if (token !== ' ' && token !== ',' && !WORD_VALUES.has(token.toUpperCase())) break
    open--
  }
  if (open < 0 || out[open] !== '(' || literals === 0) {
    out.push(')')
    return
  }
  out.length = open
  out.push('(', '?', ')')
  const before = out
    .slice(0, -3)
    .filter((token) => token !== ' ')
    .slice(-4)
    .join('')
  if (before !== '(?),') return
  while (out.at(-1) !== ',') out.pop()
  dropLast(out)
}

/** The last token but `skip`, blanks left out. */
function lastToken(out: readonly string[], skip = 0): string | undefined {
  let left = skip
  for (let i = out.length - 1; i >= 0; i--) if (out[i] !== ' ' && left-- === 0) return out[i]
  return undefined
}

/** Takes the last token and the blank before it away. @returns true if there was one */
function dropLast(out: string[]): boolean {
  while (out.at(-1) === ' ') out.pop()
  out.pop()
  const apart = out.at(-1) === ' '
  if (apart) out.pop()
  return apart
}

function isOperator(token: string | undefined): boolean {
  return token !== undefined && /^[(,=<>+*/%|-]$/.test(token)
}

function isName(token: string | undefined): boolean {
  return token !== undefined && /^[\p{L}_"`\])]/u.test(token)
}

/** `U&` before a text is one prefix. */
function withAmpersand(text: string, at: number, name: string): string {
  return name.length === 1 && text.startsWith("&'", at + 1) ? text.slice(at, at + 2) : name
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** Comments may be nested, as PostgreSQL has it. */
function endOfComment(text: string, start: number): number {
  let depth = 1
  let at = start + 2
  for (; at < text.length && depth > 0; at++) {
    if (text.startsWith('*/', at)) {
      depth--
      at++
    } else if (text.startsWith('/*', at)) {
      depth++
      at++
    }
  }
  return at
}

/** The place after the text that starts here; a doubled quote does not end it. */
function endOfText(text: string, start: number, quote: string, backslash: boolean | undefined): number {
  for (let at = start + 1; at < text.length; at++) {
    const sign = text[at]
    if (sign === '\\' && backslash === true) at++
    else if (sign === quote) {
      if (text[at + 1] === quote) at++
      // Whether this quote ends the text depends on the dialect: nothing after it can be trusted to be no literal.
      else if (backslash === undefined && text[at - 1] === '\\') return text.length
      else return at + 1
    }
  }
  return text.length
}
