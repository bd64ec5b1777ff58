import type { Logger } from 'pino'
import type { Store } from '../../schemas/store/client.ts'
import type { Batch } from '../batch.ts'
import { writeDeadLetter } from '../dead-letter.ts'
import { type ExactlyOnce, TABLES } from '../exactly-once/exactly-once.ts'
import { keyOf, markOf, type RequestMark } from '../exactly-once/request-mark.ts'
import type { FingerprintOptions } from '../exceptions/fingerprint.ts'
import { Intake, type Rejection, type SignalKind } from '../intake.ts'
import type { Lane } from '../lane.ts'
import type { LogTemplates } from '../log-templates/log-templates.ts'
import type { Block } from '../native/block.ts'
import { Unreadable } from '../protobuf/unreadable.ts'
import { BLOCKS_OF, RequestDecoder } from '../request-decoder.ts'
import { Scrubber } from '../scrub/scrubber.ts'
import { DeadLetterBlock } from '../tables/dead-letter.ts'
import { recordsAcknowledged, recordsDeadLettered, requestRepeated } from '../telemetry.ts'
import { Writer } from '../writer.ts'
import { DEFAULT_WRITER_LIMITS, type WriterLimits } from '../writer-limits.ts'
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
  /** How exceptions are told apart. */
  readonly exceptions?: FingerprintOptions
  readonly writer?: Partial<WriterLimits>
  /** Left out, a request that is repeated is stored again. */
  readonly exactlyOnce?: ExactlyOnce
  /** What is removed before storing; left out: the built-in rules. */
  readonly scrubber?: Scrubber
  /** What kinds of log lines are known; left out: none. */
  readonly templates?: LogTemplates
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
  readonly readsAtOnce = true
  private readonly options: DirectTransportOptions
  private readonly writer: Writer
  private readonly lanes: Readonly<Record<SignalKind, readonly Lane<Block>[]>>
  private readonly deadLetters: Lane<DeadLetterBlock>
  /** Requests whose rows are on their way, by mark and table. */
  private readonly underWay = new Map<string, Map<number, Batch<Block>>>()
  private readonly scrubber: Scrubber
  private readonly decoder: RequestDecoder

  constructor(options: DirectTransportOptions) {
    this.options = options
    this.scrubber = options.scrubber ?? new Scrubber()
    this.decoder = new RequestDecoder(this.scrubber, options.templates, options.exceptions)
    const { store, logger, clock, newToken } = options
    const limits = { ...DEFAULT_WRITER_LIMITS, ...options.writer }
    this.writer = new Writer({
      store,
      logger,
      clock,
      newToken,
      limits,
      ...(options.exactlyOnce === undefined
        ? {}
        : { journal: options.exactlyOnce.journal, markedTables: TABLES }),
    })
    const lanesOf = (signal: SignalKind) => BLOCKS_OF[signal].map((newBlock) => this.writer.lane(newBlock))
    this.lanes = { logs: lanesOf('logs'), traces: lanesOf('traces'), metrics: lanesOf('metrics') }
    this.deadLetters = this.writer.lane(() => new DeadLetterBlock())
  }

  admit(bytes: number): void {
    this.writer.admit(bytes)
  }

  // Everything that reads the body comes before the first wait: see `readsAtOnce`.
  send(request: TelemetryRequest): Promise<Acknowledgement> {
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
      const refused = error instanceof Unreadable ? this.refuse(request, error) : Promise.resolve()
      return refused.then(() => Promise.reject(error))
    }
    // Nothing was awaited since the first row was appended, so the rows are all in blocks not yet sent.
    const mark = this.markOf(request, intake)
    const outcomes = touched.map((lane) => this.store(lane, mark))
    outcomes.push(this.keep(request, intake.rejections, mark))
    return acknowledged(request.signal, request.body.length, intake, outcomes)
  }

  async refuse(request: TelemetryRequest, reason: Unreadable): Promise<void> {
    const { code, field, message } = reason
    const { body: payload, contentType } = request
    const mark = this.options.exactlyOnce === undefined ? undefined : markOf(request)
    await this.keep(request, [{ code, field, message, payload, contentType }], mark).stored
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

  /** Undefined if a repeated request is not to be known. */
  private markOf(request: TelemetryRequest, intake: Intake): RequestMark | undefined {
    return this.options.exactlyOnce === undefined || intake.untimed ? undefined : markOf(request)
  }

  /** Stores what was appended to a lane, unless it came before: then its fate is that of the first time. */
  private store(lane: Lane<Block>, mark: RequestMark | undefined): Outcome {
    const { exactlyOnce, clock } = this.options
    const table = TABLES.get(lane.table)
    // Templates are not a request's own: they are written again as often as it takes.
    if (exactlyOnce === undefined || mark === undefined || table === undefined)
      return { known: false, stored: lane.commit() }
    const { ledger } = exactlyOnce
    const key = keyOf(mark)
    const before = this.underWay.get(key)?.get(table)
    if (before !== undefined || ledger.has(mark, table, clock())) {
      lane.undo()
      return { known: true, stored: before?.stay() ?? Promise.resolve() }
    }
    const batch = lane.append(mark)
    if (batch === undefined) return { known: false, stored: Promise.resolve() }
    const tables = this.underWay.get(key) ?? new Map<number, Batch<Block>>()
    this.underWay.set(key, tables.set(table, batch))
    void batch.done.then((stored) => {
      if (stored) ledger.add(mark, table, clock())
      tables.delete(table)
      if (tables.size === 0) this.underWay.delete(key)
    })
    return { known: false, stored: batch.stay() }
  }

  /** Puts the rejected records into the dead-letter table. */
  private keep(
    request: TelemetryRequest,
    rejections: readonly Rejection[],
    mark: RequestMark | undefined,
  ): Outcome {
    if (rejections.length === 0) return { known: false, stored: Promise.resolve() }
    const block = this.deadLetters.begin()
    const { signal, sender } = request
    for (const rejection of rejections) {
      writeDeadLetter(block, request.receivedAt, { ...rejection, signal, sender }, this.scrubber)
    }
    const { known, stored } = this.store(this.deadLetters as unknown as Lane<Block>, mark)
    const counted = stored.then(() => {
      if (known) return
      for (const [code, count] of countByCode(rejections)) recordsDeadLettered(signal, code, count)
    })
    return { known, stored: counted }
  }
}

interface Outcome {
  /** True if these rows came before. */
  readonly known: boolean
  /** Settles once they are stored. */
  readonly stored: Promise<void>
}

/** Settles once everything of a request is stored. */
async function acknowledged(
  signal: SignalKind,
  bytes: number,
  intake: Intake,
  outcomes: readonly Outcome[],
): Promise<Acknowledgement> {
  if (outcomes.some(({ known }) => known)) requestRepeated(signal)
  await allDone(outcomes.map(({ stored }) => stored))
  const stored = outcomes.slice(0, -1).some(({ known }) => known) ? 0 : intake.accepted
  recordsAcknowledged(signal, stored, bytes)
  return {
    accepted: intake.accepted,
    rejected: intake.rejections.length,
    message: inWords(intake.rejections),
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
