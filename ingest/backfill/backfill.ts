import type { Store } from '../../schemas/store/client.ts'
import type { Rest } from '../cardinality/rest.ts'
import { HistoryBounder } from './bound-history.ts'
import { doneSpans, keyOf } from './done-spans.ts'
import { MARK } from './lease.ts'
import { HOUR, hoursOf, plan, type Span } from './plan.ts'
import { polite } from './polite.ts'
import { type HourRow, rowsByHour, rowsOf } from './rows-by-hour.ts'
import type { BackfillTask } from './tasks.ts'

export interface BackfillOptions {
  readonly store: Store
  readonly tasks: readonly BackfillTask[]
  /** Seconds since the epoch; hours are counted once they are over by {@link BackfillOptions.lateness}. */
  readonly now: number
  readonly lateness: number
  /** Of the past, what is wanted: seconds since the epoch. */
  readonly from: number
  readonly to: number
  /** True: what was counted is counted anew. */
  readonly again?: boolean
  /** Threads that a statement may use. */
  readonly threads: number
  /** Of the settings: values that a dimension and instances that a version keeps apart, and streams that are kept. */
  readonly cardinality: { readonly values: number; readonly streams: number; readonly instances: number }
  /** @param rows counted so far, each once for every measure that it was looked at for */
  readonly onProgress?: (rows: number, of: number) => void
  readonly stopAsked?: () => boolean
}

export interface BackfillOutcome {
  /** Spans that were counted now, and the raw rows looked at for them. */
  readonly spans: number
  readonly rows: number
  /** Seconds since the epoch at which the rest can be counted; absent: nothing is left. */
  readonly restFrom?: number
  /** True: stopped before the end. */
  readonly stopped: boolean
  /** What was put together or left out on days that were counted now. */
  readonly rests: readonly Rest[]
}

interface Work extends Span {
  readonly task: BackfillTask
  /** Cells of an attempt that did not get to its end, or of a counting that is to be repeated. */
  readonly occupied: boolean
  /** The ledger has it, from before. */
  readonly isDone: boolean
}

/**
 * Counts what came before the views. A span is one statement, written down when it is done: after a crash the next run takes away what an unfinished one
 * left, by measure, time and origin, and counts it again. So each span is there once, whenever and however often this was killed. The caller holds the lease
 * (lease.ts), so that nobody does the same meanwhile.
 */
export async function backfill(options: BackfillOptions): Promise<BackfillOutcome> {
  const { store, onProgress } = options
  const { work, restFrom } = await planned(options)
  const all = work.reduce((sum, { rows }) => sum + rows, 0)
  let [rows, spans] = [0, 0]
  onProgress?.(0, all)
  const { values: most, streams: mostStreams, instances: mostInstances } = options.cardinality
  const bounder = new HistoryBounder({ ...options, most, mostStreams, mostInstances })
  await bounder.open()
  for (const [at, each] of work.entries()) {
    if (options.stopAsked?.() === true) break
    await countSpan(store, each, options.threads)
    if (await bounder.look(each, work.slice(at)))
      await countSpan(store, { ...each, occupied: true }, options.threads)
    await writeDown(store, each)
    rows += each.rows
    spans += 1
    onProgress?.(rows, all)
  }
  const { rests } = bounder
  return { spans, rows, rests, stopped: spans < work.length, ...(restFrom === undefined ? {} : { restFrom }) }
}

async function planned(options: BackfillOptions): Promise<{ work: Work[]; restFrom?: number }> {
  const { store, tasks, now, lateness } = options
  const waiting: number[] = []
  const hours = new Map<string, readonly HourRow[]>()
  const [done, occupied] = [await doneSpans(store), await occupiedHours(store, tasks)]
  const work: Work[] = []
  for (const task of tasks) {
    const closed = Math.floor((now - lateness) / HOUR) * HOUR
    // The hour of the cut-over is over for the past when the cut-over is.
    const open = task.until + lateness > now
    const wanted = options.to >= task.until ? task.until : Math.floor(options.to / HOUR) * HOUR
    const to = open ? Math.min(closed, wanted, Math.floor(task.until / HOUR) * HOUR) : wanted
    if (open && wanted === task.until && Number.isFinite(wanted)) waiting.push(wanted + lateness)
    const from = Math.floor(options.from / HOUR) * HOUR
    if (from >= to) continue
    const { table } = task
    const known = hours.get(table.name) ?? (await rowsByHour(store, table, options.from, options.to))
    hours.set(table.name, known)
    const own = await withPart(store, task, rowsOf(task, known), to)
    const before = done.get(keyOf(task.table.name, task.measure)) ?? []
    for (const span of plan(own, before, { from, to }, options.again))
      work.push({
        ...span,
        task,
        isDone: before.some((one) => one.from === span.from && one.to === span.to),
        occupied: hoursOf(span).some((hour) =>
          occupied.has(`${keyOf(task.table.name, task.measure)} ${hour}`),
        ),
      })
  }
  // Oldest first would leave recent releases without a past for longest.
  work.sort((a, b) => b.from - a.from || a.task.measure.localeCompare(b.task.measure))
  return { work, ...(waiting.length === 0 ? {} : { restFrom: Math.max(...waiting) }) }
}

