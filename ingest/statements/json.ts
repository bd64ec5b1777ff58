/** Keys of MongoDB's commands whose values name a collection. */
const NAMING = new Set(
  'aggregate collection count create createIndexes delete distinct drop find findAndModify insert listIndexes mapReduce update'.split(
    ' ',
  ),
)
/** Texts, numbers and words; all else stands for itself. */
const TOKEN =
  /"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$)|\/(?=[^/*\s])(?:[^/\\\n]|\\.){1,200}\/[a-z]*|[-+]?\d[\w.+-]*|[A-Za-z_$][\w$.-]*|\s+|[\s\S]/gy
const SIMPLE_NAME = /^["'][\w.-]{1,120}["']$/
const LITERALS = new Set(['true', 'false', 'null', 'undefined', 'NaN', 'Infinity'])

/** JSON and what looks like it (MongoDB's shell, Elasticsearch): keys are kept, values are `?`, lists of values are one. */
export function normalizeJson(text: string): string {
  const out: string[] = []
  let key = ''
  const push = (token: string) => {
    // A list of values counts as one value.
    if (token === '?' && out.at(-1) === ',' && out.at(-2) === '?') out.pop()
    else out.push(token)
  }
  TOKEN.lastIndex = 0
  const tokens = text.match(TOKEN)?.filter((token) => token.trim() !== '') ?? []
  for (const [i, token] of tokens.entries()) {
    const first = token[0] as string
    const isText = first === '"' || first === "'"
    if (tokens[i + 1] === ':' && (isText || /^[\w$]/.test(first))) {
      key = isText ? token.slice(1, -1) : token
      push(isText ? `"${key}"` : key)
    } else if (isText) {
      const named = NAMING.has(key) && tokens[i - 1] === ':' && SIMPLE_NAME.test(token)
      push(named ? `"${token.slice(1, -1)}"` : '?')
    } else if (/^[-+]?\d/.test(token) || LITERALS.has(token) || (first === '/' && token.length > 1)) push('?')
    else push(token)
  }
  return out.join('').replaceAll(/([,:])(?=\S)/g, '$1 ')
}
