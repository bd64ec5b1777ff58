import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { PostflightError } from '../schemas/errors.ts'
import type { Store } from '../schemas/store/client.ts'
import type { InsertJournal } from './exactly-once/insert-journal.ts'
import type { Block, Mark } from './native/block.ts'
import { blockInserted, pendingChanged, textsReplaced } from './telemetry.ts'

export interface WriterLimits {
  /** Rows at which a block is sent without waiting. One insert is one block is one part a day of data, so large is good. */
  readonly maxRows: number
  /** Bytes of columns at which a block is sent without waiting. */
  readonly maxBytes: number
  /** Shortest and longest time that a block waits for more requests, milliseconds; in between, the more the larger the last block was, and at most as long as its insert took. */
  readonly minWait: number
  readonly maxWait: number
  /** Bytes gathered or being inserted, over all tables, from which on nothing more is taken in. */
  readonly maxPendingBytes: number
  /** How long a failing insert is repeated before its senders are told to send again, milliseconds. */
  readonly retryFor: number
  /** Time after which an insert that ClickHouse refused is tried again, milliseconds. */
  readonly refusedPause: number
}

export const DEFAULT_WRITER_LIMITS: WriterLimits = {
  maxRows: 500_000,
  // Some 60 thousand logs. Larger ones insert for a tenth less CPU, and what is held of them doubles what the process takes.
  maxBytes: 24 * 1024 * 1024,
  minWait: 10,
  maxWait: 100,
  maxPendingBytes: 48 * 1024 * 1024,
  // OTLP senders give up after 10 s.
  retryFor: 5_000,
  refusedPause: 5_000,
}

export interface WriterOptions {
  readonly store: Pick<Store, 'insertNative'>
  readonly limits: WriterLimits
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** A text that no other insert has or had: the deduplication token of one block. */
  readonly newToken: () => string
  /** Where inserts are noted until they are done; left out, a crash in the middle of one may leave it half done. */
  readonly journal?: Pick<InsertJournal, 'write' | 'remove'>
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

/** Refusals of ClickHouse that pass by themselves: no file of rows, timeouts, too many parts or queries, memory, disk, read-only. */
const PASSING = new Set(['107', '159', '202', '209', '210', '241', '242', '243', '252', '319', '425', '999'])

interface Waiter {
  readonly since: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The rows of one insert, and those who wait for it. */
export class Batch<Of extends Block> {
  readonly block: Of
  /** True once ClickHouse has the rows; false if they were let go. */
  readonly done: Promise<boolean>
  /** Bytes counted as pending. */
  bytes = 0
  due = 0
  private readonly clock: () => number
  private waiters: Waiter[] = []
  private stored = false
  private readonly settle: (stored: boolean) => void

  constructor(block: Of, clock: () => number) {
    this.block = block
    this.clock = clock
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.done = promise
    this.settle = resolve
  }

  /** Settles once ClickHouse has the rows. @throws PostflightError when that takes too long: they may get there all the same */
  async stay(): Promise<void> {
    if (this.stored) return
    await new Promise<void>((resolve, reject) => {
      this.waiters.push({ since: this.clock(), resolve, reject })
    })
  }

  /** Tells those who have waited since `time` or longer. */
  fail(error: unknown, time = Number.POSITIVE_INFINITY): void {
    const late = this.waiters.filter(({ since }) => since <= time)
    this.waiters = this.waiters.filter(({ since }) => since > time)
    for (const waiter of late) waiter.reject(error)
  }

  finish(): void {
    this.stored = true
    this.settle(true)
    for (const waiter of this.waiters) waiter.resolve()
    this.waiters = []
  }

