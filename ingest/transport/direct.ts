import type { Logger } from 'pino'
import type { Store } from '../../schemas/store/client.ts'
import { writeDeadLetter } from '../dead-letter.ts'
import { Intake, type Rejection, type SignalKind } from '../intake.ts'
import type { Block } from '../native/block.ts'
import { Unreadable } from '../protobuf/unreadable.ts'
import { BLOCKS_OF, RequestDecoder } from '../request-decoder.ts'
import { DeadLetterBlock } from '../tables/dead-letter.ts'
import { recordsAcknowledged, recordsDeadLettered } from '../telemetry.ts'
import { DEFAULT_WRITER_LIMITS, type Lane, Writer, type WriterLimits } from '../writer.ts'
import type { Acknowledgement, TelemetryRequest, Transport } from './transport.ts'

export interface DirectTransportOptions {
  readonly store: Pick<Store, 'insertNative'>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Makes texts that never repeat, such as random UUIDs. */
  readonly newToken: () => string
  /** How old a record may be, milliseconds. */
  readonly maxPast?: number
  /** How far ahead of the clock a record may be, milliseconds. */
  readonly maxFuture?: number
  /** What one request may become as rows, bytes. */
  readonly maxRequestRowBytes?: number
  readonly writer?: Partial<WriterLimits>
}

const HOUR = 3_600_000
/** History is loaded with past times. */
const DEFAULT_MAX_PAST = 400 * 24 * HOUR
const DEFAULT_MAX_FUTURE = HOUR
/** Every record gets its resource's attributes, so rows are larger than the request. */
const DEFAULT_MAX_REQUEST_ROW_BYTES = 256 * 1024 * 1024

/** Decodes requests straight into the blocks that the writer gathers; acknowledged when ClickHouse has them. */
export function createDirectTransport(options: DirectTransportOptions): Transport {
  return new DirectTransport(options)
}

class DirectTransport implements Transport {
  private readonly options: DirectTransportOptions
  private readonly writer: Writer
  private readonly lanes: Readonly<Record<SignalKind, readonly Lane<Block>[]>>
  private readonly deadLetters: Lane<DeadLetterBlock>
  private readonly decoder = new RequestDecoder()

  constructor(options: DirectTransportOptions) {
    this.options = options
    const { store, logger, clock, newToken } = options
    const limits = { ...DEFAULT_WRITER_LIMITS, ...options.writer }
    this.writer = new Writer({ store, logger, clock, newToken, limits })
    const lanesOf = (signal: SignalKind) => BLOCKS_OF[signal].map((newBlock) => this.writer.lane(newBlock))
    this.lanes = { logs: lanesOf('logs'), traces: lanesOf('traces'), metrics: lanesOf('metrics') }
    this.deadLetters = this.writer.lane(() => new DeadLetterBlock())
  }

  admit(bytes: number): void {
    this.writer.admit(bytes)
  }

  async send(request: TelemetryRequest): Promise<Acknowledgement> {
    const { options } = this
    const intake = new Intake(
      request.receivedAt,
      options.maxPast ?? DEFAULT_MAX_PAST,
      options.maxFuture ?? DEFAULT_MAX_FUTURE,
      options.maxRequestRowBytes ?? DEFAULT_MAX_REQUEST_ROW_BYTES,
    )
    let touched: readonly Lane<Block>[]
    try {
      touched = this.decode(request, intake)
    } catch (error) {
      if (error instanceof Unreadable) await this.refuse(request, error)
      throw error
    }
    // Nothing was awaited since the first row was appended, so the rows are all in blocks not yet sent.
    const stored = touched.map((lane) => lane.commit())
    stored.push(this.keep(request, intake.rejections))
    await allDone(stored)
    recordsAcknowledged(request.signal, intake.accepted, request.body.length)
    return {
      accepted: intake.accepted,
      rejected: intake.rejections.length,
      message: inWords(intake.rejections),
    }
  }

  async refuse(request: TelemetryRequest, reason: Unreadable): Promise<void> {
    const { code, field, message } = reason
    const { body: payload, contentType } = request
    await this.keep(request, [{ code, field, message, payload, contentType }])
  }

  async close(): Promise<void> {
    await this.writer.close()
  }

  /** Appends the request's rows; if it is broken as a whole, none of them. */
  private decode(request: TelemetryRequest, intake: Intake): readonly Lane<Block>[] {
    const lanes = this.lanes[request.signal]
    const blocks = lanes.map((lane) => lane.begin())
    try {
      this.decoder.decode(request, blocks, intake)
    } catch (error) {
      for (const lane of lanes) lane.undo()
      throw error
    }
    return lanes
  }

  /** Settles once the rejected records are in the dead-letter table. */
  private async keep(request: TelemetryRequest, rejections: readonly Rejection[]): Promise<void> {
    if (rejections.length === 0) return
    const block = this.deadLetters.begin()
    for (const rejection of rejections) {
      writeDeadLetter(block, request.receivedAt, {
        ...rejection,
        signal: request.signal,
        sender: request.sender,
      })
    }
    await this.deadLetters.commit()
    for (const [code, count] of countByCode(rejections)) recordsDeadLettered(request.signal, code, count)
  }
}

/** Waits for all, so that none is left unobserved, then throws the first failure. */
async function allDone(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function countByCode(rejections: readonly Rejection[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { code } of rejections) counts.set(code, (counts.get(code) ?? 0) + 1)
  return counts
}

/** Each reason once, with an example: what a sender's log shows of it. */
function inWords(rejections: readonly Rejection[]): string {
  const reasons = [...countByCode(rejections)].map(([code, count]) => {
    const example = rejections.find((rejection) => rejection.code === code)
    return `${count} x ${code}${example?.field ? ` (${example.field})` : ''}: ${example?.message}`
  })
  return reasons.length === 0 ? '' : `Not stored, kept in dead_letter: ${reasons.join('; ')}`
}
