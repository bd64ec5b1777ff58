import { realpath, stat } from 'node:fs/promises'
import { sep } from 'node:path'
import type { Answer } from './answer.ts'
import { quote, type WriteOutcome } from './engine.ts'
import { ClickHouseException } from './exception.ts'
import type { Lease } from './session-pool.ts'
import { asText, type Statement } from './sql-scan.ts'

/** Inserts the rows of a file. @param size bytes; 0: there are none */
export async function answerInsert(
  lease: Lease,
  path: string,
  size: number,
  statement: Extract<Statement, { kind: 'insert-data' | 'insert-input' }>,
  answer: Answer,
): Promise<void> {
  let outcome: WriteOutcome = { rowsWritten: 0, bytesWritten: 0, elapsed: 0 }
  if (statement.kind === 'insert-input') {
    const structure = statement.structure === undefined ? '' : `, ${asText(statement.structure)}`
    const source = `file(${quote(path)}, ${quote(asText(statement.format))}${structure})`
    outcome = await lease.session.write(asText(statement.before) + source + asText(statement.after))
  } else if (size > 0) {
    outcome = await lease.session.write(
      `${asText(statement.head)} FROM INFILE ${quote(path)} ${asText(statement.settings)} FORMAT ${asText(statement.format)}`,
    )
  } else {
    // An empty body inserts nothing, but a wrong table or column is still an error.
    await lease.session.read(`EXPLAIN AST ${asText(statement.head)} VALUES`, 'Null')
  }
  answer.begin(undefined, false, outcome)
}

/** @throws ClickHouseException ACCESS_DENIED for what lies elsewhere, also by a link; FILE_DOESNT_EXIST */
export async function withinDirectory(path: string, directory: string): Promise<string> {
  const real = async (name: string) => {
    try {
      return await realpath(name)
    } catch (error) {
      throw new ClickHouseException(
        107,
        'FILE_DOESNT_EXIST',
        `The rows cannot be read from ${path}: ${error}`,
      )
    }
  }
  const file = await real(path)
  if (file.startsWith(`${await real(directory)}${sep}`)) return file
  throw new ClickHouseException(497, 'ACCESS_DENIED', `Only files in ${directory} may be an insert's body`)
}

/** @throws ClickHouseException FILE_DOESNT_EXIST */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    throw new ClickHouseException(107, 'FILE_DOESNT_EXIST', `The rows cannot be read from ${path}: ${error}`)
  }
}
