/** One token of ClickHouse's SQL; comments and spaces are no tokens. */
interface Token {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'sign'
  /** As written, words in upper case. */
  text: string
  start: number
  end: number
  /** How many brackets are open around it. */
  depth: number
}

/** What has to be known of a statement to run it over HTTP. */
export type Statement =
  | { kind: 'empty' }
  | { kind: 'several' }
  /** It names a file on the server's side (`INTO OUTFILE`, `FROM INFILE`), which HTTP has no room for. */
  | { kind: 'file' }
  /** A result of any size: `body`, then room for INTO OUTFILE, then its format and `tail` (SETTINGS). */
  | { kind: 'select'; body: string; format: string | undefined; tail: string }
  /** An INSERT whose rows follow the statement; they begin at `dataStart`, or follow in the request's body. */
  | { kind: 'insert-data'; head: string; settings: string; format: string; dataStart: number }
  /** `INSERT ... SELECT ... FROM input(...) FORMAT x`: `before` and `after` surround the whole call of input. */
  | {
      kind: 'insert-input'
      before: string
      structure: string | undefined
      after: string
      format: string
      dataStart: number
    }
  | { kind: 'insert-select' }
  | { kind: 'kill'; text: string }
  | { kind: 'other'; word: string; format: string | undefined }

const SPACE = /\s/
const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy
const NUMBER = /[0-9][0-9A-Za-z_.]*/y
const HEREDOC = /\$\w*\$/y

function* tokens(sql: string): Generator<Token> {
  let depth = 0
  let at = 0
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at
    return pattern.exec(sql)?.[0]
  }
  while (at < sql.length) {
    const char = sql.charAt(at)
    const start = at
    if (SPACE.test(char)) {
      at++
    } else if (
      sql.startsWith('--', at) ||
      sql.startsWith('#!', at) ||
      sql.startsWith('# ', at) ||
      sql.startsWith('//', at)
    ) {
      const end = sql.indexOf('\n', at)
      at = end < 0 ? sql.length : end + 1
    } else if (sql.startsWith('/*', at)) {
      const end = sql.indexOf('*/', at + 2)
      at = end < 0 ? sql.length : end + 2
    } else if (char === "'" || char === '"' || char === '`') {
      at++
      while (at < sql.length) {
        if (sql.charAt(at) === '\\') at += 2
        else if (sql.charAt(at) !== char) at++
        else if (sql.charAt(at + 1) === char) at += 2
        else break
      }
      at = Math.min(at + 1, sql.length)
      yield { kind: char === "'" ? 'string' : 'quoted', text: sql.slice(start, at), start, end: at, depth }
    } else {
      const heredoc = char === '$' ? match(HEREDOC) : undefined
      const word = match(WORD)
      const number = match(NUMBER)
      if (heredoc !== undefined) {
        const end = sql.indexOf(heredoc, at + heredoc.length)
        at = end < 0 ? sql.length : end + heredoc.length
        yield { kind: 'string', text: sql.slice(start, at), start, end: at, depth }
      } else if (word !== undefined) {
        at += word.length
        yield { kind: 'word', text: word.toUpperCase(), start, end: at, depth }
      } else if (number !== undefined) {
        at += number.length
        yield { kind: 'number', text: number, start, end: at, depth }
      } else {
        at++
        if (')]}'.includes(char)) depth = Math.max(0, depth - 1)
        yield { kind: 'sign', text: char, start, end: at, depth }
        if ('([{'.includes(char)) depth++
      }
    }
  }
}

// After these a word is the start of an expression or a name, so FORMAT there is a column's name, not the clause.
const BEFORE_NAME = new Set(
  'SELECT DISTINCT WHERE PREWHERE HAVING QUALIFY AND OR NOT BY ON AS FROM IN LIKE ILIKE BETWEEN WHEN THEN ELSE CASE IS LIMIT OFFSET WITH'.split(
    ' ',
  ),
)

function mayPrecedeClause(token: Token | undefined): boolean {
  if (token === undefined) return false
  if (token.kind === 'sign') return ')]}*'.includes(token.text)
  return token.kind !== 'word' || !BEFORE_NAME.has(token.text)
}

/** Where the clause `FORMAT name` stands: at the end, or before SETTINGS at the end. */
function formatClause(list: readonly Token[]): number {
  for (let i = list.length - 2; i > 0; i--) {
    const [before, token, name, after] = [list[i - 1], list[i], list[i + 1], list[i + 2]]
    if (token?.kind !== 'word' || token.text !== 'FORMAT' || token.depth !== 0) continue
    if (name?.kind !== 'word' || !mayPrecedeClause(before)) continue
    if (after === undefined || (after.kind === 'word' && after.text === 'SETTINGS')) return i
  }
  return -1
}

/** The rows of an insert begin after spaces and at most one line end, as the server's parser has it. */
function dataStart(sql: string, from: number): number {
  let at = from
  while (at < sql.length && ' \t\f'.includes(sql.charAt(at))) at++
  if (sql.charAt(at) === '\r') at++
  if (sql.charAt(at) === '\n') at++
  return at
}

