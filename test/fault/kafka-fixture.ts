import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { connectKafka, type KafkaConnection } from '../../ingest/kafka/connect.ts'
import type { KafkaConsumer } from '../../ingest/kafka/consumer.ts'
import { createKafkaTransport } from '../../ingest/transport/kafka.ts'
import type { TelemetryRequest, Transport } from '../../ingest/transport/transport.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'
import { type KafkaBroker, startKafkaBroker } from '../peers/kafka-broker.ts'
import { SMALL_BATCHES } from './kafka-consumer.ts'

export const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' })
const catalogue = buildCatalogue()

/** A broker and an embedded store with all tables and views. */
export interface KafkaFixture {
  readonly broker: KafkaBroker
  readonly store: Store
  /** A sender and, if it consumes, a storer, in topics of their own. */
  open(prefix: string, consume?: boolean): Promise<OpenKafka>
  killStore(): Promise<void>
  startStore(): Promise<void>
  empty(): Promise<void>
  close(): Promise<void>
}

export interface OpenKafka {
  readonly connection: KafkaConnection
  readonly transport: Transport
  readonly consumer: KafkaConsumer | undefined
  close(): Promise<void>
}

export async function startKafkaFixture(): Promise<KafkaFixture> {
  const dataDir = await mkdtemp(join(tmpdir(), 'postflight-kafka-store-'))
  const broker = await startKafkaBroker()
  let embedded = await startEmbedded({ dataDir, port: 0, logger })
  const port = Number(new URL(embedded.url).port)
  const store = openStore({ url: embedded.url })
  await migrate(store, catalogue, configSchema.parse({}).retention)
  return {
    broker,
    store,
    async open(prefix, consume = true) {
      const config = configSchema.parse({
        kafka: { brokers: [broker.address], topicPrefix: prefix, group: prefix, partitions: 2 },
      })
      const connection = await connectKafka({ config, logger, clock: Date.now })
      const consumer = consume ? await connection.consume(store, SMALL_BATCHES) : undefined
      return {
        connection,
        transport: createKafkaTransport(connection),
        consumer,
        async close() {
          await consumer?.close()
          await connection.close()
        },
      }
    },
    async killStore() {
      process.kill(embedded.pid, 'SIGKILL')
      await embedded.exited
    },
    async startStore() {
      embedded = await startEmbedded({ dataDir, port, logger })
    },
    async empty() {
      const tables = await store.query<{ name: string }>(
        `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
         AND (startsWith(name, 'otel_') OR endsWith(name, '_1m') OR endsWith(name, '_1h') OR name IN ('dead_letter', 'kafka_request'))`,
      )
      for (const { name } of tables) await store.command(`TRUNCATE TABLE ${name}`)
    },
    async close() {
      await store.close()
      await embedded.stop()
      await broker.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export function logsRequest(body: Buffer): TelemetryRequest {
  return {
    signal: 'logs',
    contentType: 'application/x-protobuf',
    body,
    sender: 'test',
    receivedAt: Date.now(),
  }
}

/** Sends as SDKs do: again while it is not acknowledged. */
export async function sendUntilTaken(transport: Transport, body: Buffer): Promise<number> {
  for (let attempts = 1; ; attempts++) {
    try {
      await transport.send(logsRequest(body))
      return attempts
    } catch (error) {
      if (attempts > 100) throw error
      await sleep(200)
    }
  }
}

export interface StoredLogs {
  readonly rows: number
  /** Every record has a span id of its own. */
  readonly distinct: number
}

/** Waits until so many log records are stored, and a moment longer for any that should not be. */
export async function storedLogs(store: Store, expected: number): Promise<StoredLogs> {
  const until = performance.now() + 150_000
  let quiet = 0
  for (;;) {
    const [stored] = await store.query<StoredLogs>(
      'SELECT count() AS rows, uniqExact(SpanId) AS distinct FROM otel_logs',
    )
    if (stored === undefined) throw new Error('no answer')
    if (stored.rows >= expected) quiet++
    if (quiet > 5 || performance.now() > until) return stored
    await sleep(100)
  }
}

/** A rollup of the log records, and the same counted from the rows. */
export async function logRollups(store: Store): Promise<{ rollup: unknown; recount: unknown }[]> {
  const measure = catalogue.measures.get('log.record')
  if (measure === undefined) throw new Error('no measure log.record')
  const total = 'SELECT sum(cells.count) AS records, sum(cells.bad) AS bad FROM'
  const recount = await store.query(`${total} (${rollupSelect(measure)}) AS cells`)
  return await Promise.all(
    ['signal_1m', 'signal_1h'].map(async (table) => ({
      rollup: await store.query(`${total} ${table} AS cells WHERE measure = {measure:String}`, {
        measure: measure.id,
      }),
      recount,
    })),
  )
}
