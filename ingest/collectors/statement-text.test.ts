import { expect, it } from 'vitest'
import { withoutLiterals } from './statement-text.ts'

it.each([
  ["ALTER ROLE x PASSWORD 'it''s'", 'ALTER ROLE x PASSWORD ?'],
  ["SELECT E'a\\'b', 12.5e3, t1.c2 FROM t1 WHERE a = $1", 'SELECT E?, ?, t1.c2 FROM t1 WHERE a = $1'],
  ['DO $x$ secret $x$; SELECT $$ a $$', 'DO ?; SELECT ?'],
  ["SELECT 'cut off", 'SELECT ?'],
  ['SELECT 1 /* user 5 */\n  -- hush\n  FROM "t 1"', 'SELECT ? FROM "t 1"'],
])('%s', (statement, expected) => {
  expect(withoutLiterals(statement)).toBe(expected)
})
