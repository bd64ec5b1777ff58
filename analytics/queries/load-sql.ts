import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KEPT_STREAMS } from './streams-left-out.ts'

const texts = new Map<string, string>()

/** The statement in `<name>.sql` beside this file, read once; `$KEPT_STREAMS` in it stands for a condition that several have. */
export function loadSql(name: string): string {
  const known = texts.get(name)
  if (known !== undefined) return known
  const file = readFileSync(join(import.meta.dirname, `${name}.sql`), 'utf8')
  const text = file.replaceAll('$KEPT_STREAMS', () => KEPT_STREAMS)
  texts.set(name, text)
  return text
}
