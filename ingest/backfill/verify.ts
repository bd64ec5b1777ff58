import { instant, timeColumn } from '../../schemas/signals/views.ts'
import type { Store } from '../../schemas/store/client.ts'
import { doneSpans, keyOf } from './done-spans.ts'
import { HOUR } from './plan.ts'
import { recount } from './recount.ts'
import { type HourRow, rowsByHour, rowsOf } from './rows-by-hour.ts'
import type { BackfillTask, RawTable } from './tasks.ts'

export interface VerifyOptions {
  readonly store: Store
  readonly tasks: readonly BackfillTask[]
  /** Seconds since the epoch; what came later than this is still coming in. */
  readonly now: number
  readonly lateness: number
  readonly from: number
  readonly to: number
  readonly threads: number
  readonly onProgress?: (done: number, of: number) => void
  readonly stopAsked?: () => boolean
}

/** Of one measure from one raw table. */
export interface Verified {
  readonly measure: string
  readonly table: string
  readonly cells: number
  readonly differing: number
  /** Spans that differ, in seconds since the epoch. */
  readonly spans: readonly { readonly from: number; readonly to: number; readonly differing: number }[]
}

const DAY = 86_400

/**
 * Recounts raw rows and compares them with the rollups: what was counted afterwards, and what the views counted. Hours of the past that were not counted yet
 * are left out, and so are days of which the raw table has dropped some rows for their age.
 */
export async function verify(options: VerifyOptions): Promise<readonly Verified[]> {
  const { store, tasks, onProgress } = options
  const done = await doneSpans(store)
  const begins = new Map<string, number>()
  const work: { task: BackfillTask; from: number; to: number }[] = []
  const isSeen = await seenTasks(store, options.from, options.to)
  for (const task of tasks) {
    if (task.of === undefined) continue
    const { table } = task
    const begin = begins.get(table.name) ?? (await wholeFrom(store, table, options.now))
    begins.set(table.name, begin)
    const [first, last] = [
      Math.max(options.from, begin),
      Math.min(options.to, options.now - options.lateness),
    ]
    // Neither rows nor cells: most metrics of most services.
    if (!(await isSeen(task))) continue
    const spans = [
      ...(done.get(keyOf(task.table.name, task.measure)) ?? []),
      ...days(Math.max(task.until, first), Math.floor(last / 60) * 60),
    ]
    for (const { from, to } of spans)
      if (from >= first && to <= last && to > from) work.push({ task, from, to })
  }
  const results = new Map<string, { -readonly [K in keyof Verified]: Verified[K] }>()
  let at = 0
  for (const { task, from, to } of work) {
    if (options.stopAsked?.() === true) break
    const { cells, differing } = await recount(store, task, { from, to }, options.threads)
    const result = results.get(keyOf(task.table.name, task.measure)) ?? {
      measure: task.measure,
      table: task.table.name,
      cells: 0,
      differing: 0,
      spans: [],
    }
    result.cells += cells
    result.differing += differing
    if (differing > 0) result.spans = [...result.spans, { from, to, differing }]
    results.set(keyOf(task.table.name, task.measure), result)
    at += 1
    onProgress?.(at, work.length)
  }
  return [...results.values()]
}

/** Whether a task has raw rows, or cells of a measure that has none. */
async function seenTasks(
  store: Store,
  from: number,
  to: number,
): Promise<(task: BackfillTask) => Promise<boolean>> {
  const measures = new Set<string>()
  for (const cells of ['signal_1m', 'counter_1m', 'histogram_1m']) {
    const rows = await store.query<{ measure: string }>(
      `SELECT DISTINCT toString(measure) AS measure FROM ${cells}`,
    )
    for (const { measure } of rows) measures.add(measure)
  }
  const hours = new Map<string, readonly HourRow[]>()
  return async (task) => {
    if (task.of?.metrics === undefined || measures.has(task.measure)) return true
    const rows = hours.get(task.table.name) ?? (await rowsByHour(store, task.table, from, to))
    hours.set(task.table.name, rows)
    return rowsOf(task, rows).size > 0
  }
}

function days(from: number, to: number): { from: number; to: number }[] {
  if (!Number.isFinite(from)) return []
  const spans = []
  for (let at = from; at < to; at = (Math.floor(at / DAY) + 1) * DAY)
    spans.push({ from: at, to: Math.min(to, (Math.floor(at / DAY) + 1) * DAY) })
  return spans
}

/** From when on the table has every row that it ever had, as far as can be known; seconds since the epoch. */
async function wholeFrom(store: Store, table: RawTable, now: number): Promise<number> {
  const time = timeColumn(table.kind)
  const [database, name] = table.source === undefined ? ['', table.name] : table.name.split('.')
  const [row] = await store.query<{ first: number; rows: number; ages: number; days: number }>(
    `SELECT toUnixTimestamp(toDateTime(min(${time}))) AS first, count() AS rows,
      (SELECT countIf(engine_full LIKE '% TTL %') FROM system.tables
        WHERE database = if({database:String} = '', currentDatabase(), {database:String}) AND name = {name:String}) AS ages,
      (SELECT max(toUInt32OrZero(extract(engine_full, ' TTL .*toIntervalDay[(]([0-9]+)[)]'))) FROM system.tables
        WHERE database = if({database:String} = '', currentDatabase(), {database:String}) AND name = {name:String}) AS days
    FROM ${table.source?.from() ?? table.kind} WHERE ${time} >= ${instant(0)}`,
    { database, name },
  )
  if (row === undefined || row.rows === 0) return Number.POSITIVE_INFINITY
  const isYoung = row.first > now - (row.days - 1) * DAY
  if (row.ages === 0 || isYoung) return Math.floor(row.first / HOUR) * HOUR
  // Parts are dropped one by one, within a day.
  return (Math.floor(row.first / DAY) + 1) * DAY
}
