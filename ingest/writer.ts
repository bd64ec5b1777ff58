import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { PostflightError } from '../schemas/errors.ts'
import type { Store } from '../schemas/store/client.ts'
import type { Block, Mark } from './native/block.ts'
import { blockInserted, pendingChanged, textsReplaced } from './telemetry.ts'

export interface WriterLimits {
  /** Rows at which a block is sent without waiting. One insert is one block is one part a day of data, so large is good. */
  readonly maxRows: number
  /** Bytes of columns at which a block is sent without waiting. */
  readonly maxBytes: number
  /** Shortest and longest time that a block waits for more requests, milliseconds; in between, as long as the last insert took. */
  readonly minWait: number
  readonly maxWait: number
  /** Bytes gathered or being inserted, over all tables, from which on nothing more is taken in. */
  readonly maxPendingBytes: number
  /** How long a failing insert is repeated before its senders are told to send again, milliseconds. */
  readonly retryFor: number
}

export const DEFAULT_WRITER_LIMITS: WriterLimits = {
  maxRows: 500_000,
  maxBytes: 96 * 1024 * 1024,
  minWait: 10,
  maxWait: 100,
  maxPendingBytes: 192 * 1024 * 1024,
  // OTLP senders give up after 10 s.
  retryFor: 5_000,
}

export interface WriterOptions {
  readonly store: Pick<Store, 'insertNative'>
  readonly limits: WriterLimits
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** A text that no other insert has or had: the deduplication token of one block. */
  readonly newToken: () => string
}

/**
 * One insert must stay one block: a retry with the same token is recognised block by block. Skip indexes are built
 * when parts merge, for on insert they cost more than the rows.
 */
export const INSERT_SETTINGS = {
  async_insert: 0,
  // What a repeated insert finds missing in a rollup (its first attempt was cut off half-way) is filled, and nothing else.
  deduplicate_blocks_in_dependent_materialized_views: 1,
  materialize_skip_indexes_on_insert: 0,
  max_insert_block_size: 1_048_576,
  min_insert_block_size_rows: 0,
  min_insert_block_size_bytes: 0,
  // History comes with the times of many days; how many is bounded by what ages are accepted.
  max_partitions_per_insert_block: 0,
} as const

/** Refusals of ClickHouse that pass by themselves: timeouts, too many parts or queries, memory, disk, read-only. */
const PASSING = new Set(['159', '202', '209', '210', '241', '242', '243', '252', '319', '425', '999'])

interface Batch<Of extends Block> {
  readonly block: Of
  readonly waiters: { resolve: () => void; reject: (error: unknown) => void }[]
  /** Bytes counted as pending. */
  bytes: number
  due: number
}

/** The way into one table: the block being gathered, and at most one that is being inserted. */
export class Lane<Of extends Block> {
  private readonly writer: Writer
  private readonly newBlock: () => Of
  private readonly requestMark: Mark
  private open: Batch<Of>
  private spare: Of | undefined
  private sending: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private lastInsert = 0

  constructor(writer: Writer, newBlock: () => Of) {
    this.writer = writer
    this.newBlock = newBlock
    this.open = { block: newBlock(), waiters: [], bytes: 0, due: 0 }
    this.requestMark = this.open.block.newMark()
  }

  /** The block to append a request's rows to, without waiting for anything in between; then `commit` or `undo`. */
  begin(): Of {
    this.open.block.mark(this.requestMark)
    return this.open.block
  }

  undo(): void {
    this.open.block.rollback(this.requestMark)
  }

  /** Settles once ClickHouse has all rows appended since `begin`. @throws PostflightError */
  async commit(): Promise<void> {
    const { open, writer } = this
    const first = open.waiters.length === 0
    const { block } = open
    if (block.rows === this.requestMark.at(-1)) return
    const bytes = block.byteLength
    writer.addPending(bytes - open.bytes)
    open.bytes = bytes
    const done = new Promise<void>((resolve, reject) => open.waiters.push({ resolve, reject }))
    if (block.rows >= writer.limits.maxRows || bytes >= writer.limits.maxBytes) open.due = 0
    else if (first) {
      const { minWait, maxWait } = writer.limits
      open.due = writer.clock() + Math.min(maxWait, Math.max(minWait, this.lastInsert))
    }
    this.schedule()
    await done
  }

