import { randomUUID } from 'node:crypto'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signalSeries } from '../../analytics/queries/signal-series.ts'
import type { Metric } from '../../ingest/collectors/metric.ts'
import { checkMysql, mysqlCollector, mysqlGrants } from '../../ingest/collectors/mysql.ts'
import { metricRequests } from '../../ingest/collectors/to-otlp.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import { collectorsSchema, type DatabaseTarget } from '../../schemas/collectors.ts'
import { type MariadbServer, startMariadb } from '../peers/mariadb-server.ts'
import { openBench } from './report-fixture.ts'

const PASSWORD = 'for-this-test'
const MINUTE = 60_000

describe('a real MariaDB', () => {
  let server: MariadbServer
  let admin: Connection
  let target: DatabaseTarget
  const warnings: string[] = []
  let now = Date.now()

  beforeAll(async () => {
    server = await startMariadb({ 'log-bin': 'bin', 'server-id': '1' })
    admin = await server.admin()
    await admin.query('CREATE DATABASE orders')
    await admin.query('USE orders')
    await admin.query('CREATE TABLE cart (id int PRIMARY KEY, note varchar(200), KEY by_note (note))')
    await admin.query("INSERT INTO cart SELECT seq, concat(seq, repeat('x', 100)) FROM seq_1_to_20000")
    await admin.query('ANALYZE TABLE cart')
    target = collectorsSchema.parse({
      mysql: [{ name: 'orders-db', port: server.port, password: PASSWORD }],
    }).mysql[0] as DatabaseTarget
  })
  afterAll(async () => {
    await admin?.end()
    await server?.close()
  })

  it('says what its account lacks, and the printed grants are all that it takes', async () => {
    await expect(checkMysql(target)).rejects.toThrow('postflight')
    const [create = '', ...rest] = mysqlGrants(target, true)
    await admin.query(create.replace('...', PASSWORD))
    const { lacking, version } = await checkMysql(target)
    expect(version).toMatch(/^MariaDB \d+\.\d+/)
    expect(lacking.map(({ sql }) => sql)).toEqual(rest)
    for (const sql of rest) await admin.query(sql)
    expect((await checkMysql(target)).lacking).toEqual([])
    const [grants] = await admin.query<RowDataPacket[]>("SHOW GRANTS FOR 'postflight'@'%'")
    expect(JSON.stringify(grants)).not.toMatch(/ALL PRIVILEGES|INSERT|SUPER/)
  })

  const collector = () => mysqlCollector(target, (message) => void (message === '' || warnings.push(message)))
  const round = async (of: ReturnType<typeof collector>) => {
    now += MINUTE
    const [batch] = await of.collect({ time: now, signal: AbortSignal.timeout(20_000) })
    if (batch === undefined) throw new Error('nothing was read')
    const pointsOf = (name: string) =>
      (batch.metrics as Extract<Metric, { kind: 'counter' | 'gauge' | 'level' }>[])
        .filter((each) => each.name === name)
        .flatMap(({ points }) => points)
    const sum = (name: string, of: Readonly<Record<string, string>> = {}) =>
      pointsOf(name)
        .filter(({ attributes }) => Object.entries(of).every(([key, value]) => attributes[key] === value))
        .reduce((all, { value }) => all + value, 0)
    return { batch, pointsOf, sum }
  }

  it('is read in full by that account', async () => {
    const reader = collector()
    const first = await round(reader)
    expect(first.batch.resource).toMatchObject({ 'service.name': 'orders-db', 'db.system.name': 'mariadb' })
    expect(first.batch.resource['service.version']).toMatch(/^\d+\.\d+\.\d+$/)
    const cart = { schema: 'orders', table: 'cart' }
    expect(first.sum('mysql.table.size', { ...cart, kind: 'data' })).toBeGreaterThan(2e6)
    expect(first.sum('mysql.table.size', { ...cart, kind: 'index' })).toBeGreaterThan(1e6)
    expect(first.sum('mysql.connection.max')).toBeGreaterThan(1)

    for (let id = 1; id <= 20; id++) await admin.query(`UPDATE cart SET note = 'card 4111' WHERE id = ${id}`)
    await admin.query('SELECT SLEEP(0.2), id FROM cart LIMIT 1')
    const second = await round(reader)
    const text = 'UPDATE `cart` SET `note` = ? WHERE ID = ?'
    const calls = second
      .pointsOf('mysql.statement_event.count')
      .filter(({ attributes }) => attributes['digest_text'] === text && attributes['kind'] === 'calls')
    expect(calls).toMatchObject([
      { value: 0, time: now - MINUTE, start: now - MINUTE },
      { value: 20, start: now - MINUTE, attributes: { schema: 'orders' } },
    ])
    const slept = second
      .pointsOf('mysql.statement_event.wait.time')
      .filter(({ attributes }) => attributes['digest_text']?.includes('SLEEP'))
    expect((slept.at(-1)?.value ?? 0) / 1e9).toBeGreaterThan(0.19)
    expect(JSON.stringify(second.batch)).not.toContain('4111')
    expect(second.sum('mysql.query.count')).toBeGreaterThan(first.sum('mysql.query.count'))
    expect(second.sum('mysql.threads', { kind: 'connected' })).toBeGreaterThanOrEqual(2)
    expect(second.sum('mysql.cache_hit_ratio')).toBeGreaterThan(0.5)
    expect(second.pointsOf('mysql.table.size')).toEqual([])
    // One start for all rounds.
    const starts = [first, second].map((each) => each.pointsOf('mysql.query.count')[0]?.start ?? 0)
    expect(Math.abs((starts[1] ?? 0) - (starts[0] ?? 0) - MINUTE)).toBeLessThanOrEqual(20_000)
    expect(warnings).toEqual([])
  })

  it('shows who waits for a lock, and deadlocks', async () => {
    const reader = collector()
    const before = await round(reader)
    expect(before.sum('mysql.locks.waiting')).toBe(0)
    const [a, b] = [await server.admin(), await server.admin()]
    for (const [client, id] of [
      [a, 1],
      [b, 2],
    ] as const) {
      await client.query('USE orders')
      await client.query('BEGIN')
      await client.query(`UPDATE cart SET note = 'y' WHERE id = ${id}`)
    }
    const waiting = b.query("UPDATE cart SET note = 'z' WHERE id = 1").catch((error: Error) => error)
    await until(async () => (await round(reader)).sum('mysql.locks.waiting') === 1)
    const other = a.query("UPDATE cart SET note = 'z' WHERE id = 2").catch((error: Error) => error)
    await Promise.race([waiting, other])
    for (const client of [a, b]) client.destroy()
    await until(async () => (await round(reader)).sum('mysql.deadlocks') === 1)
  })

  it('shows how far a replica is behind', async () => {
    const replica = await startMariadb({ 'server-id': '2' })
    const there = await replica.admin()
    try {
      await admin.query("CREATE USER repl@'%' IDENTIFIED BY 'repl'")
      await admin.query("GRANT REPLICATION SLAVE ON *.* TO repl@'%'")
      await there.query(
        `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${server.port}, MASTER_USER='repl', MASTER_PASSWORD='repl', MASTER_USE_GTID=slave_pos`,
      )
      await there.query('START SLAVE')
      // The account comes to it with everything else.
      const reader = mysqlCollector({ ...target, port: replica.port }, () => {})
      const lag = async () =>
        await round(reader).then(
          ({ pointsOf }) => pointsOf('mysql.replica.time_behind_source'),
          () => [],
        )
      await until(async () => (await lag()).length === 1)
      await until(async () => (await lag())[0]?.value === 0)
      await there.query('STOP SLAVE')
      expect(await lag()).toEqual([])
    } finally {
      await there.end()
      await replica.close()
    }
  })

  it('becomes series: seconds and calls a second by statement', async () => {
    const bench = await openBench()
    const transport = createDirectTransport({
      store: bench.store,
      logger: pino({ level: 'silent' }),
      clock: Date.now,
      newToken: randomUUID,
    })
    try {
      const reader = collector()
      const end = Math.floor(Date.now() / MINUTE) * MINUTE
      for (const time of [end - 3 * MINUTE, end - 2 * MINUTE, end - MINUTE]) {
        for (let id = 1; id <= 60; id++) await admin.query(`SELECT note FROM cart WHERE id = ${id}`)
        await admin.query('SELECT SLEEP(0.6)')
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
      const values = async (signal: string, dimension = '') => {
        const found = await signalSeries(bench.store, bench.catalogue, {
          service: 'orders-db',
          environment: 'default',
          signal,
          dimension,
          from: end - 10 * MINUTE,
          to: end,
          byVersion: false,
        })
        return found.lines[0]?.points.map(({ value }) => value ?? 0) ?? []
      }
      expect(await values('db.statement_calls', 'SELECT `note` FROM `cart` WHERE ID = ?')).toEqual([1, 1])
      for (const load of await values('db.load')) {
        // 0.6 s of each 60, and a little.
        expect(load).toBeGreaterThan(0.0099)
        expect(load).toBeLessThan(0.1)
      }
      expect((await values('db.load')).length).toBe(2)
      expect((await values('db.table_size', 'cart'))[0]).toBeGreaterThan(2e6)
      expect((await values('db.sessions', 'connected')).length).toBe(3)
    } finally {
      await transport.close()
      await bench.close()
    }
  })

  it('without performance_schema has no statements, and says so', async () => {
    const plain = await startMariadb({ 'performance-schema': 'OFF' })
    try {
      const connection = await plain.admin()
      for (const sql of mysqlGrants(target, true)) await connection.query(sql.replace('...', PASSWORD))
      await connection.end()
      const without = { ...target, port: plain.port }
      warnings.length = 0
      const reader = mysqlCollector(without, (message) => void (message === '' || warnings.push(message)))
      const [batch] = await reader.collect({ time: now, signal: AbortSignal.timeout(20_000) })
      expect(batch?.metrics.length).toBeGreaterThan(5)
      expect(warnings).toEqual([expect.stringContaining('statements: performance_schema is off')])
      expect((await checkMysql(without)).lacking.map(({ what }) => what)).toEqual([
        'performance_schema is off: there are no statements',
      ])
    } finally {
      await plain.close()
    }
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}
