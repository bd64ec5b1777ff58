/** Characters kept of a statement. */
const LONGEST = 1_000

/** A quoted name (kept), or a comment, text or number; what is cut off inside one goes to the end. */
const PARTS =
  /("(?:[^"]|"")*"?|`[^`]*`?)|(\/\*[\s\S]*?(?:\*\/|$)|--[^\n]*)|\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\3\$|$)|'(?:[^'\\]|''|\\[\s\S])*(?:'|$)|(?<![\w$])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** A statement with its literals as `?`, without comments: PostgreSQL keeps those of commands that are not queries, passwords included. */
export function withoutLiterals(statement: string): string {
  return statement
    .replaceAll(PARTS, (_, name?: string, comment?: string) => name ?? (comment === undefined ? '?' : ' '))
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST)
}
