import { join } from 'node:path'
import pino from 'pino'
import { connectKafka } from '../../ingest/kafka/connect.ts'
import { configSchema } from '../../schemas/config.ts'
import { openStore } from '../../schemas/store/client.ts'

/** What the consumer works with. */
export interface Consuming {
  readonly broker: string
  readonly storeUrl: string
  /** Of the store. */
  readonly dataDir: string
}

/**
 * The storing side of the Kafka benchmark in a process of its own, as `postflight consume` is. Its one argument is a `Consuming` as JSON; it says when it is ready, and
 * ends when its parent goes.
 */
const { broker, storeUrl, dataDir } = JSON.parse(process.argv[2] as string) as Consuming
const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' })
const config = configSchema.parse({ kafka: { brokers: [broker], repeatMinutes: 0 } })
const kafka = await connectKafka({ config, logger, clock: Date.now })
const store = openStore({ url: storeUrl, insertFolder: join(dataDir, 'inserts') })
const consumer = await kafka.consume(store)
process.once('disconnect', () => {
  void consumer
    .close()
    .then(() => kafka.close())
    .finally(() => process.exit(0))
})
process.send?.('ready')