/** With the rows of the past alone in the hour of the cut-over. */
async function withPart(
  store: Store,
  task: BackfillTask,
  hours: Map<number, number>,
  to: number,
): Promise<ReadonlyMap<number, number>> {
  const hour = Math.floor(to / HOUR) * HOUR
  if (hour === to || !hours.has(hour)) return hours
  const part = rowsOf(task, await rowsByHour(store, task.table, hour, to))
  return hours.set(hour, part.get(hour) ?? 0)
}

/** Tables whose cells would be counted twice; those of sessions and of kinds of exceptions are not. */
const COUNTED = ['signal_1m', 'counter_1m', 'histogram_1m', 'exception_1m', 'version_1h']

/** Hours in which a task has cells of the past: what a killed run left, or an earlier life of the measure. */
async function occupiedHours(store: Store, tasks: readonly BackfillTask[]): Promise<Set<string>> {
  const occupied = new Set<string>()
  for (const cells of COUNTED) {
    const own = tasks.filter((task) => task.cells === cells && task.until > 0)
    if (own.length === 0) continue
    const rows = await store.query<{ measure: string; origin: string; hour: number }>(
      `SELECT DISTINCT ${hasMeasure(cells) ? 'toString(measure)' : "''"} AS measure, toString(origin) AS origin, toUnixTimestamp(toStartOfHour(time)) AS hour
      FROM ${cells} WHERE has({origins:Array(String)}, origin)${hasMeasure(cells) ? ' AND has({measures:Array(String)}, measure)' : ''}`,
      { origins: [...new Set(own.flatMap(takenAway))], measures: own.map(({ measure }) => measure) },
      { settings: polite(1) },
    )
    for (const task of own) {
      const origins = takenAway(task)
      for (const row of rows)
        if (origins.includes(row.origin) && (row.measure === '' || row.measure === task.measure))
          occupied.add(`${keyOf(task.table.name, task.measure)} ${row.hour}`)
    }
  }
  return occupied
}

const hasMeasure = (cells: string) => cells !== 'exception_1m' && cells !== 'version_1h'

/** Origins of cells that stand for the past of a task: views count nothing before the cut-over. Exceptions of logs and of spans are told apart by table only. */
function takenAway({ cells, origins }: BackfillTask): string[] {
  return cells === 'exception_1m' && origins.live === '' ? [origins.history] : [origins.live, origins.history]
}

async function countSpan(
  store: Store,
  { task, from, to, occupied, isDone }: Work,
  threads: number,
): Promise<void> {
  // Until it is counted again, it is not counted: a run that is killed in between is followed by one that knows.
  if (isDone) await writeDown(store, { task, from, to, rows: 0 })
  if (occupied) await takeAway(store, task, { from, to })
  const { columns, sql } = task.count({ from, to })
  const names = columns.map((column) => `\`${column}\``).join(', ')
  await store.command(
    `INSERT INTO ${task.cells} (${names}) ${MARK} SELECT ${names} FROM (\n${sql}\n)`,
    {},
    { settings: polite(threads) },
  )
}

async function writeDown(
  store: Store,
  { task, from, to, rows }: Pick<Work, 'task' | 'from' | 'to' | 'rows'>,
): Promise<void> {
  await store.insert('backfill', [
    { source: task.table.name, measure: task.measure, from_time: from, to_time: to, rows },
  ])
}

async function takeAway(
  store: Store,
  task: BackfillTask,
  { from, to }: Pick<Span, 'from' | 'to'>,
): Promise<void> {
  const remove = async (table: string, since: number, origins: readonly string[]) =>
    await store.command(
      `DELETE FROM ${table} WHERE ${hasMeasure(table) ? 'measure = {measure:String} AND ' : ''}has({origins:Array(String)}, origin)
      AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})`,
      { measure: task.measure, origins, from: since, to },
    )
  const hour = Math.floor(from / HOUR) * HOUR
  if (task.cells === 'version_1h') return await remove(task.cells, hour, [task.origins.history])
  await remove(task.cells, from, takenAway(task))
  // The view's own part of the cut-over's hour stays.
  if (task.cells === 'signal_1m')
    await remove('signal_1h', hour, to % HOUR === 0 ? takenAway(task) : [task.origins.history])
}
