/**
 * What Grafana and its ClickHouse data source (version 4) make of a query before it is sent, by their documentation: first
 * `$__conditionalAll`, then variables, then the macros of the backend.
 */
export interface GrafanaContext {
  /** Seconds since the epoch. */
  readonly from: number
  readonly to: number
  /** Seconds between points, as Grafana chooses them from the range and the panel's width. */
  readonly interval: number
  readonly variables: ReadonlyMap<string, GrafanaValue>
}

export interface GrafanaValue {
  /** What the variable stands for; all options when all are selected. */
  readonly values: readonly string[]
  readonly all: boolean
}

/** @throws Error for a variable that the dashboard does not have, or a macro that is not known here */
export function interpolate(sql: string, context: GrafanaContext): string {
  return macros(variables(conditionalAll(sql, context), context), context)
}

function conditionalAll(sql: string, context: GrafanaContext): string {
  const macro = '$__conditionalAll('
  let text = sql
  for (let at = text.lastIndexOf(macro); at !== -1; at = text.lastIndexOf(macro)) {
    const [condition, variable, end] = twoArguments(text, at + macro.length)
    const name = /\w+/.exec(variable)?.[0] ?? ''
    const value = context.variables.get(name)
    if (value === undefined) throw new Error(`$__conditionalAll names the unknown variable ${variable}`)
    text = text.slice(0, at) + (value.all ? '1=1' : condition) + text.slice(end)
  }
  return text
}

/** The plugin's own reading: brackets are counted, quotes are not looked at. */
function twoArguments(text: string, start: number): [first: string, second: string, end: number] {
  let depth = 1
  let comma = -1
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '(') depth++
    if (char === ')') depth--
    if (char === ',' && depth === 1) {
      if (comma !== -1) throw new Error('$__conditionalAll has more than two arguments')
      comma = at
    }
    if (depth === 0) return [text.slice(start, comma), text.slice(comma + 1, at).trim(), at + 1]
  }
  throw new Error('$__conditionalAll is not closed')
}

function variables(sql: string, context: GrafanaContext): string {
  return sql.replaceAll(/\$\{(\w+)(?::(\w+))?\}/g, (_, name: string, format: string | undefined) => {
    const value = context.variables.get(name)
    if (value === undefined) throw new Error(`The query reads the unknown variable ${name}`)
    if (format === 'sqlstring') return value.values.map(sqlString).join(',')
    if (format === undefined) return value.values.join(',')
    throw new Error(`Format ${format} is not known here`)
  })
}

/** Grafana's `sqlstring` format. */
function sqlString(text: string): string {
  return `'${text.replaceAll("'", "''").replaceAll('"', '\\"')}'`
}

function macros(sql: string, { from, to, interval }: GrafanaContext): string {
  const time = (seconds: number) => `toDateTime(${Math.floor(seconds)})`
  const text = sql
    .replaceAll(
      /\$__timeFilter\(([^()]*)\)/g,
      (_, column: string) => `${column} >= ${time(from)} AND ${column} <= ${time(to)}`,
    )
    .replaceAll('$__fromTime', time(from))
    .replaceAll('$__toTime', time(to))
    .replaceAll('$__interval_s', String(Math.max(1, Math.floor(interval))))
  const left = /\$__\w+/.exec(text)
  if (left !== null) throw new Error(`The macro ${left[0]} is not known here`)
  return text
}
