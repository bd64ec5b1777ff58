import kafkajs, { type Admin } from 'kafkajs'
import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import type { SignalKind } from '../intake.ts'
import { brokerError, protocolErrorOf } from './client.ts'

export interface Topics {
  readonly signals: Readonly<Record<SignalKind, string>>
  /** Messages that nothing can be made of, whole. */
  readonly deadLetter: string
}

export function topicsOf({ topicPrefix: prefix }: Pick<Config['kafka'], 'topicPrefix'>): Topics {
  return {
    signals: { logs: `${prefix}logs`, traces: `${prefix}traces`, metrics: `${prefix}metrics` },
    deadLetter: `${prefix}dead-letter`,
  }
}

/** What a message has besides a request's body: headers, and the frame of its batch. */
const FRAME = 1024 * 1024
const HOUR = 3_600_000
/** One copy is lost with its disk; more than three are for clusters that say so. */
const MOST_REPLICAS = 3

/**
 * Makes the topics that are missing. Those that are there stay as they are; if one takes smaller messages than the receiver
 * does, that is warned of.
 * @param maxBodyBytes what a request may have
 * @throws PostflightError BROKER_UNREACHABLE
 */
export async function ensureTopics(
  admin: Admin,
  config: Config['kafka'],
  maxBodyBytes: number,
  logger: Logger,
): Promise<void> {
  const { signals, deadLetter } = topicsOf(config)
  try {
    const existing = new Set(await admin.listTopics())
    const missing = [...Object.values(signals), deadLetter].filter((topic) => !existing.has(topic))
    if (missing.length > 0) {
      const { brokers } = await admin.describeCluster()
      const replicas = config.replicas === 0 ? Math.min(MOST_REPLICAS, brokers.length) : config.replicas
      const settings = {
        'cleanup.policy': 'delete',
        'retention.ms': config.retentionHours * HOUR,
        'max.message.bytes': maxBodyBytes + FRAME,
        // With acks=all, a message is acknowledged once so many have it.
        'min.insync.replicas': replicas > 2 ? 2 : 1,
        // As the receivers compressed it.
        'compression.type': 'producer',
      }
      await admin.createTopics({
        topics: missing.map((topic) => ({
          topic,
          numPartitions: topic === deadLetter ? 1 : config.partitions,
          replicationFactor: replicas,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value: String(value) })),
        })),
      })
      logger.info({ topics: missing, partitions: config.partitions, replicas }, 'Topics were made')
    }
  } catch (error) {
    // Another process made them at the same time.
    if (protocolErrorOf(error) !== 'TOPIC_ALREADY_EXISTS') throw brokerError(error, 'making the topics')
  }
  for (const [topic, bytes] of await messageLimits(admin, Object.values(signals))) {
    if (bytes < maxBodyBytes)
      logger.warn(
        { topic, maxMessageBytes: bytes, maxBodyBytes },
        'Requests larger than max.message.bytes of the topic are refused with 413',
      )
  }
}

/** `max.message.bytes` by topic, as far as the account may read it. */
export async function messageLimits(
  admin: Admin,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const name = 'max.message.bytes'
  const { resources } = await admin
    .describeConfigs({
      includeSynonyms: false,
      resources: topics.map((topic) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configNames: [name],
      })),
    })
    .catch(() => ({ resources: [] }))
  return new Map(
    resources.flatMap(({ resourceName, configEntries }) =>
      configEntries
        .filter(({ configName }) => configName === name)
        .map(({ configValue }) => [resourceName, Number(configValue)] as const),
    ),
  )
}
