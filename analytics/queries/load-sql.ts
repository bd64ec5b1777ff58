import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const texts = new Map<string, string>()

/** The statement in `<name>.sql` beside this file, read once. */
export function loadSql(name: string): string {
  const known = texts.get(name)
  if (known !== undefined) return known
  const text = readFileSync(join(import.meta.dirname, `${name}.sql`), 'utf8')
  texts.set(name, text)
  return text
}
