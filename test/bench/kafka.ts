import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { connectKafka } from '../../ingest/kafka/connect.ts'
import { startReceiver } from '../../ingest/otlp-http/receiver.ts'
import { createKafkaTransport } from '../../ingest/transport/kafka.ts'
import { configSchema } from '../../schemas/config.ts'
import type { Store } from '../../schemas/store/client.ts'
import { startIngest } from '../conformance/postflight.ts'
import { startKafkaBroker } from '../peers/kafka-broker.ts'
import { startBenchProcess } from './bench-process.ts'
import { logRequests } from './ingest-load.ts'
import { type Bodies, send, writeBodies } from './ingest-send.ts'
import type { Consuming } from './kafka-consumer.ts'

const RECORDS_EACH = 5_000
const BODIES = 24
const CONNECTIONS = 32
/** Of one group: each waits for its own inserts only, so that decoding goes on beside them. */
const CONSUMERS = 2

export interface KafkaFigures {
  readonly directLogsPerSecond: number
  /** Until everything that was sent is stored, with receiver, consumer, broker, store and sender on the same machine. */
  readonly kafkaLogsPerSecond: number
  /** Acknowledged while sending. */
  readonly kafkaTakenPerSecond: number
  readonly kafkaRatio: number
  readonly kafkaAckP50Ms: number
}

/** The same requests straight into the store and through Kafka, one after the other in the same run. Repeats are not looked for: the sender has few bodies. */
export async function measureKafka(seconds: number): Promise<KafkaFigures> {
  const bodies = await writeBodies((madeAt) => logRequests(BODIES, RECORDS_EACH, 20_26, madeAt))
  const ingest = await startIngest()
  const broker = await startKafkaBroker()
  const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' })
  const config = configSchema.parse({ kafka: { brokers: [broker.address], repeatMinutes: 0 } })
  const kafka = await connectKafka({ config, logger, clock: Date.now })
  const consuming: Consuming = {
    broker: broker.address,
    storeUrl: ingest.store.url,
    dataDir: ingest.dataDir,
  }
  const consumers = await Promise.all(
    Array.from({ length: CONSUMERS }, () =>
      startBenchProcess('kafka-consumer.ts', [JSON.stringify(consuming)]),
    ),
  )
  const transport = createKafkaTransport(kafka)
  const receiver = await startReceiver({ host: '127.0.0.1', port: 0, transport, logger, clock: Date.now })
  try {
    const direct = await run(ingest.url, bodies, seconds, ingest.store)
    const through = await run(receiver.address.url, bodies, seconds, ingest.store)
    return {
      directLogsPerSecond: Math.round(direct.storedPerSecond),
      kafkaLogsPerSecond: Math.round(through.storedPerSecond),
      kafkaTakenPerSecond: Math.round(through.takenPerSecond),
      kafkaRatio: Math.round((through.storedPerSecond / direct.storedPerSecond) * 1000) / 1000,
      kafkaAckP50Ms: Math.round(through.ackP50Ms),
    }
  } finally {
    await receiver.close()
    await Promise.all(consumers.map((consumer) => consumer.close()))
    await kafka.close()
    await broker.close()
    await ingest.close()
    await bodies.remove()
  }
}

async function run(receiver: string, { files, madeAt }: Bodies, seconds: number, store: Store) {
  const url = `${receiver}/v1/logs`
  const load = { url, files, madeAt, recordsEach: RECORDS_EACH, connections: CONNECTIONS, seconds }
  await empty(store)
  // JavaScript gets compiled and the engine its memory first.
  const warm = await send({ ...load, seconds: 3 })
  await stored(store, warm.acknowledged)
  await empty(store)
  const begun = performance.now()
  const sent = await send(load)
  const taken = performance.now() - begun
  await stored(store, sent.acknowledged)
  return {
    takenPerSecond: (sent.acknowledged / taken) * 1000,
    storedPerSecond: (sent.acknowledged / (performance.now() - begun)) * 1000,
    ackP50Ms: sent.ackP50Ms,
  }
}

async function empty(store: Store): Promise<void> {
  for (const table of ['otel_logs', 'signal_1m', 'signal_1h']) await store.command(`TRUNCATE TABLE ${table}`)
}

/** Waits until exactly so many records are stored. */
async function stored(store: Store, records: number): Promise<void> {
  for (;;) {
    const [found] = await store.query<{ rows: number }>('SELECT count() AS rows FROM otel_logs')
    const rows = found?.rows ?? 0
    if (rows === records) return
    if (rows > records) throw new Error(`${records} records were acknowledged, ${rows} are stored`)
    await sleep(50)
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, json: { type: 'boolean' } } })
  const figures = await measureKafka(Number(values.seconds ?? 15))
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  else
    for (const [name, value] of Object.entries(figures))
      process.stdout.write(`  ${name.padEnd(24)} ${value}\n`)
}
