import type { Catalogue } from '../schemas/signals/catalogue.ts'
import type { Signal } from '../schemas/signals/signal.ts'
import { sqlString } from '../schemas/signals/sql.ts'
import { type CellsOptions, STEP_MINUTES, signalCells } from './cells-sql.ts'
import { COMPARED_VERSIONS, HOURLY, stepStart } from './filter-sql.ts'
import { quantileSql } from './quantile-sql.ts'

export type Label = 'version' | 'dimension' | 'instance'

export interface SeriesOptions extends CellsOptions {
  /** One line for each combination; none: one line of all together. */
  readonly by: readonly Label[]
  /** Of distributions, 0 to 1; more than one is drawn as p50, p95 ... Default [0.95]. */
  readonly quantiles?: readonly number[]
  /** Only the dimensions with the most events. */
  readonly top?: number
}

/** Name of a quantile's column: 0.95 -> p95. */
export function quantileName(q: number): string {
  return `p${Number((q * 100).toFixed(3))}`
}

/** A signal over time: columns `time`, the labels, then the value (named `value`, or p95 ... for distributions). */
export function signalSeriesSql(catalogue: Catalogue, signal: Signal, options: SeriesOptions): string {
  const cells = signalCells(catalogue, signal, options)
  const own = numerator(signal)
  const labels = options.by.map((label) => `, ${label}`).join('')
  const top =
    options.top === undefined
      ? ''
      : `\n  WHERE dimension IN (SELECT dimension FROM cells WHERE ${own} GROUP BY dimension ORDER BY sum(events) DESC LIMIT ${options.top})${
          signal.per === undefined || signal.per === 'minute' ? '' : ` OR measure = ${sqlString(signal.per)}`
        }`
  const inner = `SELECT ${stepStart('at')} AS time${labels}, ${sums(signal, exposureOver(options.by))}
  FROM cells${top}
  GROUP BY time${labels}`
  return `WITH cells AS ${cells}
SELECT time${labels}, ${values(signal, options)}
FROM (
  ${inner}
)
${signal.kind === 'rate' && options.by.includes('dimension') ? 'WHERE hits > 0\n' : ''}ORDER BY time${labels}`
}

/** One row of the comparison table: columns `signal`, `unit`, `before`, `after`, `ratio`, `difference`, `events before`, `events after`. */
export function signalComparisonSql(catalogue: Catalogue, signal: Signal, q?: number): string {
  const cells = signalCells(catalogue, signal, { versions: COMPARED_VERSIONS })
  const title = q === undefined ? signal.title : `${signal.title} (${quantileName(q)})`
  const side = (variable: string, column: string) => `anyIf(${column}, version = \${${variable}:sqlstring})`
  return `SELECT ${sqlString(title)} AS signal, ${sqlString(signal.unit)} AS unit, ${side('before', 'value')} AS before, ${side('after', 'value')} AS after,
  after / nullIf(before, 0) AS ratio, after - before AS difference, ${side('before', 'hits')} AS \`events before\`, ${side('after', 'hits')} AS \`events after\`
FROM (
  SELECT version, hits, toNullable(${valueSql(signal, q ?? 0.95, 'greatest(1, minutes)')}) AS value
  FROM (
    SELECT version, ${sums(signal)}, uniqExact(at) * if(${HOURLY}, 60, 1) AS minutes
    FROM ${cells}
    GROUP BY version
  )
)
HAVING \`events before\` + \`events after\` > 0`
}

function numerator(signal: Signal): string {
  return `measure IN (${signal.measures.map(sqlString).join(', ')})`
}

/** The denominator is all of its dimensions together, though the numerator is split. */
function exposureOver(by: readonly Label[]): string {
  if (by.every((label) => label === 'version')) return ''
  return `OVER (PARTITION BY ${['time', ...by.filter((label) => label === 'version')].join(', ')})`
}

/** What is added up of the cells: `hits`, `bad_hits`, `amount`, `exposure`, `histogram`. */
function sums(signal: Signal, over = ''): string {
  const own = numerator(signal)
  return [
    `sumIf(events, ${own}) AS hits`,
    ...(signal.kind === 'ratio' ? [`sumIf(bads, ${own}) AS bad_hits`] : []),
    ...(signal.kind === 'gauge' ? [`sumIf(total, ${own}) AS amount`] : []),
    ...(signal.kind === 'distribution' ? ['sumMap(buckets) AS histogram'] : []),
    ...(signal.kind === 'rate' && signal.per !== undefined && signal.per !== 'minute'
      ? [
          over === ''
            ? `sumIf(events, measure = ${sqlString(signal.per)}) AS exposure`
            : `sum(sumIf(events, measure = ${sqlString(signal.per)})) ${over} AS exposure`,
        ]
      : []),
  ].join(', ')
}

function values(signal: Signal, options: SeriesOptions): string {
  if (signal.kind === 'distribution') {
    return (options.quantiles ?? [0.95])
      .map((q) => `${quantileSql('histogram', q)} AS ${quantileName(q)}`)
      .join(', ')
  }
  return `${valueSql(signal, 0, STEP_MINUTES)} AS value`
}

function valueSql(signal: Signal, q: number, minutes: string): string {
  switch (signal.kind) {
    case 'ratio':
      return 'bad_hits / nullIf(hits, 0)'
    case 'gauge':
      return 'amount / nullIf(hits, 0)'
    case 'distribution':
      return quantileSql('histogram', q)
    case 'rate':
      return signal.per === undefined || signal.per === 'minute'
        ? `hits / ${minutes}`
        : 'hits / nullIf(exposure, 0)'
  }
}
