import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import type { Logger } from 'pino'
import type { Store } from '../../schemas/store/client.ts'
import type { FingerprintOptions } from '../exceptions/fingerprint.ts'
import type { SignalKind } from '../intake.ts'
import type { LogTemplates } from '../log-templates/log-templates.ts'
import { free } from '../memory.ts'
import type { Block } from '../native/block.ts'
import { TooLarge } from '../protobuf/unreadable.ts'
import { RequestDecoder } from '../request-decoder.ts'
import type { Scrubber } from '../scrub/scrubber.ts'
import {
  blockInserted,
  kafkaMessagesRead,
  kafkaPartitionHeld,
  showKafkaLag,
  textsReplaced,
} from '../telemetry.ts'
import { INSERT_SETTINGS, mayPass } from '../writer.ts'
import { Batch, type Poison } from './batch.ts'
import { brokerError, reasonOf, within } from './client.ts'
import { groupOffsets } from './group-offsets.ts'
import { type Intent, intentFromMetadata, intentToMetadata } from './intent.ts'
import { Lag } from './lag.ts'
import type { Outbox } from './outbox.ts'
import { type RequestLedger, readLedger, writeLedger } from './request-ledger.ts'
import type { Topics } from './topics.ts'

/** Durations in milliseconds, sizes in bytes. */
export interface ConsumerLimits {
  /** Rows and bytes of rows at which a batch is stored. */
  readonly maxRows: number
  readonly maxBytes: number
  /** What is fetched of a partition at once, as the messages were compressed, and of all. */
  readonly maxFetchBytesEach: number
  readonly maxFetchBytes: number
  /** The broker answers a fetch when it has so much, or after so long: large batches make few parts. */
  readonly minFetchBytes: number
  readonly maxFetchWait: number
  /** A consumer that is not heard of for so long loses its partitions. */
  readonly sessionTimeout: number
  /** Partitions that are decoded and stored at the same time. */
  readonly concurrency: number
  /** Longest pause between two attempts at an insert. */
  readonly maxPause: number
  readonly maxRequestRowBytes: number
}

const DEFAULT_LIMITS: ConsumerLimits = {
  maxRows: 500_000,
  maxBytes: 96 * 1024 * 1024,
  maxFetchBytesEach: 4 * 1024 * 1024,
  maxFetchBytes: 16 * 1024 * 1024,
  // What is fetched of a partition is an insert: the more it is, the less ClickHouse has to do for a row.
  minFetchBytes: 2 * 1024 * 1024,
  maxFetchWait: 500,
  sessionTimeout: 20_000,
  concurrency: 4,
  maxPause: 10_000,
  maxRequestRowBytes: 256 * 1024 * 1024,
}

export interface KafkaConsumerOptions {
  readonly kafka: Kafka
  readonly group: string
  readonly topics: Topics
  /** For what goes to the dead-letter topic. */
  readonly outbox: Outbox
  readonly store: Pick<Store, 'insertNative' | 'insert' | 'query'>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Told when the brokers have answered. */
  readonly onAnswer: () => void
  /** Milliseconds that a record may be older, and newer, than its request. */
  readonly maxPast: number
  readonly maxFuture: number
  /** Milliseconds within which a request is recognised as a repeat; 0: never. */
  readonly repeatWindow: number
  readonly limits?: Partial<ConsumerLimits>
  /** What is removed before storing. */
  readonly scrubber: Scrubber
  /** What kinds of log lines are known. */
  readonly templates: LogTemplates
  /** How exceptions are told apart. */
  readonly exceptions?: FingerprintOptions
}

export interface KafkaConsumer {
  /** Finishes the batches under way and leaves the group. */
  close(): Promise<void>
}

/**
 * Joins the consumer group and stores what is in the topics, each batch exactly once (README.md tells how).
 * @throws PostflightError BROKER_UNREACHABLE
 */
export async function startKafkaConsumer(options: KafkaConsumerOptions): Promise<KafkaConsumer> {
  const consumer = new GroupConsumer(options)
  await consumer.start()
  return consumer
}

/** Where a partition stands, from when it was got until it is given up or something went wrong. */
interface Position {
  readonly ledger: RequestLedger
  /** The batch that a crash left behind, to be formed again before anything else. */
  left: Intent | undefined
  batch: Batch | undefined
}

type Payload = EachBatchPayload

/** The JavaScript thread is shared with the receiver: it gets a turn at least so often. */
const TURN = 20
const HEARTBEAT = 1_500
const RESTART_PAUSE = 2_000
/** Of a question to a broker, attempts included. */
const ANSWER_WITHIN = 30_000

