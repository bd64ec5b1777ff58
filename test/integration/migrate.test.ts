import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { configSchema } from '../../schemas/config.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../../schemas/signals/custom.ts'
import { rollupSelect, rollupViews } from '../../schemas/signals/views.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { foreignTables, migrate, readMigrations } from '../../schemas/store/migrate.ts'

// Within the retention: older rows are dropped as they come.
const yesterday = new Date(Date.now() - 86_400_000).toISOString()

const retention = configSchema.parse({}).retention

describe('migrations', () => {
  it('have a number each, by which they are known to be applied', async () => {
    const versions = (await readMigrations()).map(({ version }) => version)
    expect(new Set(versions).size).toBe(versions.length)
  })

  let embedded: EmbeddedStore
  let store: Store
  let dataDir: string

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'postflight-migrate-'))
    embedded = await startEmbedded({ dataDir, port: 0, logger: pino({ level: 'silent' }) })
    store = openStore({ url: embedded.url })
  })

  afterAll(async () => {
    await store?.close()
    await embedded?.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  it('apply once, and change nothing the second time', async () => {
    const first = await migrate(store, buildCatalogue(), retention)
    expect(first.applied).toEqual((await readMigrations()).map((migration) => migration.name))
    expect(first.views).toHaveLength(rollupViews(buildCatalogue().measures.values()).length)
    expect(await migrate(store, buildCatalogue(), retention)).toEqual({ applied: [], views: [] })
  })

  it("leave another program's telemetry alone", async () => {
    await store.command('CREATE DATABASE theirs')
    const theirs = openStore({ url: embedded.url, database: 'theirs' })
    try {
      await theirs.command(
        'CREATE TABLE otel_logs (Timestamp DateTime64(9), Body String) ENGINE = MergeTree ORDER BY Timestamp',
      )
      await theirs.command("INSERT INTO otel_logs VALUES ('2020-01-01 00:00:00', 'old and dear')")
      // An idle Collector's tables are empty, and still its own.
      await theirs.command(
        'CREATE TABLE otel_traces (Timestamp DateTime64(9)) ENGINE = MergeTree ORDER BY Timestamp',
      )
      expect(await foreignTables(theirs)).toEqual(['otel_logs', 'otel_traces'])
      expect(await foreignTables(store)).toEqual([])
      await expect(migrate(theirs, buildCatalogue(), retention)).rejects.toMatchObject({
        code: 'SCHEMA_FOREIGN',
        message: expect.stringContaining('otel_logs'),
        hint: expect.stringContaining('clickhouse.database'),
      })
      const [table] = await theirs.query<{ create: string }>(
        "SELECT create_table_query AS create FROM system.tables WHERE database = 'theirs' AND name = 'otel_logs'",
      )
      expect(table?.create).not.toContain('TTL')
      expect(
        await theirs.query("SELECT name FROM system.tables WHERE database = 'theirs' ORDER BY name"),
      ).toEqual([{ name: 'otel_logs' }, { name: 'otel_traces' }])
      expect(await theirs.query('SELECT * FROM otel_logs')).toEqual([
        { Timestamp: expect.stringContaining('2020-01-01'), Body: 'old and dear' },
      ])
    } finally {
      await theirs.close()
    }
  })

  it('give cells that are older than their sums of logarithms the sums all the same', async () => {
    await store.command('CREATE DATABASE older')
    const older = openStore({ url: embedded.url, database: 'older' })
    try {
      const migrations = await readMigrations()
      const added = migrations.findIndex(({ name }) => name.includes('sum-logs'))
      // What views look up today: there are none of the older program.
      const lookup = migrations
        .flatMap(({ statements }) => statements)
        .filter((statement) => statement.includes('CREATE TABLE IF NOT EXISTS kept_instance'))
      expect(lookup).toHaveLength(2)
      for (const statement of lookup) await older.command(statement)
      await migrate(older, buildCatalogue(), retention, { migrations: migrations.slice(0, added) })
      const insert = async (second: string) =>
        await older.command(
          `INSERT INTO signal_1m (time, service, measure, dimension, count, histogram)
          SELECT now(), 'shop', 'server.request', {second:String}, 3, map(toInt16(-50), toUInt64(2), if({second:String} = 'zero', toInt16(-32768), toInt16(10)), toUInt64(1))`,
          { second },
        )
      await insert('ten')
      await insert('zero')
      await migrate(older, buildCatalogue(), retention)
      await insert('ten')
      const sums = async (table: string) =>
        await older.query<{ dimension: string; logs: number | null; events: number }>(
          `SELECT dimension, sum(sum_logs) AS logs, sum(count) AS events FROM ${table} GROUP BY dimension ORDER BY dimension`,
        )
      const twice = 2 * (2 * -50.5 + 9.5) * LN_GAMMA
      for (const table of ['signal_1m', 'signal_1h']) {
        for (const merged of [false, true]) {
          if (merged) await older.command(`OPTIMIZE TABLE ${table} FINAL`)
          const told = await sums(table)
          // The store's answers have no infinities.
          expect(told, `${table} ${merged}`).toEqual([
            { dimension: 'ten', logs: expect.closeTo(twice, 9), events: 6 },
            { dimension: 'zero', logs: null, events: 3 },
          ])
        }
      }
    } finally {
      await older.close()
    }
  })

  it('go on where a crash stopped them', async () => {
    const migrations = await readMigrations()
    const last = migrations.at(-1)
    // A crash between the statements of the last file and its ledger row.
    await store.command(
      'ALTER TABLE schema_migrations DELETE WHERE version = {version:UInt32}',
      { version: last?.version ?? 0 },
      {
        settings: { mutations_sync: 2 },
      },
    )
    const outcome = await migrate(store, buildCatalogue(), retention, { migrations })
    expect(outcome.applied).toEqual([last?.name])
  })

  it("count a user's new signal in the view of its table alone, and no more when it is gone", async () => {
    const custom = customSignalSchema.parse({ id: 'carts', title: 'Carts', metric: 'carts', type: 'gauge' })
    const view = 'signal_1m_mv_otel_metrics_gauge'
    const ids = () =>
      store.query<{ name: string; id: string }>(
        "SELECT name, toString(uuid) AS id FROM system.tables WHERE engine = 'MaterializedView' AND database = currentDatabase() ORDER BY name",
      )
    const before = await ids()
    const others = (views: typeof before) => views.filter(({ name }) => name !== view)
    const isCounted = async () => {
      const [row] = await store.query<{ text: string }>(
        'SELECT create_table_query AS text FROM system.tables WHERE name = {view:String}',
        { view },
      )
      return /carts/.exec(row?.text ?? '') !== null
    }
    expect((await migrate(store, buildCatalogue([custom]), retention)).views).toEqual([view])
    expect(await isCounted()).toBe(true)
    const renamed = { ...custom, metric: 'shop.carts' }
    expect((await migrate(store, buildCatalogue([renamed]), retention)).views).toEqual([view])
    expect((await migrate(store, buildCatalogue(), retention)).views).toEqual([view])
    expect(await isCounted()).toBe(false)
    // A view that is made anew knows repeated inserts no more: none but this one was.
    expect(others(await ids())).toEqual(others(before))
    const left = await store.query<{ dropped: boolean }>(
      "SELECT dropped FROM rollup_views FINAL WHERE measure = 'custom.carts' OR name LIKE '%custom_carts'",
    )
    expect(left.map(({ dropped }) => dropped)).toEqual([true])
  })

  it('set how long each table keeps its rows, and change it', async () => {
    await migrate(store, buildCatalogue(), { ...retention, logs: 7 })
    const [row] = await store.query<{ engine_full: string }>(
      "SELECT engine_full FROM system.tables WHERE name = 'otel_logs'",
    )
    expect(row?.engine_full).toContain('TTL toDateTime(Timestamp) + toIntervalDay(7)')
    await migrate(store, buildCatalogue(), retention)
  })

  it('refuse a schema that is newer than the program', async () => {
    const migrations = await readMigrations()
    await expect(
      migrate(store, buildCatalogue(), retention, { migrations: migrations.slice(0, -1) }),
    ).rejects.toMatchObject({
      code: 'SCHEMA_TOO_NEW',
    })
  })

  it('refuse an applied file that was edited', async () => {
    const migrations = await readMigrations()
    const edited = migrations.map((migration, index) =>
      index === 1 ? { ...migration, checksum: 'other' } : migration,
    )
    await expect(migrate(store, buildCatalogue(), retention, { migrations: edited })).rejects.toMatchObject({
      code: 'MIGRATION_CHANGED',
    })
  })

  it('keep health checks, bots and load tests out of the users’ rates, and count them', async () => {
    const row = (route: string, agent: string, synthetic = '') => ({
      Timestamp: yesterday,
      SpanKind: 'Server',
      SpanName: 'GET',
      ServiceName: 'shop',
      Duration: 5_000_000,
      ResourceAttributes: { 'service.version': '1.0' },
      SpanAttributes: {
        'http.request.method': 'GET',
        'http.route': route,
        'user_agent.original': agent,
        'user_agent.synthetic.type': synthetic,
      },
    })
    await store.insert('otel_traces', [
      row('/cart', 'Mozilla/5.0'),
      row('/cart', 'Mozilla/5.0'),
      row('/healthz', 'Mozilla/5.0'),
      row('/cart', 'Googlebot/2.1'),
      row('/cart', 'k6/0.49'),
      row('/cart', 'Mozilla/5.0', 'test'),
    ])
    const counted = await store.query<{ traffic: string; requests: number }>(
      `SELECT traffic, sum(count) AS requests FROM signal_1m
       WHERE measure = 'server.request' AND service = 'shop' GROUP BY traffic ORDER BY traffic`,
    )
    expect(counted).toEqual([
      { traffic: 'bot', requests: 1 },
      { traffic: 'health_check', requests: 1 },
      { traffic: 'load_test', requests: 2 },
      { traffic: 'users', requests: 2 },
    ])
  })

  it('count in the rollups what a recount of the raw rows counts', async () => {
    const measure = buildCatalogue().measures.get('server.request')
    if (measure === undefined) throw new Error('no measure server.request')
    const columns =
      'time, dimension, traffic, sum(count) AS count, sum(sum) AS sum, sumMap(histogram) AS histogram'
    const order = 'GROUP BY time, dimension, traffic ORDER BY time, dimension, traffic'
    const rollup = await store.query(
      `SELECT ${columns} FROM signal_1m AS cells WHERE measure = 'server.request' ${order}`.replaceAll(
        'sum(sum)',
        'sum(cells.sum)',
      ),
    )
    const recount = await store.query(
      `SELECT ${columns} FROM (${rollupSelect(measure)}) AS cells ${order}`.replaceAll(
        'sum(sum)',
        'sum(cells.sum)',
      ),
    )
    expect(rollup).toEqual(recount)
    expect(rollup.length).toBeGreaterThan(0)
  })

  it('say that the store is unreachable, and how to mend it', async () => {
    const nowhere = openStore({ url: 'http://127.0.0.1:9', requestTimeout: 2000 })
    await expect(migrate(nowhere, buildCatalogue(), retention)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      retryable: true,
    })
    await nowhere.close()
  })
})
