import type { ClickhouseSettings } from '../../schemas/collectors.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Collector, Round } from './collector.ts'
import { type Attributes, type Metric, type NumberKind, single } from './metric.ts'
import { Sections } from './sections.ts'

const MOST_TABLES = 50
/** Names as ClickHouse's own Prometheus endpoint has them. */
const METRICS =
  "SELECT concat('ClickHouseMetrics_', metric) AS name, toFloat64(value) AS value FROM system.metrics"
const EVENTS =
  "SELECT concat('ClickHouseProfileEvents_', event) AS name, toFloat64(value) AS value FROM system.events"
/** Without what is the machine's: the host has a collector of its own. */
const ASYNCHRONOUS = `SELECT concat('ClickHouseAsyncMetrics_', metric) AS name, toFloat64(value) AS value
  FROM system.asynchronous_metrics
  WHERE NOT match(metric, '^(OS|Block|Network|CPUFrequency|Temperature|EDAC|jemalloc|LoadAverage|Filesystem|CGroup|PSI)')`
const PARTS = `SELECT table, toFloat64(count()) AS parts, toFloat64(sum(bytes_on_disk)) AS bytes, toFloat64(sum(rows)) AS rows
  FROM system.parts WHERE active AND database = currentDatabase()
  GROUP BY table ORDER BY bytes DESC LIMIT ${MOST_TABLES}`
const WORK = `SELECT
    (SELECT toFloat64(count()) FROM system.merges) AS merges,
    (SELECT toFloat64(max(elapsed)) FROM system.merges) AS longest,
    (SELECT toFloat64(count()) FROM system.mutations WHERE NOT is_done) AS mutations`
const REPLICAS = `SELECT table, toFloat64(queue_size) AS queue, toFloat64(absolute_delay) AS delay
  FROM system.replicas WHERE database = currentDatabase() ORDER BY queue DESC LIMIT ${MOST_TABLES}`

/** Reads the ClickHouse that Postflight keeps everything in. */
export function clickhouseCollector(
  settings: ClickhouseSettings,
  store: Store,
  warn: (message: string) => void,
): Collector {
  return new ClickhouseCollector(settings, store, warn)
}

class ClickhouseCollector implements Collector {
  readonly kind = 'clickhouse'
  readonly target: string
  readonly resource: Attributes
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  readonly #store: Store
  readonly #warn: (message: string) => void
  /** Of the hundreds of gauges most are never anything but 0. */
  readonly #moved = new Set<string>()

  constructor(settings: ClickhouseSettings, store: Store, warn: (message: string) => void) {
    this.#store = store
    this.#warn = warn
    this.target = store.url
    this.intervalSeconds = settings.intervalSeconds
    this.timeoutSeconds = Math.min(10, settings.intervalSeconds)
    this.resource = {
      'service.name': settings.name,
      'service.instance.id': new URL(store.url).host,
      'deployment.environment.name': settings.environment,
      'db.system.name': 'clickhouse',
    }
  }

  async collect({ time, signal }: Round) {
    const ask = async <T>(sql: string) => await this.#store.query<T>(sql, {}, { signal })
    const [server] = await ask<{ version: string; uptime: number; asynchronous: number }>(
      `SELECT version() AS version, uptime() AS uptime,
        (SELECT count() FROM system.tables WHERE database = 'system' AND name = 'asynchronous_metrics') AS asynchronous`,
    )
    // In whole ten seconds, and the same at each round: a second more or less would be another stream.
    const start = Math.min(time, Math.round((time - (server?.uptime ?? 0) * 1000) / 10_000) * 10_000)
    const sections = new Sections(
      (error) => error instanceof PostflightError && error.code === 'STORE_FAILED',
    )
    const named = async (kind: NumberKind, sql: string, more: { start?: number } = {}) => {
      const rows = await ask<{ name: string; value: number | null }>(sql)
      return rows.flatMap(({ name, value }): Metric[] => {
        if (value === null || (value === 0 && !this.#moved.has(name))) return []
        this.#moved.add(name)
        return [{ kind, name, points: [{ attributes: {}, value, ...more }] }]
      })
    }
    await sections.read('metrics', () => named('gauge', METRICS))
    await sections.read('events', () => named('counter', EVENTS, { start }))
    // The embedded engine has none.
    if (server?.asynchronous === 1)
      await sections.read('asynchronous metrics', () => named('gauge', ASYNCHRONOUS))
    await sections.read('parts', async () => {
      const rows = await ask<{ table: string; parts: number; bytes: number; rows: number }>(PARTS)
      const level = (name: string, unit: string, field: 'parts' | 'bytes' | 'rows'): Metric => ({
        kind: 'level',
        name,
        unit,
        points: rows.map((row) => ({ attributes: { table: row.table }, value: row[field] })),
      })
      return [
        level('clickhouse.table.parts', '{part}', 'parts'),
        level('clickhouse.table.size', 'By', 'bytes'),
        level('clickhouse.table.rows', '{row}', 'rows'),
      ]
    })
    await sections.read('merges', async () => {
      const [row] = await ask<{ merges: number; longest: number; mutations: number }>(WORK)
      return [
        ...single('gauge', 'clickhouse.merges.running', '{merge}', row?.merges),
        ...single('gauge', 'clickhouse.merges.max_duration', 's', row?.longest),
        ...single('gauge', 'clickhouse.mutations.pending', '{mutation}', row?.mutations),
      ]
    })
    await sections.read('replicas', async () => {
      const rows = await ask<{ table: string; queue: number; delay: number }>(REPLICAS)
      const gauge = (name: string, unit: string, field: 'queue' | 'delay'): Metric => ({
        kind: 'gauge',
        name,
        unit,
        points: rows.map((row) => ({ attributes: { table: row.table }, value: row[field] })),
      })
      return [
        gauge('clickhouse.replication.queue', '{entry}', 'queue'),
        gauge('clickhouse.replication.delay', 's', 'delay'),
      ]
    })
    const metrics = sections.finish()
    this.#warn(
      sections.problems.length === 0 ? '' : `Not all of ${this.target}: ${sections.problems.join('; ')}`,
    )
    return [{ resource: { ...this.resource, 'service.version': server?.version ?? '' }, metrics }]
  }
}