class GroupConsumer implements KafkaConsumer {
  private readonly options: KafkaConsumerOptions
  private readonly limits: ConsumerLimits
  private readonly signals: ReadonlyMap<string, SignalKind>
  private consumer: Consumer | undefined
  private readonly admin: Admin
  private readonly lag: Lag
  private readonly decoder: RequestDecoder
  private readonly positions = new Map<string, Position>()
  private readonly spare = new Map<SignalKind, Batch[]>()
  private readonly hideLag: () => void
  private closing = false

  constructor(options: KafkaConsumerOptions) {
    this.options = options
    this.decoder = new RequestDecoder(options.scrubber, options.templates, options.exceptions)
    const { kafka, group, topics } = options
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.limits = limits
    this.signals = new Map(
      (Object.entries(topics.signals) as [SignalKind, string][]).map(([signal, topic]) => [topic, signal]),
    )
    this.admin = kafka.admin()
    this.lag = new Lag(this.admin, group, options.logger, options.onAnswer)
    this.hideLag = showKafkaLag(() => this.lag.partitions())
  }

  async start(): Promise<void> {
    try {
      await this.admin.connect()
      await this.join()
    } catch (error) {
      await this.close()
      throw brokerError(error, 'starting the consumer')
    }
    this.lag.start()
  }

  async close(): Promise<void> {
    this.closing = true
    this.hideLag()
    this.lag.stop()
    await this.leave()
    await within(ANSWER_WITHIN, this.admin.disconnect()).catch(() => {})
  }

  /** Joins the group, as a new member. */
  private async join(): Promise<void> {
    const { limits, options } = this
    const consumer = options.kafka.consumer({
      groupId: options.group,
      sessionTimeout: limits.sessionTimeout,
      heartbeatInterval: Math.min(3_000, limits.sessionTimeout / 3),
      maxBytesPerPartition: limits.maxFetchBytesEach,
      maxBytes: limits.maxFetchBytes,
      minBytes: limits.minFetchBytes,
      maxWaitTimeInMs: limits.maxFetchWait,
      allowAutoTopicCreation: false,
      // kafkajs gives up for ever after some errors, so that it is never left to it to begin again.
      retry: {
        initialRetryTime: 200,
        maxRetryTime: RESTART_PAUSE,
        retries: 5,
        restartOnFailure: async () => false,
      },
    })
    const { GROUP_JOIN, CRASH } = consumer.events
    consumer.on(GROUP_JOIN, ({ payload }) => {
      // Whoever had a partition meanwhile may have stored what is remembered here.
      this.positions.clear()
      this.lag.assigned(payload.memberAssignment)
    })
    consumer.on(CRASH, ({ payload }) => {
      if (consumer === this.consumer) void this.joinAgain(payload.error)
    })
    this.consumer = consumer
    await consumer.connect()
    await consumer.subscribe({ topics: [...this.signals.keys()], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: limits.concurrency,
      eachBatch: (payload) => this.eachBatch(payload),
    })
  }

  /** Brokers may be away for longer than any number of attempts, so there are as many as it takes. */
  private async joinAgain(reason: Error): Promise<void> {
    let error: unknown = reason
    while (error !== undefined && !this.closing) {
      this.options.logger.warn({ err: reasonOf(error, 'consuming') }, 'The Kafka consumer starts again')
      await this.leave()
      await sleep(RESTART_PAUSE)
      if (this.closing) return
      error = await this.join().then(
        () => undefined,
        (again: unknown) => again,
      )
    }
    if (this.closing) await this.leave()
  }

  private async leave(): Promise<void> {
    const { consumer } = this
    this.consumer = undefined
    if (consumer !== undefined) await within(ANSWER_WITHIN, consumer.disconnect()).catch(() => {})
  }

  /** Stores what was fetched of a partition; whatever is thrown, the messages since the last commit are fetched again. */
  private async eachBatch(payload: Payload): Promise<void> {
    const { topic, partition } = payload.batch
    const key = `${topic}/${partition}`
    try {
      await this.consume(payload, key)
    } catch (error) {
      this.positions.delete(key)
      if (error instanceof Stopped) return
      throw error
    }
  }

