import { allDashboards } from '../../dashboards/all-dashboards.ts'
import type { GeneratedDashboard } from '../../dashboards/dashboard.ts'
import type { Panel, Variable } from '../../dashboards/grafana.ts'
import { buildCatalogue, type Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { type GrafanaContext, type GrafanaValue, interpolate } from './grafana-interpolation.ts'

export interface DashboardView {
  /** Milliseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly service: string
  readonly environment: string
  /** Default: the built-in signals. */
  readonly catalogue?: Catalogue
}

export interface CheckedQuery {
  /** uid / what: a panel's title, 'annotation X' or 'variable X'. */
  readonly what: string
  readonly rows: number
  readonly milliseconds: number
  /** What a panel could not draw, and errors of the store; none if all is well. */
  readonly problems: readonly string[]
}

/**
 * Runs every query of every dashboard as Grafana would for this view, and looks at what comes back.
 * @returns one entry a query; whether a query without rows is wrong depends on the data, so it is for the caller to say
 */
export async function checkDashboards(store: Store, view: DashboardView): Promise<readonly CheckedQuery[]> {
  const checked: CheckedQuery[] = []
  for (const board of allDashboards(view.catalogue ?? buildCatalogue()))
    checked.push(...(await checkBoard(store, view, board)))
  return checked
}

async function checkBoard(
  store: Store,
  view: DashboardView,
  board: GeneratedDashboard,
): Promise<CheckedQuery[]> {
  const checked: CheckedQuery[] = []
  const values = new Map<string, GrafanaValue>()
  const from = view.from / 1000
  const to = view.to / 1000
  // Grafana: a nice number near range / points, never below the panel's least interval.
  const context: GrafanaContext = { from, to, interval: Math.max(60, (to - from) / 400), variables: values }
  const run = async (what: string, sql: string, shape: (result: Result) => string[]) => {
    const start = performance.now()
    const result = await execute(store, sql, context)
    checked.push({
      what: `${board.uid} / ${what}`,
      rows: result.kind === 'rows' ? result.rows.length : 0,
      milliseconds: Math.round(performance.now() - start),
      problems: result.kind === 'error' ? [result.message] : shape(result),
    })
    return result.kind === 'rows' ? result : undefined
  }
  for (const variable of board.templating?.list ?? []) {
    if (variable.type !== 'query') {
      values.set(variable.name, { values: [String(variable.current?.value ?? '')], all: false })
      continue
    }
    const result = await run(`variable ${variable.name}`, String(variable.query), variableShape)
    values.set(variable.name, select(variable, result, view))
  }
  for (const annotation of board.annotations.list)
    await run(`annotation ${annotation.name}`, annotation.target.rawSql, annotationShape)
  for (const panel of board.panels ?? []) {
    if (!('targets' in panel)) continue
    for (const target of panel.targets ?? []) {
      const series = target['format'] === 0
      await run(String(panel.title), String(target['rawSql']), (result) =>
        series ? seriesShape(result) : tableShape(result, panel as Panel),
      )
    }
  }
  return checked
}

interface Result {
  readonly kind: 'rows'
  readonly columns: readonly { name: string; type: string }[]
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

async function execute(
  store: Store,
  sql: string,
  context: GrafanaContext,
): Promise<Result | { kind: 'error'; message: string }> {
  try {
    const text = interpolate(sql, context)
    const columns = await store.query<{ name: string; type: string }>(`DESCRIBE TABLE (${text})`)
    return { kind: 'rows', columns, rows: await store.query(text) }
  } catch (error) {
    return { kind: 'error', message: error instanceof Error ? error.message.slice(0, 1500) : String(error) }
  }
}

function select(variable: Variable, result: Result | undefined, view: DashboardView): GrafanaValue {
  const name = result?.columns[0]?.name ?? ''
  const options = (result?.rows ?? []).map((row) => String(row[name]))
  if (variable.name === 'service') return { values: [view.service], all: false }
  if (variable.name === 'environment') return { values: [view.environment], all: false }
  if (variable.includeAll === true) return { values: options, all: true }
  return { values: [options[0] ?? ''], all: false }
}

const isTime = (type: string) => /^(Nullable\()?DateTime/.test(type)
const isNumber = (type: string) => /^(Nullable\()?(U?Int|Float)/.test(type)
const isText = (type: string) => /^(LowCardinality\()?(Nullable\()?String/.test(type)
/** What the plugin turns into a field of its own kind; anything else comes out as JSON text or an error. */
const isPlain = (type: string) =>
  isTime(type) || isNumber(type) || isText(type) || /^(Nullable\()?(Bool|Enum)/.test(type)

function variableShape(result: Result): string[] {
  return result.columns.length === 1 && isText(result.columns[0]?.type ?? '')
    ? []
    : ['not one column of text']
}

function annotationShape({ columns }: Result): string[] {
  const type = (name: string) => columns.find((column) => column.name === name)?.type ?? ''
  return [
    ...(isTime(type('time')) ? [] : ['no column `time`']),
    ...(isTime(type('timeEnd')) ? [] : ['no column `timeEnd`']),
    ...['title', 'text', 'tags'].filter((name) => !isText(type(name))).map((name) => `no column \`${name}\``),
  ]
}

/** Long format: `time` first and rising, labels (text), numbers; one row for a time and its labels. */
function seriesShape({ columns, rows }: Result): string[] {
  const problems: string[] = []
  const [time, ...others] = columns
  if (time?.name !== 'time' || !isTime(time.type)) problems.push('the first column is not the time')
  const labels = others.filter((column) => isText(column.type))
  const numbers = others.filter((column) => isNumber(column.type))
  if (numbers.length === 0) problems.push('no numbers')
  for (const { name, type } of others)
    if (!isText(type) && !isNumber(type)) problems.push(`${name} is ${type}, neither label nor number`)
  const keys = rows.map((row) => JSON.stringify([row['time'], ...labels.map(({ name }) => row[name])]))
  if (new Set(keys).size !== keys.length) problems.push('two rows for one time and label')
  const times = rows.map((row) => Date.parse(String(row['time'])))
  if (times.some((at, index) => index > 0 && at < (times[index - 1] ?? 0)))
    problems.push('times are not in order')
  if (rows.length > 0 && !rows.some((row) => numbers.some(({ name }) => typeof row[name] === 'number')))
    problems.push('no row has a number')
  return problems
}

function tableShape({ columns }: Result, panel: Panel): string[] {
  const names = columns.map((column) => column.name)
  return [
    ...(new Set(names).size === names.length ? [] : ['two columns of one name']),
    ...columns.filter(({ type }) => !isPlain(type)).map(({ name, type }) => `${name} is ${type}`),
    ...(panel.fieldConfig?.overrides ?? [])
      .map((override) => String(override.matcher.options))
      .filter((name) => !names.includes(name))
      .map((name) => `no column ${name}, though the panel formats it`),
  ]
}
