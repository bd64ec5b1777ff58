import { setImmediate as nextTurn } from 'node:timers/promises'
import kafkajs, { type ICustomPartitioner, type Kafka, type Producer } from 'kafkajs'
import { PostflightError } from '../../schemas/errors.ts'
import { TooLarge } from '../protobuf/unreadable.ts'
import { pendingChanged } from '../telemetry.ts'
import { brokerError, protocolErrorOf, within } from './client.ts'
import type { OutgoingMessage } from './message.ts'

export interface OutboxOptions {
  readonly kafka: Kafka
  /** Told when the brokers have taken a batch. */
  readonly onAnswer: () => void
  /** Bytes of messages that wait for the brokers, from which on nothing more is taken in. */
  readonly maxPendingBytes: number
  /** Milliseconds after which a sender is told to send again; OTLP senders give up after 10 s. */
  readonly answerWithin?: number
}

const ANSWER_WITHIN = 8_000
/** Bytes of messages that are sent at once: few enough for one request, many enough to compress well. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024
const RETRIES = 3

interface Waiting {
  readonly topic: string
  readonly message: OutgoingMessage
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Sends messages to Kafka, one batch after the other: what comes meanwhile is gathered for the next one. A message is sent when
 * all in-sync replicas have it.
 *
 * The producer is idempotent, and replaced after each failure: kafkajs goes back to the sequence numbers of a batch that it
 * gave up, so the next batch could pass for a repeat of one that the broker had taken, and be acknowledged without being kept.
 * Nor may kafkajs try a batch again of which it has sent some: what an attempt left over is not sent if its partition has
 * moved to a broker that answered before, and is acknowledged all the same (src/producer/sendMessages.js, `brokersWithoutResponse`).
 */
export class Outbox {
  private readonly options: OutboxOptions
  private waiting: Waiting[] = []
  private pending = 0
  private producer: Producer | undefined
  private working: Promise<void> | undefined
  private closed = false

  constructor(options: OutboxOptions) {
    this.options = options
  }

  /** @throws PostflightError OVERLOADED if `bytes` more would be too many */
  admit(bytes: number): void {
    if (this.closed)
      throw new PostflightError('OVERLOADED', 'Postflight is stopping', { hint: 'Send again later.' })
    if (this.pending + bytes > this.options.maxPendingBytes) {
      throw new PostflightError('OVERLOADED', `${this.pending} bytes are waiting for Kafka already`, {
        hint: 'Send again later; if this lasts, Kafka is too slow for what is sent.',
      })
    }
  }

  /**
   * Settles once Kafka has the message.
   * @throws PostflightError BROKER_UNREACHABLE; Kafka may have the message all the same
   * @throws TooLarge if the topic does not take a message of this size
   */
  async send(topic: string, message: OutgoingMessage): Promise<void> {
    const bytes = message.value.length
    this.pending += bytes
    pendingChanged(bytes)
    const kept = new Promise<void>((resolve, reject) =>
      this.waiting.push({ topic, message, resolve, reject }),
    ).finally(() => {
      this.pending -= bytes
      pendingChanged(-bytes)
    })
    this.working ??= this.work()
    // A late failure has nobody left to tell.
    kept.catch(() => {})
    try {
      await within(this.answerWithin, kept)
    } catch (error) {
      throw error instanceof TooLarge ? error : brokerError(error, 'sending')
    }
  }

  /** Waits for what was sent. */
  async close(): Promise<void> {
    this.closed = true
    await this.working
    if (this.producer !== undefined)
      await within(this.answerWithin, this.producer.disconnect()).catch(() => {})
  }

  /** Connects, so that a start with brokers that do not answer fails at once. @throws PostflightError BROKER_UNREACHABLE */
  async connect(): Promise<void> {
    try {
      await this.connected()
    } catch (error) {
      throw brokerError(error, 'connecting')
    }
  }

  private async work(): Promise<void> {
    // What arrives in the same turn goes with it.
    await nextTurn()
    while (this.waiting.length > 0) {
      const batch = this.take()
      try {
        await this.deliver(batch)
      } catch (error) {
        if (protocolErrorOf(error) === 'MESSAGE_TOO_LARGE') await this.deliverSingly(batch)
        else for (const { reject } of batch) reject(brokerError(error, 'sending'))
      }
    }
    this.working = undefined
  }

  private take(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { message } of this.waiting) {
      bytes += message.value.length
      if (count > 0 && bytes > MAX_BATCH_BYTES) break
      count++
    }
    return this.waiting.splice(0, count)
  }

  private async deliver(batch: readonly Waiting[]): Promise<void> {
    const byTopic = Map.groupBy(batch, ({ topic }) => topic)
    try {
      // Later than this nobody waits for it any more, and those behind it do.
      const producer = await within(this.answerWithin, this.connected())
      const sent = producer.sendBatch({
        acks: -1,
        compression: kafkajs.CompressionTypes.ZSTD,
        topicMessages: [...byTopic].map(([topic, waiting]) => ({
          topic,
          messages: waiting.map(({ message }) => ({ ...message })),
        })),
      })
      await within(this.answerWithin, sent)
    } catch (error) {
      const failed = this.producer
      this.producer = undefined
      failed?.disconnect().catch(() => {})
      throw error
    }
    this.options.onAnswer()
    for (const { resolve } of batch) resolve()
  }

  /** Finds the messages that the topic does not take: a batch is refused as a whole. */
  private async deliverSingly(batch: readonly Waiting[]): Promise<void> {
    for (const one of batch) {
      await this.deliver([one]).catch((error: unknown) => {
        const tooLarge = protocolErrorOf(error) === 'MESSAGE_TOO_LARGE'
        one.reject(
          tooLarge
            ? new TooLarge('The request is larger than the topic takes: send fewer records at once')
            : brokerError(error, 'sending'),
        )
      })
    }
  }

  private get answerWithin(): number {
    return this.options.answerWithin ?? ANSWER_WITHIN
  }

  private async connected(): Promise<Producer> {
    if (this.producer !== undefined) return this.producer
    const producer = this.options.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: eachMessageOnce,
      retry: { retries: RETRIES, initialRetryTime: 200, maxRetryTime: 2_000 },
    })
    await producer.connect()
    this.producer = producer
    return producer
  }
}

/** By the key's murmur2 hash, as Java's clients do; whoever asks for a message's partition again is about to send it again. */
function eachMessageOnce(): ReturnType<ICustomPartitioner> {
  const partitionOf = kafkajs.Partitioners.DefaultPartitioner()
  const asked = new WeakSet<object>()
  return (about) => {
    if (asked.has(about.message))
      throw new kafkajs.KafkaJSNonRetriableError('not all brokers have taken the batch')
    asked.add(about.message)
    return partitionOf(about)
  }
}
