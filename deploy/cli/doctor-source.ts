import type { Config } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { timeColumn } from '../../schemas/signals/views.ts'
import { probeSource, type SourceTable } from '../../schemas/source/probe.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Finding } from './finding.ts'

/** The user's own telemetry tables: what they are, whether their past was counted, and whether the same telemetry comes twice. */
export async function sourceFindings(store: Store, config: Pick<Config, 'clickhouse'>): Promise<Finding[]> {
  const check = 'your tables'
  try {
    const tables = await probeSource(store, config.clickhouse.source)
    const findings = []
    for (const table of tables) findings.push(await tableFinding(store, table))
    const twice = await sentTwice(store, tables)
    if (twice.length > 0) {
      findings.push({
        check,
        level: 'problem',
        found: `${twice.join(', ')}: telemetry of the last hour is in them and in Postflight's own tables too`,
        advice: 'It is counted twice. Send it to Postflight, or into your tables, not both.',
      } as const)
    }
    return [...findings, ...(await pastFindings(store))]
  } catch (error) {
    if (!(error instanceof PostflightError)) throw error
    return [{ check, level: 'problem', found: error.message, advice: error.hint }]
  }
}

async function tableFinding(store: Store, table: SourceTable): Promise<Finding> {
  const { name, generation } = table
  const [row] = await store.query<{ spans: number; rows: number }>(
    `SELECT (SELECT count() FROM backfill FINAL WHERE source = {name:String}) AS spans, (SELECT count() FROM (SELECT 1 FROM ${table.from()} LIMIT 1)) AS rows`,
    { name },
  )
  const check = `your table ${name}`
  if (row === undefined || row.spans > 0 || row.rows === 0)
    return { check, level: 'ok', found: generation, advice: '' }
  return {
    check,
    level: 'warning',
    found: `${generation}; its past is not counted`,
    advice: 'Count it: postflight backfill',
  }
}

/** Signals that came when there was telemetry already. */
async function pastFindings(store: Store): Promise<Finding[]> {
  const rows = await store.query<{ measure: string }>(
    `SELECT measure FROM rollup_views FINAL
    WHERE NOT dropped AND since > 0 AND source = '' AND measure NOT IN (SELECT measure FROM backfill WHERE source LIKE 'otel\\_%' AND source NOT LIKE '%.%')
    ORDER BY measure`,
  )
  if (rows.length === 0) return []
  return [
    {
      check: 'new signals',
      level: 'warning',
      found: `not counted before they were there: ${rows.map(({ measure }) => measure).join(', ')}`,
      advice: 'Count their past, if there is any: postflight backfill',
    },
  ]
}

async function sentTwice(store: Store, tables: readonly SourceTable[]): Promise<string[]> {
  const services = new Set<string>()
  for (const table of tables) {
    const time = timeColumn(table.kind)
    const recent = (from: string) =>
      `SELECT DISTINCT toString(ServiceName) AS service FROM ${from} WHERE ${time} >= now() - INTERVAL 1 HOUR AND ${time} < now()`
    const theirs = table.from(table.within('now() - INTERVAL 1 HOUR', 'now()'))
    const rows = await store.query<{ service: string }>(
      `SELECT service FROM (${recent(theirs)}) WHERE service IN (${recent(table.kind)})`,
    )
    for (const { service } of rows) services.add(service)
  }
  return [...services].sort()
}
