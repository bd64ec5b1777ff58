import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { expect, it } from 'vitest'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import { configSchema } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import { openStore } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'
import { logRequests, seededRandom } from '../bench/ingest-load.ts'

const KILLS = 8
const RECORDS = 30_000

it('a store that is killed in the middle of inserts has every record once, and so have its rollups', {
  timeout: 240_000,
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'postflight-repeated-'))
  const logger = pino({ level: 'silent' })
  const random = seededRandom(7)
  let embedded = await startEmbedded({ dataDir, port: 0, logger })
  const port = Number(new URL(embedded.url).port)
  const store = openStore({ url: embedded.url })
  const catalogue = buildCatalogue()
  await migrate(store, catalogue, configSchema.parse({}).retention)
  const restart = async () => {
    process.kill(embedded.pid, 'SIGKILL')
    await embedded.exited
    embedded = await startEmbedded({ dataDir, port, logger })
  }
  let repeated = 0
  let loseAnswer = false
  const transport = createDirectTransport({
    store: {
      insertNative: async (table, columns, body, options) => {
        await store.insertNative(table, columns, body, options).catch((error: unknown) => {
          repeated += 1
          throw error
        })
        if (!loseAnswer || table !== 'otel_logs') return
        loseAnswer = false
        repeated += 1
        await restart()
        throw new PostflightError('STORE_UNREACHABLE', 'killed between the rows and the answer')
      },
    },
    logger,
    clock: Date.now,
    newToken: randomUUID,
    writer: { retryFor: 60_000 },
  })
  try {
    const requests = logRequests(KILLS, RECORDS, 11, Date.now())
    for (const [i, body] of requests.entries()) {
      // The first restart is the one that finds what the schema left in the engine's memory only.
      loseAnswer = i % 2 === 0
      const stored = transport.send({
        signal: 'logs',
        contentType: 'application/x-protobuf',
        body,
        sender: 'test',
        receivedAt: Date.now(),
      })
      if (!loseAnswer) {
        // Wherever the insert is by then, which takes some hundred milliseconds.
        await sleep(20 + 300 * random())
        await restart()
      }
      expect((await stored).accepted).toBe(RECORDS)
    }
    expect(repeated).toBeGreaterThanOrEqual(KILLS / 2)
    const [raw] = await store.query<{ rows: number }>('SELECT count() AS rows FROM otel_logs')
    expect(raw?.rows).toBe(KILLS * RECORDS)
    const measure = catalogue.measures.get('log.record')
    if (measure === undefined) throw new Error('no measure log.record')
    const total = 'SELECT sum(cells.count) AS records, sum(cells.bad) AS bad FROM'
    const recount = await store.query(`${total} (${rollupSelect(measure)}) AS cells`)
    for (const table of ['signal_1m', 'signal_1h']) {
      const rollup = await store.query(`${total} ${table} AS cells WHERE measure = {measure:String}`, {
        measure: measure.id,
      })
      expect(rollup, table).toEqual(recount)
    }
  } finally {
    await transport.close()
    await store.close()
    await embedded.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
