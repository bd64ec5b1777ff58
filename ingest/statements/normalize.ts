import { normalizeCommands } from './commands.ts'
import type { Dialect } from './dialect.ts'
import { normalizeJson } from './json.ts'
import { normalizeSql } from './sql.ts'

/** Characters of a statement that are read; of longer ones the rest is left out. */
const MAX_LENGTH = 16_384

/**
 * A statement without its literals, so that it holds no data and is the same for every execution: `?` stands for each literal and
 * numbered parameter, and for a list of them; comments are left out, white space is one blank.
 */
export function normalizeStatement(text: string, dialect: Dialect): string {
  const read = text.length > MAX_LENGTH ? text.slice(0, MAX_LENGTH) : text
  const start = read.trimStart()[0]
  const cut = text.length > MAX_LENGTH ? ' ...' : ''
  if (dialect.language === 'command') return normalizeCommands(read) + cut
  const like = dialect.language === 'json' || start === '{' || start === '['
  return (like ? normalizeJson(read) : normalizeSql(read, dialect)) + cut
}
