import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { PostflightError } from '../schemas/errors.ts'
import type { Store } from '../schemas/store/client.ts'
import type { Batch } from './batch.ts'
import type { InsertJournal } from './exactly-once/insert-journal.ts'
import { type Inserter, Lane } from './lane.ts'
import type { Block } from './native/block.ts'
import { blockInserted, pendingChanged, textsReplaced } from './telemetry.ts'
import type { WriterLimits } from './writer-limits.ts'

export interface WriterOptions {
  readonly store: Pick<Store, 'insertNative'>
  readonly limits: WriterLimits
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** A text that no other insert has or had: the deduplication token of one block. */
  readonly newToken: () => string
  /** Where inserts are noted until they are done; left out, a crash in the middle of one may leave it half done, and all rows are held in memory. */
  readonly journal?: Pick<InsertJournal, 'open'>
  /** Tables whose inserts have the column of requests' marks; left out: none. */
  readonly markedTables?: { has(table: string): boolean }
}

/**
 * One insert must stay one block, however many it was sent as: a retry with the same token is recognised block by block. Skip indexes are built
 * when parts merge, for on insert they cost more than the rows.
 */
export const INSERT_SETTINGS = {
  async_insert: 0,
  // What a repeated insert finds missing in a rollup (its first attempt was cut off half-way) is filled, and nothing else.
  deduplicate_blocks_in_dependent_materialized_views: 1,
  materialize_skip_indexes_on_insert: 0,
  max_insert_block_size: 1_048_576,
  min_insert_block_size_rows: 1_048_576,
  min_insert_block_size_bytes: 0,
  // History comes with the times of many days; how many is bounded by what ages are accepted.
  max_partitions_per_insert_block: 0,
} as const

/** Refusals of ClickHouse that pass by themselves: no file of rows, timeouts, too many parts or queries, memory, disk, read-only. */
const PASSING = new Set(['107', '159', '202', '209', '210', '241', '242', '243', '252', '319', '425', '999'])

/**
 * Gathers the rows of many requests into large blocks and inserts them: a request is acknowledged when ClickHouse has
 * the block that its rows are in.
 */
export class Writer implements Inserter {
  readonly limits: WriterLimits
  readonly clock: () => number
  private readonly options: WriterOptions
  private readonly lanes: Lane<Block>[] = []
  private readonly removals = new Set<Promise<void>>()
  private pending = 0
  private held = 0
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

  get journal(): WriterOptions['journal'] {
    return this.options.journal
  }

  get newToken(): () => string {
    return this.options.newToken
  }

  isMarked(table: string): boolean {
    return this.options.markedTables?.has(table) ?? false
  }

  /** Of one batch, in bytes: what is in the journal takes no memory. */
  get maxBytes(): number {
    const { maxBytes, maxHeldBytes } = this.limits
    return this.options.journal === undefined ? Math.min(maxBytes, maxHeldBytes / 4) : maxBytes
  }

  /** @param bytes that bodies of requests take, or will take, in memory @throws PostflightError OVERLOADED if no more may be gathered now */
  admit(bytes: number): void {
    if (this.closed)
      throw new PostflightError('OVERLOADED', 'Postflight is stopping', { hint: 'Send again later.' })
    const { maxHeldBytes, maxPendingBytes } = this.limits
    if (this.held + bytes > maxHeldBytes || this.pending + bytes > maxPendingBytes) {
      throw new PostflightError('OVERLOADED', `${this.pending} bytes are waiting for ClickHouse already`, {
        hint: 'Send again later; if this lasts, ClickHouse is too slow for what is sent.',
      })
    }
  }

  addHeld(bytes: number): void {
    this.held += bytes
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
   * Inserts a batch, repeating it with the same token until ClickHouse has it. Those who wait are told when that takes long or
   * when ClickHouse refuses; the batch stays all the same, for what became of the insert is not known, and a repeated
   * request must find it. Without a journal it is let go then, for its senders send it again.
   */
  async insert<Of extends Block>(batch: Batch<Of>, lane: Lane<Of>, onRefused: () => void): Promise<void> {
    const { store, logger, clock, limits, journal } = this.options
    const { rows, token, columns } = batch
    const { table } = lane
    const begun = clock()
    textsReplaced(table, batch.replacedTexts)
    for (let attempt = 1; ; attempt++) {
      try {
        const sendRows = attempt > 1
        await store.insertNative(table, columns, await batch.toInsert(), {
          settings: INSERT_SETTINGS,
          token,
          sendRows,
        })
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
    this.finish(batch, table)
  }

  /** The batch is answered and taken out of the journal; the next one does not wait for that. */
  private finish(batch: Pick<Batch<Block>, 'finish'>, table: string): void {
    const removal = batch
      .finish()
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
