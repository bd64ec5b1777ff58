import { ClickHouseException } from './exception.ts'
import { readHead } from './insert-body.ts'
import type { QueryRequest } from './query-request.ts'
import { type Statement, scanStatement } from './sql-scan.ts'

// The engine reads a statement of 256 KiB by default; rows behind it do not count.
const HEAD_BYTES = 262_144
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024
const READ_ONLY_WORDS = new Set(['SHOW', 'DESC', 'DESCRIBE', 'EXPLAIN', 'EXISTS', 'SET', 'USE', 'CHECK'])

export interface ReadStatement {
  /** What was read: the statement, and the rows of an insert that came with it. */
  readonly text: Buffer
  readonly statement: Statement
  /** True: the body has no more. */
  readonly ended: boolean
}

/**
 * The statement from the address and the beginning of the body; an insert's rows are left there.
 * @throws ClickHouseException QUERY_IS_TOO_LARGE
 */
export async function readStatement(
  query: QueryRequest,
  source: AsyncIterator<Buffer>,
): Promise<ReadStatement> {
  let text = query.query === '' ? Buffer.alloc(0) : Buffer.from(`${query.query}\n`)
  let statement = scanStatement(text.toString('latin1'))
  let ended = false
  if (statement.kind !== 'insert-data' && statement.kind !== 'insert-input') {
    const head = await readHead(source, HEAD_BYTES)
    text = Buffer.concat([text, head.head])
    statement = scanStatement(text.toString('latin1'))
    ended = head.ended
    if (!ended && statement.kind !== 'insert-data' && statement.kind !== 'insert-input') {
      const more = await readHead(source, MAX_STATEMENT_BYTES)
      if (!more.ended) {
        throw new ClickHouseException(
          229,
          'QUERY_IS_TOO_LARGE',
          `A statement may have ${MAX_STATEMENT_BYTES} bytes`,
        )
      }
      text = Buffer.concat([text, more.head])
      statement = scanStatement(text.toString('latin1'))
    }
  }
  return { text, statement, ended }
}

/**
 * @param readOnly GET: only what reads
 * @returns whether it only reads
 * @throws ClickHouseException for what HTTP does not serve
 */
export function checkStatement(statement: Statement, query: QueryRequest, readOnly: boolean): boolean {
  const reads =
    statement.kind === 'select' || (statement.kind === 'other' && READ_ONLY_WORDS.has(statement.word))
  if (statement.kind === 'empty') throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Empty query')
  if (statement.kind === 'several') {
    throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed)')
  }
  if (statement.kind === 'file') {
    throw new ClickHouseException(
      78,
      'UNKNOWN_TYPE_OF_QUERY',
      'INTO OUTFILE and FROM INFILE are for clients, not for HTTP',
    )
  }
  if (readOnly && !reads) {
    throw new ClickHouseException(
      164,
      'READONLY',
      `${query.user}: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries`,
    )
  }
  return reads
}