function scanInsert(sql: string, source: Iterator<Token>, seen: Token[]): Statement | undefined {
  const next = (): Token | undefined => {
    const step = source.next()
    if (step.done === true) return undefined
    seen.push(step.value)
    return step.value
  }
  let token = next()
  if (token?.text === 'INTO') token = next()
  if (token?.text === 'TABLE' || token?.text === 'FUNCTION') token = next()
  // `token` is now the first part of the table's name, which may be any word.
  let head = -1
  let settings = -1
  while (true) {
    const before = token
    token = next()
    if (token === undefined) return undefined
    if (token.kind !== 'word' || token.depth !== 0 || before?.text === '.') continue
    if (token.text === 'FROM') return { kind: 'file' }
    if (token.text === 'SETTINGS' && head < 0) {
      head = token.start
      settings = token.start
    } else if (token.text === 'VALUES') {
      if (head < 0) head = token.start
      const end = token.start
      return {
        kind: 'insert-data',
        head: sql.slice(0, head),
        settings: settings < 0 ? '' : sql.slice(settings, end),
        format: 'Values',
        dataStart: token.end,
      }
    } else if (token.text === 'FORMAT') {
      if (head < 0) head = token.start
      const end = token.start
      const name = next()
      if (name?.kind !== 'word') return undefined
      return {
        kind: 'insert-data',
        head: sql.slice(0, head),
        settings: settings < 0 ? '' : sql.slice(settings, end),
        format: sql.slice(name.start, name.end),
        dataStart: dataStart(sql, name.end),
      }
    } else if (token.text === 'SELECT' || token.text === 'WITH') {
      return scanInput(sql, next, seen)
    }
  }
}

function scanInput(sql: string, next: () => Token | undefined, seen: Token[]): Statement | undefined {
  let call: { start: number; open: number; depth: number; end: number } | undefined
  while (true) {
    const before = seen[seen.length - 1]
    const token = next()
    if (token === undefined) return undefined
    if (call === undefined && token.text === '(' && before?.kind === 'word' && before.text === 'INPUT') {
      call = { start: before.start, open: token.end, depth: token.depth, end: -1 }
    } else if (call !== undefined && call.end < 0 && token.text === ')' && token.depth === call.depth) {
      call.end = token.end
    } else if (
      call !== undefined &&
      token.text === 'FORMAT' &&
      token.depth === 0 &&
      mayPrecedeClause(seen[seen.length - 2])
    ) {
      const name = next()
      if (name?.kind !== 'word') return undefined
      const structure = sql.slice(call.open, call.end - 1).trim()
      return {
        kind: 'insert-input',
        before: sql.slice(0, call.start),
        structure: structure === '' ? undefined : structure,
        after: sql.slice(call.end, token.start),
        format: sql.slice(name.start, name.end),
        dataStart: dataStart(sql, name.end),
      }
    }
  }
}

/** KILL QUERY by the client's own query ids, which the engine keeps in `log_comment`, and never waiting (SYNC hangs). */
function scanKill(sql: string, list: readonly Token[]): Statement {
  let text = ''
  let at = 0
  for (const token of list) {
    let instead: string | undefined
    if (token.text === 'QUERY_ID' || token.text === '`query_id`' || token.text === '"query_id"') {
      instead = "extract(Settings['log_comment'], 'query_id=(.*)$')"
    } else if (token.kind === 'word' && token.text === 'SYNC') {
      instead = 'ASYNC'
    }
    if (instead === undefined) continue
    text += sql.slice(at, token.start) + instead
    at = token.end
  }
  return { kind: 'kill', text: text + sql.slice(at) }
}

/**
 * Tells how a statement has to be run. It reads words, strings, comments and brackets only: the engine's own parser
 * decides whether the statement is right.
 *
 * @param sql the statement, and for an INSERT with data possibly the first bytes of it
 */
export function scanStatement(sql: string): Statement {
  const source = tokens(sql)
  const seen: Token[] = []
  const first = source.next()
  if (first.done === true) return { kind: 'empty' }
  seen.push(first.value)
  if (first.value.text === 'INSERT') {
    const insert = scanInsert(sql, source, seen)
    if (insert !== undefined) return insert
  }
  for (const token of source) seen.push(token)
  while (seen[seen.length - 1]?.text === ';') seen.pop()
  if (seen.length === 0) return { kind: 'empty' }
  if (seen.some((token) => token.kind === 'sign' && token.text === ';' && token.depth === 0))
    return { kind: 'several' }
  const top = seen.filter((token) => token.depth === 0)
  const opener = seen.find((token) => token.text !== '(')?.text ?? ''
  const end = seen[seen.length - 1]?.end ?? sql.length
  if (first.value.text === 'INSERT') return { kind: 'insert-select' }
  if (opener === 'KILL') return scanKill(sql.slice(0, end), seen)
  if (opener === 'WITH' && top.some((t, i) => t.text === 'INSERT' && top[i + 1]?.text === 'INTO'))
    return { kind: 'insert-select' }
  if (top.some((t, i) => t.text === 'INTO' && top[i + 1]?.text === 'OUTFILE')) return { kind: 'file' }
  const clause = formatClause(seen)
  const name = clause < 0 ? undefined : seen[clause + 1]
  const format = name === undefined ? undefined : sql.slice(name.start, name.end)
  if (opener !== 'SELECT' && opener !== 'WITH' && opener !== 'FROM')
    return { kind: 'other', word: opener, format }
  return {
    kind: 'select',
    body: sql.slice(0, clause < 0 ? end : seen[clause]?.start),
    format,
    tail: name === undefined ? '' : sql.slice(name.end, end),
  }
}

/** What a part of a scanned statement says: the scanner works on single-byte characters, so that its offsets are byte offsets whatever the rows are. */
export function asText(part: string): string {
  return Buffer.from(part, 'latin1').toString('utf8')
}