  letGo(error: unknown): void {
    this.settle(false)
    this.fail(error)
  }
}

/** A block of a fourth of the largest size is large: it waits as long as one can, until it is half of what is under way. */
const LARGE_SHARE = 4

/** Blocks that ClickHouse refuses and that one table goes on beside. */
const MAX_REFUSED = 4

/** The way into one table: the block being gathered, and at most one that is being inserted. */
export class Lane<Of extends Block> {
  readonly table: string
  private readonly writer: Writer
  private readonly newBlock: () => Of
  private readonly requestMark: Mark
  private open: Batch<Of>
  private spare: Of | undefined
  private sending: Promise<void> | undefined
  private refused = 0
  private timer: NodeJS.Timeout | undefined
  /** Of the last block: milliseconds that its insert took, its size, and that together with what had been gathered meanwhile. */
  private lastInsert = 0
  private lastBytes = 0
  private lastUnderWay = 0

  constructor(writer: Writer, newBlock: () => Of) {
    this.writer = writer
    this.newBlock = newBlock
    this.open = new Batch(newBlock(), writer.clock)
    this.table = this.open.block.table
    this.requestMark = this.open.block.newMark()
  }

  /** The block to append a request's rows to, without waiting for anything in between; then `commit`, `append` or `undo`. */
  begin(): Of {
    this.open.block.mark(this.requestMark)
    return this.open.block
  }

  undo(): void {
    this.open.block.rollback(this.requestMark)
  }

  /** Settles once ClickHouse has all rows appended since `begin`. @throws PostflightError */
  async commit(): Promise<void> {
    await this.append()?.stay()
  }

  /**
   * Leaves the rows appended since `begin` to be inserted.
   * @param mark what their request is known by
   * @returns undefined if there are none
   */
  append(mark?: Buffer): Batch<Of> | undefined {
    const { open, writer } = this
    const { block } = open
    const before = this.requestMark.at(-1) as number
    if (block.rows === before) return undefined
    if (mark !== undefined) block.requests.set(before, mark)
    const bytes = block.byteLength
    writer.addPending(bytes - open.bytes)
    open.bytes = bytes
    if (this.isFull(open)) open.due = 0
    else if (before === 0) open.due = writer.clock() + this.wait()
    this.schedule()
    return open
  }

  /** Sends what is gathered now and waits until nothing is left. */
  async drain(): Promise<void> {
    while (this.open.block.rows > 0 || this.sending !== undefined) {
      this.open.due = 0
      this.schedule()
      await this.sending
    }
  }

  /** Tells those who have waited since `time` or longer for the block being gathered. */
  failOlder(error: unknown, time: number): void {
    this.open.fail(error, time)
  }

  /**
   * Senders wait for their block, so what is under way is bounded by how many there are. If all of it went into one block, nobody would be left to fill the next
   * while that is inserted: half of it goes.
   */
  private isFull({ block, bytes }: Batch<Of>): boolean {
    const { maxRows, maxBytes } = this.writer.limits
    return (
      block.rows >= maxRows ||
      bytes >= Math.min(maxBytes, Math.max(maxBytes / LARGE_SHARE, this.lastUnderWay / 2))
    )
  }

  /**
   * An insert costs the more for a row the fewer it brings. Where little comes that is no matter, and senders are answered soon; where much comes, blocks
   * wait to become larger.
   */
  private wait(): number {
    const { minWait, maxWait, maxBytes } = this.writer.limits
    const pressure = Math.min(1, (LARGE_SHARE * this.lastBytes) / maxBytes)
    return Math.min(maxWait, Math.max(minWait, this.lastInsert * pressure))
  }

  private schedule(): void {
    if (this.sending !== undefined || this.open.block.rows === 0) return
    const wait = this.open.due - this.writer.clock()
    if (wait <= 0) {
      clearTimeout(this.timer)
      this.timer = undefined
      this.send()
    } else if (this.timer === undefined) {
      this.timer = setTimeout(() => {
        this.timer = undefined
        // Timers may fire a little before the clock says so.
        this.open.due = 0
        this.schedule()
      }, wait)
    }
  }

