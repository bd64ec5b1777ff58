import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signalSeries } from '../../analytics/queries/signal-series.ts'
import type { Metric } from '../../ingest/collectors/metric.ts'
import { checkPostgresql, postgresqlCollector, postgresqlGrants } from '../../ingest/collectors/postgresql.ts'
import { metricRequests } from '../../ingest/collectors/to-otlp.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import { collectorsSchema, type DatabaseTarget } from '../../schemas/collectors.ts'
import { type PostgresqlServer, startPostgresql, startStandby } from '../peers/postgresql-server.ts'
import { checkDashboards } from './check-dashboards.ts'
import { openBench } from './report-fixture.ts'

const PRELOAD = { shared_preload_libraries: 'pg_stat_statements' }
const PASSWORD = 'for-this-test'
const MINUTE = 60_000

describe('a real PostgreSQL', () => {
  let server: PostgresqlServer
  let admin: pg.Client
  let target: DatabaseTarget
  const warnings: string[] = []
  let now = Date.now()

  beforeAll(async () => {
    server = await startPostgresql(PRELOAD)
    const first = await server.admin()
    await first.query('CREATE DATABASE orders')
    await first.end()
    admin = await server.admin('orders')
    await admin.query('CREATE TABLE cart (id int PRIMARY KEY, note text)')
    await admin.query("INSERT INTO cart SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i")
    target = collectorsSchema.parse({
      postgresql: [{ name: 'orders-db', port: server.port, database: 'orders', password: PASSWORD }],
    }).postgresql[0] as DatabaseTarget
  })
  afterAll(async () => {
    await admin?.end().catch(() => {})
    await server?.close()
  })

  it('says what its account lacks, and the printed grants are all that it takes', async () => {
    await expect(checkPostgresql(target)).rejects.toThrow('postflight')
    const [create = '', connect = '', stats = '', extension = ''] = postgresqlGrants(target)
    await admin.query('REVOKE CONNECT ON DATABASE orders FROM PUBLIC')
    await admin.query(create.replace('...', PASSWORD))
    await expect(checkPostgresql(target)).rejects.toThrow('permission denied for database')
    await admin.query(connect)
    const { lacking, version } = await checkPostgresql(target)
    expect(version).toMatch(new RegExp(`^${server.version}\\.`))
    expect(lacking.map(({ sql }) => sql)).toEqual([stats, extension])
    for (const { sql } of lacking) await admin.query(sql)
    expect((await checkPostgresql(target)).lacking).toEqual([])
    // It can read no data, and write nothing.
    const { rows } = await admin.query(
      "SELECT has_table_privilege('postflight', 'cart', 'SELECT') AS may, rolsuper, rolconnlimit FROM pg_roles WHERE rolname = 'postflight'",
    )
    expect(rows).toEqual([{ may: false, rolsuper: false, rolconnlimit: 3 }])
  })

  const collector = () =>
    postgresqlCollector(target, (message) => void (message === '' || warnings.push(message)))
  const round = async (of: ReturnType<typeof collector>) => {
    now += MINUTE
    const [batch] = await of.collect({ time: now, signal: AbortSignal.timeout(20_000) })
    if (batch === undefined) throw new Error('nothing was read')
    const pointsOf = (name: string) => {
      const metric = batch.metrics.find((each) => each.name === name) as
        | Extract<Metric, { kind: 'counter' | 'gauge' | 'level' }>
        | undefined
      return metric?.points ?? []
    }
    const sum = (name: string, of: Readonly<Record<string, string>> = {}) =>
      pointsOf(name)
        .filter(({ attributes }) => Object.entries(of).every(([key, value]) => attributes[key] === value))
        .reduce((all, { value }) => all + value, 0)
    return { batch, pointsOf, sum }
  }

  it('is read in full by that account', async () => {
    const reader = collector()
    const first = await round(reader)
    expect(first.batch.resource).toMatchObject({
      'service.name': 'orders-db',
      'service.instance.id': `127.0.0.1:${server.port}`,
      'db.system.name': 'postgresql',
    })
    expect(first.pointsOf('postgresql.statement.calls')).toEqual([])
    expect(first.sum('postgresql.table.size', { 'postgresql.table.name': 'public.cart' })).toBeGreaterThan(
      2e6,
    )
    expect(first.sum('postgresql.index.size', { 'postgresql.table.name': 'public.cart' })).toBeGreaterThan(
      1e5,
    )
    expect(first.sum('postgresql.db_size')).toBeGreaterThan(5e6)
    expect(first.sum('postgresql.connection.max')).toBe(100)

    const text = 'UPDATE cart SET note = ? WHERE id = ?'
    for (let id = 1; id <= 20; id++) await admin.query(`UPDATE cart SET note = 'card 4111' WHERE id = ${id}`)
    await admin.query("CREATE ROLE other PASSWORD 'do-not-tell'")
    await admin.query('SELECT pg_sleep(0.2)')
    const second = await round(reader)
    const of = (name: string) =>
      second
        .pointsOf(`postgresql.statement.${name}`)
        .filter(({ attributes }) => attributes['db.query.text'] === text)
    // From zero at the round before, to what was run since.
    expect(of('calls')).toMatchObject([
      { value: 0, time: now - MINUTE, start: now - MINUTE },
      { value: 20, start: now - MINUTE },
    ])
    expect(of('rows').at(-1)?.value).toBe(20)
    expect(
      second.sum('postgresql.statement.time', { 'db.query.text': 'SELECT pg_sleep(?)' }),
    ).toBeGreaterThan(0.19)
    const texts = second
      .pointsOf('postgresql.statement.calls')
      .map(({ attributes }) => attributes['db.query.text'])
    expect(texts).toContain('CREATE ROLE other PASSWORD ?')
    expect(JSON.stringify(second.batch)).not.toContain('do-not-tell')
    // What it asks itself is not what the services ask.
    expect(texts.filter((each) => each?.includes('pg_stat_statements'))).toEqual([])
    expect(second.sum('postgresql.commits')).toBeGreaterThan(first.sum('postgresql.commits'))
    expect(second.sum('postgresql.cache_hit_ratio')).toBeGreaterThan(0.5)
    // Sizes are not read at each round.
    expect(second.pointsOf('postgresql.table.size')).toEqual([])
    expect(warnings).toEqual([])
  })

  it('shows who waits for a lock, and deadlocks', async () => {
    const reader = collector()
    const before = await round(reader)
    expect(before.sum('postgresql.locks.waiting')).toBe(0)
    const [a, b] = [await server.admin('orders'), await server.admin('orders')]
    await a.query('BEGIN')
    await a.query('UPDATE cart SET note = note WHERE id = 1')
    await b.query('BEGIN')
    await b.query('UPDATE cart SET note = note WHERE id = 2')
    const waiting = b.query('UPDATE cart SET note = note WHERE id = 1').catch((error: Error) => error)
    await until(async () => {
      const { rows } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
      return rows.length === 1
    })
    const during = await round(reader)
    expect(during.sum('postgresql.locks.waiting')).toBe(1)
    expect(during.sum('postgresql.backends', { state: 'idle in transaction' })).toBe(1)
    expect(during.sum('postgresql.database.locks', { mode: 'RowExclusiveLock' })).toBeGreaterThan(1)
    const other = a.query('UPDATE cart SET note = note WHERE id = 2').catch((error: Error) => error)
    const ends = await Promise.race([waiting, other])
    expect(String(ends)).toContain('deadlock')
    for (const client of [a, b]) await client.end()
    await until(async () => (await round(reader)).sum('postgresql.deadlocks') === 1)
  })

  it('is not waited for behind a lock, and the rest is read', async () => {
    const holder = await server.admin('orders')
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE cart IN ACCESS EXCLUSIVE MODE')
    warnings.length = 0
    const { sum } = await round(collector())
    expect(sum('postgresql.connection.max')).toBe(100)
    expect(warnings).toEqual([expect.stringContaining('tables: canceling statement due to lock timeout')])
    await holder.end()
  })

  it('leaves out statements where the extension is missing, and says so', async () => {
    await admin.query('DROP EXTENSION pg_stat_statements')
    warnings.length = 0
    const { sum } = await round(collector())
    expect(sum('postgresql.commits')).toBeGreaterThan(0)
    expect(warnings).toEqual([expect.stringContaining('the extension pg_stat_statements is missing')])
    await admin.query('CREATE EXTENSION pg_stat_statements')
  })

  it('shows how far a standby is behind, from both sides', async () => {
    const standby = await startStandby(server, PRELOAD)
    const replica = await standby.admin()
    try {
      const behind = async () => (await round(collector())).sum('postgresql.replication.data_delay')
      await until(async () => (await round(collector())).pointsOf('postgresql.wal.delay').length === 3)
      await admin.query("INSERT INTO cart VALUES (30000, 'replayed')")
      await until(async () => (await behind()) === 0)
      await replica.query('SELECT pg_wal_replay_pause()')
      await admin.query("INSERT INTO cart SELECT i, repeat('y', 100) FROM generate_series(30001, 31000) i")
      await until(async () => (await behind()) > 100_000)
      const reader = postgresqlCollector({ ...target, port: standby.port }, (message) =>
        expect(message).toBe(''),
      )
      const there = await round(reader)
      expect(there.pointsOf('postgresql.wal.delay')).toMatchObject([{ attributes: { operation: 'replay' } }])
      expect(there.sum('postgresql.wal.delay')).toBeGreaterThan(0)
      await replica.query('SELECT pg_wal_replay_resume()')
      await until(async () => (await round(reader)).sum('postgresql.wal.delay') === 0)
    } finally {
      await replica.end()
      await standby.close()
    }
  })

  it('fills the panels of the dashboard, and its statements are series', async () => {
    const bench = await openBench()
    const transport = createDirectTransport({
      store: bench.store,
      logger: pino({ level: 'silent' }),
      clock: Date.now,
      newToken: randomUUID,
    })
    const holder = await server.admin('orders')
    await holder.query('BEGIN; SELECT count(*) FROM cart')
    try {
      const reader = collector()
      const end = Math.floor(Date.now() / MINUTE) * MINUTE
      for (const time of [end - 3 * MINUTE, end - 2 * MINUTE, end - MINUTE]) {
        for (let id = 1; id <= 60; id++) await admin.query(`SELECT note FROM cart WHERE id = ${id}`)
        const read = await reader.collect({ time, signal: AbortSignal.timeout(20_000) })
        for (const body of metricRequests(read, time)) {
          const request = {
            signal: 'metrics',
            contentType: 'application/x-protobuf',
            sender: 'test',
          } as const
          expect(await transport.send({ ...request, body, receivedAt: Date.now() })).toMatchObject({
            rejected: 0,
          })
        }
      }
      const of = { service: 'orders-db', environment: 'default' }
      const checked = await checkDashboards(bench.store, {
        ...of,
        from: end - 60 * MINUTE,
        to: end,
        catalogue: bench.catalogue,
      })
      const shown = checked
        .filter(({ what, rows }) => what.includes('database') && rows > 0)
        .map(({ what }) => what)
      for (const id of [
        'load',
        'statement_time',
        'statement_calls',
        'sessions',
        'lock_waits',
        'table_size',
        'cache_hits',
        'deadlocks',
        'locks',
      ]) {
        const { title } = bench.catalogue.signal(`db.${id}`)
        expect(
          shown.some((what) => what.includes(title)),
          title,
        ).toBe(true)
      }
      const series = await signalSeries(bench.store, bench.catalogue, {
        ...of,
        signal: 'db.statement_calls',
        dimension: 'SELECT note FROM cart WHERE id = ?',
        from: end - 60 * MINUTE,
        to: end,
        byVersion: false,
      })
      // Sixty calls a minute.
      expect(series.lines[0]?.points.map(({ value }) => value)).toEqual([1, 1])
    } finally {
      await holder.end()
      await transport.close()
      await bench.close()
    }
  })

  it('that goes away fails its round, and is read again when it is back', async () => {
    const reader = collector()
    await round(reader)
    await server.kill()
    await expect(round(reader)).rejects.toThrow('ECONNREFUSED')
    await server.start()
    admin = await server.admin('orders')
    const { sum } = await round(reader)
    expect(sum('postgresql.connection.max')).toBe(100)
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}
