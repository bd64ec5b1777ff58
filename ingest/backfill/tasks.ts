import { boundedInstance } from '../../schemas/signals/bounded-instance.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Measure, Source } from '../../schemas/signals/measure.ts'
import {
  type CountedRows,
  historyOrigin,
  instant,
  liveOrigin,
  type RollupRows,
  rollupRows,
  SERIES_SQL,
  timeColumn,
} from '../../schemas/signals/views.ts'
import type { SourceTable } from '../../schemas/source/probe.ts'
import type { Store } from '../../schemas/store/client.ts'

/** One thing that is counted from one raw table: a measure, or which versions were seen. */
export interface BackfillTask {
  /** The measure's id, or {@link VERSIONS}. */
  readonly measure: string
  /** The measure; absent: versions. */
  readonly of?: Measure
  readonly table: RawTable
  /** The table that its cells are in. */
  readonly cells: string
  /** Seconds since the epoch: what is later is the view's; infinite where there is no view. */
  readonly until: number
  /** What its cells are known by: those that views counted, and those of the past. */
  readonly origins: { readonly live: string; readonly history: string }
  /** The statement that counts rows of a span, in seconds since the epoch. */
  count(span: { readonly from: number; readonly to: number }): RollupRows
}

/** A table of raw telemetry: one of ours, or the user's. */
export interface RawTable {
  readonly kind: Source
  readonly name: string
  readonly source?: SourceTable
}

/** Stands for table version_1h: when each version was seen. */
export const VERSIONS = 'versions'

/**
 * What has a past that no view counted: measures that came when their table had rows, and all of the user's tables.
 * @param measures ids; empty: all
 */
export async function backfillTasks(
  store: Store,
  catalogue: Catalogue,
  source: readonly SourceTable[],
  measures: ReadonlySet<string>,
): Promise<readonly BackfillTask[]> {
  const rows = await store.query<{ measure: string; source: string; since: number }>(
    'SELECT measure, source, since FROM rollup_views FINAL WHERE NOT dropped',
  )
  const sinceOf = (measure: string, from: string) =>
    rows.find((row) => row.measure === measure && row.source === from)?.since
  const wanted = [...catalogue.measures.values()].filter(({ id }) => measures.size === 0 || measures.has(id))
  const own = wanted.map((measure) =>
    taskOf(
      measure,
      { kind: measure.source, name: measure.source },
      sinceOf(measure.id, '') ?? 0,
      liveOrigin(''),
    ),
  )
  const theirs = source.flatMap((table) => {
    const raw = { kind: table.kind, name: table.name, source: table }
    const tasks = wanted
      .filter((measure) => measure.source === table.kind)
      .map((measure) =>
        taskOf(
          measure,
          raw,
          sinceOf(measure.id, table.name) ?? Number.POSITIVE_INFINITY,
          liveOrigin(table.name),
        ),
      )
    const first = tasks[0]
    return first === undefined ? [] : [versionsTask(raw, first.until), ...tasks]
  })
  return [...own, ...theirs]
}

function taskOf(measure: Measure, table: RawTable, until: number, live: string): BackfillTask {
  const history = historyOrigin(table.name)
  return {
    measure: measure.id,
    of: measure,
    table,
    cells: measure.cells,
    until,
    origins: { live, history },
    count: ({ from, to }) =>
      rollupRows(measure, { ...countedRows(measure, table, from, to, history), history: true }),
  }
}

/** Rows of a span for {@link rollupRows}; sessions are known by their ids, and counted once wherever they come from. */
export function countedRows(
  measure: Measure,
  { source }: RawTable,
  since: number,
  until: number,
  origin: string,
): CountedRows {
  return {
    ...(source === undefined ? {} : { source }),
    since,
    until,
    ...(measure.cells === 'session' ? {} : { origin }),
  }
}

function versionsTask(table: RawTable, until: number): BackfillTask {
  const time = timeColumn(table.kind)
  const history = historyOrigin(table.name)
  const columns = {
    time: `toStartOfHour(${time})`,
    ...SERIES_SQL,
    origin: `'${history}'`,
    first_time: `toDateTime(toStartOfMinute(min(${time})))`,
    last_time: `toDateTime(toStartOfMinute(max(${time})))`,
    count: 'count()',
  }
  return {
    measure: VERSIONS,
    table,
    cells: 'version_1h',
    until,
    origins: { live: history, history },
    count: ({ from, to }) => ({
      columns: Object.keys(columns),
      sql: `SELECT * REPLACE (${boundedInstance({ history: true })} AS instance) FROM (SELECT ${Object.entries(
        columns,
      )
        .map(([name, sql]) => `${sql} AS ${name}`)
        .join(', ')}
FROM ${table.source?.from(table.source.within(instant(from), instant(to))) ?? table.kind}
WHERE ${time} >= ${instant(from)} AND ${time} < ${instant(to)}
GROUP BY time, service, environment, version, instance) AS cells`,
    }),
  }
}
