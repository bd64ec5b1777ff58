import type { Kafka } from 'kafkajs'
import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import type { Store } from '../../schemas/store/client.ts'
import { openLogTemplates } from '../log-templates/open.ts'
import { Scrubber } from '../scrub/scrubber.ts'
import { brokerError, openKafka } from './client.ts'
import { type ConsumerLimits, type KafkaConsumer, startKafkaConsumer } from './consumer.ts'
import { Outbox } from './outbox.ts'
import { ensureTopics, type Topics, topicsOf } from './topics.ts'

export interface KafkaConnection {
  readonly topics: Topics
  readonly outbox: Outbox
  /** Stores what is in the topics. @throws PostflightError BROKER_UNREACHABLE */
  consume(
    store: Pick<Store, 'insertNative' | 'insert' | 'query'>,
    limits?: Partial<ConsumerLimits>,
  ): Promise<KafkaConsumer>
  /** After receivers and consumers: waits for what was sent. */
  close(): Promise<void>
}

export interface KafkaConnectionOptions {
  readonly config: Pick<Config, 'kafka' | 'otlp' | 'exceptions'> & Partial<Pick<Config, 'scrub'>>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Told when the brokers have taken or given something. */
  readonly onAnswer?: () => void
}

/** Bytes that wait for Kafka at most: memory holds them. */
const MAX_HELD = 48 * 2 ** 20

const MINUTE = 60_000
const DAY = 1_440 * MINUTE

/**
 * Connects to the brokers of the settings and makes the topics that are missing.
 * @throws PostflightError BROKER_UNREACHABLE, CONFIG_INVALID; nothing is left open then
 */
export async function connectKafka({
  config,
  logger,
  clock,
  onAnswer = () => {},
}: KafkaConnectionOptions): Promise<KafkaConnection> {
  const kafka = openKafka(config.kafka, logger)
  const topics = topicsOf(config.kafka)
  await makeTopics(kafka, config, logger)
  const maxPendingBytes = Math.min(MAX_HELD, config.otlp.maxQueueBytes)
  const outbox = new Outbox({ kafka, onAnswer, maxPendingBytes })
  await outbox.connect()
  return {
    topics,
    outbox,
    consume: async (store, limits = {}) =>
      startKafkaConsumer({
        kafka,
        group: config.kafka.group,
        topics,
        outbox,
        store,
        logger,
        clock,
        onAnswer,
        scrubber: new Scrubber(config.scrub),
        templates: await openLogTemplates(store),
        exceptions: config.exceptions,
        maxPast: config.otlp.maxPastDays * DAY,
        maxFuture: config.otlp.maxFutureMinutes * MINUTE,
        repeatWindow: config.kafka.repeatMinutes * MINUTE,
        limits,
      }),
    close: () => outbox.close(),
  }
}

async function makeTopics(
  kafka: Kafka,
  config: KafkaConnectionOptions['config'],
  logger: Logger,
): Promise<void> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    await ensureTopics(admin, config.kafka, config.otlp.maxBodyBytes, logger)
  } catch (error) {
    throw brokerError(error, `connecting to ${config.kafka.brokers.join(', ')}`)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