  private async consume(payload: Payload, key: string): Promise<void> {
    const { batch: fetched, resolveOffset } = payload
    let position = this.positions.get(key)
    if (position === undefined) {
      position = await this.position(payload)
      if (position === undefined) return
      this.positions.set(key, position)
    }
    let turn = performance.now()
    for (const message of fetched.messages) {
      if (position.left !== undefined && Number(message.offset) > position.left.last)
        await this.storeLeft(payload, position, position.left)
      position.batch ??= this.newBatch(fetched.topic)
      const { batch } = position
      batch.add(message, position.ledger)
      if (position.left === undefined) {
        if (batch.rows >= this.limits.maxRows || batch.byteLength >= this.limits.maxBytes)
          await this.storeNew(payload, position, batch)
      } else if (batch.last === position.left.last) await this.storeLeft(payload, position, position.left)
      if (performance.now() - turn > TURN) {
        await sleep(0)
        turn = performance.now()
      }
    }
    // A batch that was left behind may end beyond what was fetched: it goes on with the next fetch.
    if (position.left === undefined && position.batch !== undefined)
      await this.storeNew(payload, position, position.batch)
    resolveOffset(fetched.lastOffset())
    // A batch that goes on may still hold messages.
    if (position.batch === undefined)
      for (const { value } of fetched.messages) if (value !== null) free(value)
  }

  /** @returns undefined if the partition must be fetched again, from what is committed */
  private async position(payload: Payload): Promise<Position | undefined> {
    const { topic, partition, messages } = payload.batch
    const { admin, options } = this
    const [first] = messages as [KafkaMessage]
    const offset = Number(first.offset)
    const [told] = await within(
      ANSWER_WITHIN,
      groupOffsets(admin, { groupId: options.group, topics: [topic] }),
    )
    const committed = told?.partitions.find((one) => one.partition === partition)
    const at = Number(committed?.offset ?? -1)
    // Kafka's client says where it fetched from in a field that its types do not have.
    const { fetchedOffset } = payload.batch as unknown as { fetchedOffset: string }
    if (at >= 0 && Number(fetchedOffset) !== at) {
      this.consumer?.seek({ topic, partition, offset: String(at) })
      return undefined
    }
    const intent = intentFromMetadata(committed?.metadata)
    const left = intent?.first === at && offset <= intent.last ? intent : undefined
    if (at >= 0 && offset > at)
      options.logger.error(
        { topic, partition, committed: at, first: offset },
        'Messages were deleted before they were stored, or their offsets are not in use',
      )
    const receivedAt = Number(first.timestamp)
    const ledger = await this.persist(payload, () =>
      readLedger(options.store, options.repeatWindow, topic, partition, left?.first ?? offset, receivedAt),
    )
    return { ledger, left, batch: undefined }
  }

  private newBatch(topic: string): Batch {
    const signal = this.signals.get(topic) as SignalKind
    const { decoder, options, limits } = this
    const { maxPast, maxFuture, logger } = options
    return (
      this.spare.get(signal)?.pop() ??
      new Batch({
        signal,
        decoder,
        scrubber: this.options.scrubber,
        maxPast,
        maxFuture,
        maxRequestRowBytes: limits.maxRequestRowBytes,
        onDefect: (err, offset) => logger.error({ err, topic, offset }, 'A message broke the decoder'),
      })
    )
  }

  /** Says which messages are stored together, and stores them. */
  private async storeNew(payload: Payload, position: Position, batch: Batch): Promise<void> {
    const { topic, partition } = payload.batch
    const { first, last } = batch
    const token = `kafka/${topic}/${partition}/${first}-${last}/${batch.contentDigest}`
    await this.commit(payload, first, intentToMetadata({ first, last, token }))
    await this.store(payload, batch, token)
    position.batch = undefined
  }

  private async storeLeft(payload: Payload, position: Position, left: Intent): Promise<void> {
    const { batch } = position
    if (batch !== undefined) {
      const { topic, partition } = payload.batch
      this.options.logger.info({ topic, partition, ...left }, 'A batch that was left behind is stored again')
      await this.store(payload, batch, left.token)
    }
    position.left = undefined
    position.batch = undefined
  }

  private async store(payload: Payload, batch: Batch, token: string): Promise<void> {
    const { topic, partition } = payload.batch
    const { store } = this.options
    const stored = batch.blocks
      .filter((block) => block.rows > 0)
      .map((block) => this.persist(payload, () => this.insert(block, `${token}/${block.table}`)))
    if (batch.requests.length > 0 && this.options.repeatWindow > 0)
      stored.push(
        this.persist(payload, () => writeLedger(store, topic, partition, batch.requests, `${token}/ledger`)),
      )
    for (const poison of batch.poison)
      stored.push(this.persist(payload, () => this.putAside(poison, `${topic}/${partition}`)))
    await settled(stored)
    const { last, messages, repeats } = batch
    await this.commit(payload, last + 1, '')
    batch.report()
    kafkaMessagesRead(topic, 'dead_letter', batch.poison.length)
    kafkaMessagesRead(topic, 'repeat', repeats)
    kafkaMessagesRead(topic, 'stored', messages - repeats - batch.poison.length)
    payload.resolveOffset(String(last))
    batch.clear()
    this.keepForUse(topic, batch)
  }

