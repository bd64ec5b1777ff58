import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, it } from 'vitest'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { openExactlyOnce } from '../../ingest/exactly-once/exactly-once.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import { startPostflight } from '../../postflight.ts'
import { configSchema } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import { openStore } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'
import { pointRequests } from '../bench/ingest-load.ts'

const RECORDS = 2_000

it('an insert whose answer was lost is counted once, also when the next start makes its view anew', {
  timeout: 120_000,
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'postflight-repeated-'))
  const folder = join(dataDir, 'inserts')
  const logger = pino({ level: 'silent' })
  const config = configSchema.parse({
    dataDir,
    clickhouse: { port: 0 },
    otlp: { port: 0, grpcPort: 0 },
    api: { port: 0 },
    signals: [{ id: 'queue', title: 'Queue', metric: 'queue.depth', type: 'gauge' }],
  })
  try {
    const embedded = await startEmbedded({ dataDir, port: 0, logger })
    const before = openStore({ url: embedded.url, insertFolder: folder })
    await migrate(before, buildCatalogue(), config.retention)
    const transport = createDirectTransport({
      store: {
        insertNative: async (...insert) => {
          await before.insertNative(...insert)
          throw new PostflightError('STORE_UNREACHABLE', 'the answer is lost')
        },
      },
      logger,
      clock: Date.now,
      newToken: randomUUID,
      writer: { retryFor: 1 },
      exactlyOnce: await openExactlyOnce({
        store: before,
        folder,
        window: 60_000,
        clock: Date.now,
        logger,
      }),
    })
    const [body] = pointRequests(1, RECORDS, 3, Date.now())
    const sent = transport.send({
      signal: 'metrics',
      contentType: 'application/x-protobuf',
      body: body as Buffer,
      sender: 'test',
      receivedAt: Date.now(),
    })
    await expect(sent).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await transport.close()
    await before.close()
    await embedded.stop()
    expect(readdirSync(folder).filter((name) => name.endsWith('.native'))).toHaveLength(2)

    const running = await startPostflight({ config, logger, clock: Date.now })
    try {
      const { store } = running
      expect(readdirSync(folder).filter((name) => name.endsWith('.native'))).toEqual([])
      const [view] = await store.query<{ text: string }>(
        "SELECT create_table_query AS text FROM system.tables WHERE name = 'signal_1m_mv_otel_metrics_gauge'",
      )
      expect(view?.text).toContain('queue.depth')
      const measure = buildCatalogue().measures.get('process.cpu')
      if (measure === undefined) throw new Error('no measure process.cpu')
      const recount = await store.query(
        `SELECT sum(cells.count) AS points FROM (${rollupSelect(measure)}) AS cells`,
      )
      const cells = await store.query(
        "SELECT sum(count) AS points FROM signal_1m WHERE measure = 'process.cpu'",
      )
      expect(cells).toEqual(recount)
      const [raw] = await store.query<{ rows: number }>(
        'SELECT (SELECT count() FROM otel_metrics_gauge) + (SELECT count() FROM otel_metrics_sum) AS rows',
      )
      expect(raw?.rows).toBe(RECORDS)
    } finally {
      await running.close()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
