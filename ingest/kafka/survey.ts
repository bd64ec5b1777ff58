import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import { brokerError, openKafka } from './client.ts'
import { groupOffsets } from './group-offsets.ts'
import { topicsOf } from './topics.ts'

export interface TopicSurvey {
  readonly topic: string
  /** 0 if it is not there. */
  readonly partitions: number
  /** Messages that the consumer group has not stored yet. */
  readonly waiting: number
}

export interface KafkaSurvey {
  readonly topics: readonly TopicSurvey[]
  /** Members of the consumer group. */
  readonly consumers: number
}

/** How the topics of requests stand and how many store from them, for a person. @throws PostflightError BROKER_UNREACHABLE, CONFIG_INVALID */
export async function surveyKafka(config: Config['kafka'], logger: Logger): Promise<KafkaSurvey> {
  const admin = openKafka(config, logger).admin()
  const topics = Object.values(topicsOf(config).signals)
  try {
    await admin.connect()
    const there = new Set(await admin.listTopics())
    const surveys: TopicSurvey[] = []
    for (const topic of topics) {
      if (!there.has(topic)) {
        surveys.push({ topic, partitions: 0, waiting: 0 })
        continue
      }
      const ends = await admin.fetchTopicOffsets(topic)
      const [group] = await groupOffsets(admin, { groupId: config.group, topics: [topic] })
      const waiting = ends.map(({ partition, high, low }) => {
        const next = Number(group?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
        return Math.max(0, Number(high) - Math.max(next, Number(low)))
      })
      surveys.push({ topic, partitions: ends.length, waiting: waiting.reduce((sum, one) => sum + one, 0) })
    }
    const { groups } = await admin.describeGroups([config.group])
    return { topics: surveys, consumers: groups[0]?.members.length ?? 0 }
  } catch (error) {
    throw brokerError(error, `asking ${config.brokers.join(', ')}`)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