  /** The whole message, with what was wrong with it and where it stood: once, or again after a crash. */
  private async putAside({ message, code, reason }: Poison, place: string): Promise<void> {
    const { outbox, topics, logger } = this.options
    const key = `${place}/${message.offset}`
    const told = { 'poison-origin': key, 'poison-code': code, 'poison-reason': reason }
    const headers = { ...message.headers, ...told } as Record<string, string>
    try {
      await outbox.send(topics.deadLetter, { key, value: message.value ?? Buffer.alloc(0), headers })
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error
      logger.error(
        { origin: key },
        'A message is too large for the dead-letter topic: its beginning is in dead_letter',
      )
    }
  }

  private async insert(block: Block, token: string): Promise<void> {
    const { store, clock } = this.options
    const begun = clock()
    try {
      await store.insertNative(block.table, block.columnNames(), block.encode(), {
        settings: INSERT_SETTINGS,
        token,
      })
    } catch (error) {
      blockInserted(block.table, 'failed', block.rows, clock() - begun)
      throw error
    }
    blockInserted(block.table, 'ok', block.rows, clock() - begun)
    textsReplaced(block.table, block.replacedTexts)
  }

  /**
   * Does `work` until it succeeds, however long ClickHouse is away: the messages are safe in Kafka, and the partition stays
   * ours as long as heartbeats go out.
   * @throws Stopped, or what the group says when the partition is to be given up
   */
  private async persist<T>(payload: Payload, work: () => Promise<T>): Promise<T> {
    const { topic, partition } = payload.batch
    const { logger } = this.options
    const alive = new Heart(payload)
    let held = false
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work()
        } catch (error) {
          if (!held) kafkaPartitionHeld(topic, 1)
          held = true
          const told = { err: error, topic, partition, attempt }
          if (mayPass(error)) logger.warn(told, 'A batch waits: ClickHouse does not take it now')
          else
            logger.error(
              told,
              'A batch waits: ClickHouse refuses it. Nothing is lost, but somebody must look',
            )
        }
        const until = performance.now() + Math.min(this.limits.maxPause, 100 * 2 ** Math.min(attempt, 10))
        while (performance.now() < until) {
          if (this.closing || !payload.isRunning()) throw new Stopped()
          alive.check()
          await sleep(100)
        }
      }
    } finally {
      alive.stop()
      if (held) kafkaPartitionHeld(topic, -1)
    }
  }

  private async commit({ batch, commitOffsetsIfNecessary }: Payload, offset: number, metadata: string) {
    const { topic, partition } = batch
    const partitions = [{ partition, offset: String(offset), metadata }]
    await within(ANSWER_WITHIN, commitOffsetsIfNecessary({ topics: [{ topic, partitions }] }))
    if (metadata === '') this.lag.committed(topic, partition, offset)
  }

  /** Blocks are used again, for new memory costs as much as filling it; ones that have grown far beyond their use are let go. */
  private keepForUse(topic: string, batch: Batch): void {
    const signal = this.signals.get(topic) as SignalKind
    const kept = this.spare.get(signal) ?? []
    this.spare.set(signal, kept)
    if (kept.length < this.limits.concurrency && batch.capacity <= 2 * this.limits.maxBytes) kept.push(batch)
  }
}

/** The consumer is closing: not an error, the rest is for whoever gets the partition. */
class Stopped extends Error {}

/** Tells the group that this consumer lives while it waits for something else. */
class Heart {
  private lost: unknown
  private readonly timer: NodeJS.Timeout

  constructor({ heartbeat }: Payload) {
    this.timer = setInterval(() => {
      heartbeat().catch((error: unknown) => {
        this.lost = error
      })
    }, HEARTBEAT)
  }

  /** @throws what the group answered to a heartbeat, such as that partitions are given out anew */
  check(): void {
    if (this.lost !== undefined) throw this.lost
  }

  stop(): void {
    clearInterval(this.timer)
  }
}

/** Waits for all, so that none is left unobserved, then throws the first failure. */
async function settled(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises))
    if (result.status === 'rejected') throw result.reason
}
