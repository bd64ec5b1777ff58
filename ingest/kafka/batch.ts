import { createHash, type Hash } from 'node:crypto'
import type { KafkaMessage } from 'kafkajs'
import { writeDeadLetter } from '../dead-letter.ts'
import { Intake, type SignalKind } from '../intake.ts'
import type { Block, Mark } from '../native/block.ts'
import { TooLarge, Unreadable } from '../protobuf/unreadable.ts'
import { BLOCKS_OF, type RequestDecoder } from '../request-decoder.ts'
import type { Scrubber } from '../scrub/scrubber.ts'
import { DeadLetterBlock } from '../tables/dead-letter.ts'
import { recordsAcknowledged, recordsDeadLettered } from '../telemetry.ts'
import { type Delivery, fromMessage } from './message.ts'
import type { RequestLedger, StoredRequest } from './request-ledger.ts'

/** A message that nothing could be made of. */
export interface Poison {
  readonly message: KafkaMessage
  readonly code: string
  readonly reason: string
}

export interface BatchOptions {
  readonly signal: SignalKind
  readonly decoder: RequestDecoder
  /** For dead letters; the decoder has its own. */
  readonly scrubber: Scrubber
  /** Milliseconds that a record may be older, and newer, than its request. */
  readonly maxPast: number
  readonly maxFuture: number
  /** What one request may become as rows, bytes. */
  readonly maxRequestRowBytes: number
  /** Told of a message that broke the decoder in a way that should not be. */
  readonly onDefect: (error: unknown, offset: number) => void
}

/**
 * Messages of one partition as rows, to be stored together. What becomes of a message depends on it, on the ledger and on
 * nothing else (neither clock nor chance), so that a batch formed again is the same.
 */
export class Batch {
  readonly blocks: readonly Block[]
  readonly requests: StoredRequest[] = []
  readonly poison: Poison[] = []
  first = -1
  last = -1
  messages = 0
  repeats = 0
  private readonly options: BatchOptions
  private readonly deadLetters = new DeadLetterBlock()
  private readonly decoded: readonly Block[]
  private readonly marks: readonly Mark[]
  private digest: Hash = createHash('sha256')
  private accepted = 0
  private bytes = 0
  private rejected = new Map<string, number>()

  constructor(options: BatchOptions) {
    this.options = options
    this.decoded = BLOCKS_OF[options.signal].map((newBlock) => newBlock())
    this.blocks = [...this.decoded, this.deadLetters]
    this.marks = this.decoded.map((block) => block.newMark())
  }

  get rows(): number {
    return Math.max(...this.blocks.map((block) => block.rows))
  }

  get byteLength(): number {
    return this.blocks.reduce((sum, block) => sum + block.byteLength, 0)
  }

  get capacity(): number {
    return this.blocks.reduce((sum, block) => sum + block.capacity, 0)
  }

  /** What this batch's messages are known by. */
  get contentDigest(): string {
    return this.digest.copy().digest('hex').slice(0, 16)
  }

  add(message: KafkaMessage, ledger: RequestLedger): void {
    const offset = Number(message.offset)
    if (this.messages === 0) this.first = offset
    this.last = offset
    this.messages++
    this.digest.update(`${offset} ${message.key} ${message.timestamp}\n`)
    let delivery: Delivery
    try {
      delivery = fromMessage(message)
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      this.poisoned(message, error.code, error.message, error.field)
      return
    }
    const { hash, request, refused } = delivery
    if (ledger.has(hash, request.receivedAt)) {
      this.repeats++
      return
    }
    ledger.add(hash, request.receivedAt)
    this.requests.push({ offset, hash, receivedAt: request.receivedAt })
    if (refused === undefined) this.decode(message, delivery)
    else
      this.letter(delivery, refused.code, refused.field, refused.message, request.body, request.contentType)
  }

  /** To be called once everything is stored. */
  report(): void {
    const { signal } = this.options
    recordsAcknowledged(signal, this.accepted, this.bytes)
    for (const [code, count] of this.rejected) recordsDeadLettered(signal, code, count)
  }

  clear(): void {
    for (const block of this.blocks) block.clear()
    this.requests.length = 0
    this.poison.length = 0
    this.first = -1
    this.last = -1
    this.messages = 0
    this.repeats = 0
    this.digest = createHash('sha256')
    this.accepted = 0
    this.bytes = 0
    this.rejected = new Map()
  }

  private decode(message: KafkaMessage, delivery: Delivery): void {
    const { options, decoded, marks } = this
    const { request } = delivery
    const intake = new Intake(
      request.receivedAt,
      options.maxPast,
      options.maxFuture,
      options.maxRequestRowBytes,
    )
    for (const [i, block] of decoded.entries()) block.mark(marks[i] as Mark)
    try {
      if (request.signal !== options.signal)
        throw new Unreadable(
          'MESSAGE_INVALID',
          'signal',
          `${request.signal} in the topic of ${options.signal}`,
        )
      options.decoder.decode(request, decoded, intake)
    } catch (error) {
      for (const [i, block] of decoded.entries()) block.rollback(marks[i] as Mark)
      if (error instanceof Unreadable)
        this.poisoned(message, error.code, error.message, error.field, delivery)
      else if (error instanceof TooLarge) this.poisoned(message, 'TOO_LARGE', error.message, '', delivery)
      else {
        options.onDefect(error, Number(message.offset))
        this.poisoned(
          message,
          'INTERNAL',
          error instanceof Error ? error.message : String(error),
          '',
          delivery,
        )
      }
      return
    }
    for (const { code, field, message: told, payload, contentType } of intake.rejections)
      this.letter(delivery, code, field, told, payload, contentType)
    this.accepted += intake.accepted
    this.bytes += request.body.length
  }

  /** The whole message goes to the dead-letter topic, and its beginning to the dead-letter table, where people look. */
  private poisoned(
    message: KafkaMessage,
    code: string,
    reason: string,
    field: string,
    delivery?: Delivery,
  ): void {
    this.poison.push({ message, code, reason })
    const request = delivery?.request ?? {
      signal: this.options.signal,
      contentType: 'application/octet-stream',
      sender: '',
      receivedAt: Number(message.timestamp),
      body: message.value ?? Buffer.alloc(0),
    }
    this.letter({ request }, code, field, reason, request.body, request.contentType)
  }

  private letter(
    { request }: { readonly request: { readonly sender: string; readonly receivedAt: number } },
    code: string,
    field: string,
    message: string,
    payload: Buffer,
    contentType: string,
  ): void {
    const { sender, receivedAt } = request
    const { signal, scrubber } = this.options
    const told = { signal, code, field, message, contentType, sender, payload }
    writeDeadLetter(this.deadLetters, receivedAt, told, scrubber)
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + 1)
  }
}