  private send(): void {
    const batch = this.open
    this.open = new Batch(this.spare ?? this.newBlock(), this.writer.clock)
    this.spare = undefined
    const begun = this.writer.clock()
    const { bytes } = batch
    const { promise, resolve } = Promise.withResolvers<void>()
    this.sending = promise
    let wasRefused = false
    const goOn = () => {
      this.lastInsert = this.writer.clock() - begun
      this.lastBytes = bytes
      this.lastUnderWay = bytes + this.open.bytes
      if (this.isFull(this.open)) this.open.due = 0
      this.sending = undefined
      resolve()
      this.schedule()
    }
    const onRefused = () => {
      if (wasRefused || this.refused >= MAX_REFUSED) return
      wasRefused = true
      this.refused++
      goOn()
    }
    void this.writer.insert(batch, this, onRefused).finally(() => {
      this.writer.addPending(-batch.bytes)
      batch.block.clear()
      // Blocks are used again, for new memory costs as much as filling it; one that has grown far beyond its use is let go.
      if (batch.block.capacity <= 2 * this.writer.limits.maxBytes) this.spare = batch.block
      if (wasRefused) this.refused--
      else goOn()
    })
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
  private readonly removals = new Set<Promise<void>>()
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
    await Promise.all(this.removals)
  }

  /**
   * Inserts a block, repeating it with the same token until ClickHouse has it. Those who wait are told when that takes long or
   * when ClickHouse refuses; the block stays all the same, for what became of the insert is not known, and a repeated
   * request must find it. Without a journal it is let go then, for its senders send it again.
   */
  async insert<Of extends Block>(batch: Batch<Of>, lane: Lane<Of>, onRefused: () => void): Promise<void> {
    const { store, logger, clock, newToken, limits, journal } = this.options
    const { block } = batch
    const { table, rows, columnNames: columns } = block
    const body = block.encode()
    const token = newToken()
    const begun = clock()
    textsReplaced(table, block.replacedTexts)
    let file: string | undefined
    for (let attempt = 1; ; attempt++) {
      try {
        file ??= await journal?.write({ token, table, columns, body })
        // Whatever became of the file, memory has the rows: a repeated insert does not rely on it.
        const from = file === undefined || attempt > 1 ? {} : { file }
        await store.insertNative(table, columns, body, { settings: INSERT_SETTINGS, token, ...from })
        break
      } catch (error) {
        const passing = mayPass(error)
        const pause = passing ? Math.min(1000, 50 * 2 ** attempt) : limits.refusedPause
        const late = clock() + pause - begun > limits.retryFor
        const about = { err: error, table, rows, attempt }
        if (this.closed || (journal === undefined && (late || !passing))) {
          blockInserted(table, 'failed', rows, clock() - begun)
          logger.error(about, 'insert failed')
          batch.letGo(error)
          return
        }
        if (!passing) logger.error(about, 'ClickHouse refuses an insert; it is kept and tried again')
        else if (attempt <= 5 || attempt % 60 === 0) logger.warn(about, 'insert failed, trying again')
        if (!passing) {
          batch.fail(error)
          onRefused()
        } else {
          const longest = clock() + pause - limits.retryFor
          batch.fail(error, longest)
          lane.failOlder(error, longest)
        }
        await sleep(pause, undefined, { ref: passing })
      }
    }
    blockInserted(table, 'ok', rows, clock() - begun)
    batch.finish()
    if (file !== undefined && journal !== undefined) this.forget(journal, file, table)
  }

  /** Takes an insert that is done out of the journal; the next one does not wait for that. */
  private forget(journal: Pick<InsertJournal, 'remove'>, file: string, table: string): void {
    const removal = journal
      .remove(file)
      .catch((error: unknown) =>
        this.options.logger.warn({ err: error, table }, 'an insert that is done stays in the journal'),
      )
      .finally(() => this.removals.delete(removal))
    this.removals.add(removal)
  }
}

/** True if the same insert may succeed later with nothing changed. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof PostflightError)) return false
  return error.retryable || PASSING.has(String(error.details['clickhouseCode'] ?? ''))
}
