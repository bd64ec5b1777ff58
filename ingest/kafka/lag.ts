import type { Admin } from 'kafkajs'
import type { Logger } from 'pino'
import { reasonOf } from './client.ts'
import { groupOffsets } from './group-offsets.ts'

const EVERY = 10_000
/** Of a group that has committed nothing for a partition. */
const NONE = -1

/** How many messages of each assigned partition are not stored yet; looked up now and then, also while nothing is stored. */
export class Lag {
  private readonly admin: Admin
  private readonly group: string
  private readonly logger: Logger
  private readonly onAnswer: () => void
  private readonly known = new Map<string, { topic: string; partition: number; next: number; end: number }>()
  private timer: NodeJS.Timeout | undefined

  constructor(admin: Admin, group: string, logger: Logger, onAnswer: () => void) {
    this.admin = admin
    this.group = group
    this.logger = logger
    this.onAnswer = onAnswer
  }

  start(): void {
    this.timer = setInterval(() => {
      this.measure().catch((error: unknown) =>
        this.logger.warn({ err: reasonOf(error, 'asking for the lag') }, 'The lag is not known now'),
      )
    }, EVERY)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  assigned(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.known.clear()
    for (const [topic, partitions] of Object.entries(assignment))
      for (const partition of partitions)
        this.known.set(`${topic}/${partition}`, { topic, partition, next: NONE, end: 0 })
  }

  committed(topic: string, partition: number, next: number): void {
    const entry = this.known.get(`${topic}/${partition}`)
    if (entry === undefined) return
    entry.next = next
    entry.end = Math.max(entry.end, next)
  }

  *partitions(): Generator<{ topic: string; partition: number; messages: number }> {
    for (const { topic, partition, next, end } of this.known.values())
      yield { topic, partition, messages: Math.max(0, end - Math.max(0, next)) }
  }

  private async measure(): Promise<void> {
    const topics = [...new Set([...this.known.values()].map(({ topic }) => topic))]
    if (topics.length === 0) return
    const offsets = await groupOffsets(this.admin, { groupId: this.group, topics })
    for (const { topic, partitions } of offsets) {
      const ends = await this.admin.fetchTopicOffsets(topic)
      for (const { partition, high, low } of ends) {
        const entry = this.known.get(`${topic}/${partition}`)
        if (entry === undefined) continue
        const committed = Number(partitions.find((one) => one.partition === partition)?.offset ?? NONE)
        entry.next = Math.max(entry.next, committed === NONE ? Number(low) : committed)
        entry.end = Number(high)
      }
    }
    this.onAnswer()
  }
}