  /** Sends what is gathered now and waits until nothing is left. */
  async drain(): Promise<void> {
    while (this.open.waiters.length > 0 || this.sending !== undefined) {
      this.open.due = 0
      this.schedule()
      await this.sending
    }
  }

  private schedule(): void {
    if (this.sending !== undefined || this.open.waiters.length === 0) return
    const wait = this.open.due - this.writer.clock()
    if (wait <= 0) {
      clearTimeout(this.timer)
      this.timer = undefined
      this.sending = this.send()
    } else if (this.timer === undefined) {
      this.timer = setTimeout(() => {
        this.timer = undefined
        // Timers may fire a little before the clock says so.
        this.open.due = 0
        this.schedule()
      }, wait)
    }
  }

  private async send(): Promise<void> {
    const batch = this.open
    this.open = { block: this.spare ?? this.newBlock(), waiters: [], bytes: 0, due: 0 }
    this.spare = undefined
    const begun = this.writer.clock()
    try {
      await this.writer.insert(batch.block)
      for (const waiter of batch.waiters) waiter.resolve()
    } catch (error) {
      for (const waiter of batch.waiters) waiter.reject(error)
    } finally {
      this.lastInsert = this.writer.clock() - begun
      this.writer.addPending(-batch.bytes)
      batch.block.clear()
      // Blocks are used again, for new memory costs as much as filling it; one that has grown far beyond its use is let go.
      if (batch.block.capacity <= 2 * this.writer.limits.maxBytes) this.spare = batch.block
      this.sending = undefined
      this.schedule()
    }
  }
}

/**
 * Gathers the rows of many requests into large blocks and inserts them: a request is acknowledged when ClickHouse has
 * the block that its rows are in.
 */
export class Writer {
  readonly limits: WriterLimits
  readonly clock: () => number
  private readonly options: WriterOptions
  private readonly lanes: Lane<Block>[] = []
  private pending = 0
  private closed = false

  constructor(options: WriterOptions) {
    this.options = options
    this.limits = options.limits
    this.clock = options.clock
  }

  lane<Of extends Block>(newBlock: () => Of): Lane<Of> {
    const lane = new Lane(this, newBlock)
    this.lanes.push(lane as unknown as Lane<Block>)
    return lane
  }

  /** Bytes of rows gathered or being inserted. */
  get pendingBytes(): number {
    return this.pending
  }

  /** @throws PostflightError OVERLOADED if no more may be gathered now */
  admit(bytes: number): void {
    if (this.closed)
      throw new PostflightError('OVERLOADED', 'Postflight is stopping', { hint: 'Send again later.' })
    if (this.pending + bytes > this.limits.maxPendingBytes) {
      throw new PostflightError('OVERLOADED', `${this.pending} bytes are waiting for ClickHouse already`, {
        hint: 'Send again later; if this lasts, ClickHouse is too slow for what is sent.',
      })
    }
  }

  addPending(bytes: number): void {
    this.pending += bytes
    pendingChanged(bytes)
  }

  /** Stops taking in, and waits for what was taken. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all(this.lanes.map((lane) => lane.drain()))
  }

  /** Inserts a block, repeating it with the same token while the failure may pass. @throws PostflightError */
  async insert(block: Block): Promise<void> {
    const { store, logger, clock, newToken, limits } = this.options
    const columns = block.columns.map((column) => column.name)
    const token = newToken()
    const begun = clock()
    textsReplaced(block.table, block.replacedTexts)
    for (let attempt = 1; ; attempt++) {
      try {
        await store.insertNative(block.table, columns, block.encode(), { settings: INSERT_SETTINGS, token })
        blockInserted(block.table, 'ok', block.rows, clock() - begun)
        return
      } catch (error) {
        const pause = Math.min(1000, 50 * 2 ** attempt)
        if (!mayPass(error) || clock() + pause - begun > limits.retryFor || this.closed) {
          blockInserted(block.table, 'failed', block.rows, clock() - begun)
          logger.error({ err: error, table: block.table, rows: block.rows, attempt }, 'insert failed')
          throw error
        }
        logger.warn(
          { err: error, table: block.table, rows: block.rows, attempt },
          'insert failed, trying again',
        )
        await sleep(pause)
      }
    }
  }
}

/** True if the same insert may succeed later with nothing changed. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof PostflightError)) return false
  return error.retryable || PASSING.has(String(error.details['clickhouseCode'] ?? ''))
}
