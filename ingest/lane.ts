import { Batch } from './batch.ts'
import type { InsertJournal } from './exactly-once/insert-journal.ts'
import type { Block, Mark } from './native/block.ts'
import type { WriterLimits } from './writer-limits.ts'

/** Blocks that ClickHouse refuses and that one table goes on beside. */
const MAX_REFUSED = 4

/** Empty blocks that are kept to be filled again: one that is filled, and two on their way to the journal. */
const MAX_SPARE = 3

/** Who inserts the batches of all lanes, and keeps account of them. */
export interface Inserter {
  readonly limits: WriterLimits
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly newToken: () => string
  readonly journal: Pick<InsertJournal, 'open'> | undefined
  /** Bytes of one batch. */
  readonly maxBytes: number
  /** Whether inserts into a table have the column of requests' marks. */
  isMarked(table: string): boolean
  /** Told how many bytes memory holds more, or less. */
  addHeld(bytes: number): void
  /** Told how many bytes are gathered or being inserted more, or less. */
  addPending(bytes: number): void
  /** Settles when ClickHouse has the batch or it was let go. @param onRefused told while ClickHouse refuses it, so that others need not wait */
  insert<Of extends Block>(batch: Batch<Of>, lane: Lane<Of>, onRefused: () => void): Promise<void>
}

/** The way into one table: the batch being gathered, and at most one that is being inserted. */
export class Lane<Of extends Block> {
  readonly table: string
  private readonly writer: Inserter
  private readonly newBlock: () => Of
  private readonly requestMark: Mark
  private open: Batch<Of>
  private readonly spare: Of[] = []
  private sending: Promise<void> | undefined
  private refused = 0
  private timer: NodeJS.Timeout | undefined
  /** Of the last batch: milliseconds that its insert took, its size, and that together with what had been gathered meanwhile. */
  private lastInsert = 0
  private lastBytes = 0
  private lastUnderWay = 0

  constructor(writer: Inserter, newBlock: () => Of) {
    this.writer = writer
    this.newBlock = newBlock
    this.open = this.newBatch()
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
   * @param mark what their request is known by; only of a marked table
   * @returns undefined if there are none
   */
  append(mark?: Buffer): Batch<Of> | undefined {
    const { open, writer } = this
    const { block } = open
    const before = this.requestMark.at(-1) as number
    if (block.rows === before) return undefined
    if (mark !== undefined) block.requests.set(before, mark)
    const isFirst = open.rows === 0
    writer.addPending(open.count())
    if (writer.journal !== undefined && open.blockBytes >= writer.limits.blockBytes) {
      open.fill(this.emptyBlock())
      // If that fails now, it is repeated with the next block, and at last with the insert.
      open.save().catch(() => {})
    }
    if (this.isFull(open)) open.due = 0
    else if (isFirst) open.due = writer.clock() + this.wait()
    this.schedule()
    return open
  }

  /** Sends what is gathered now and waits until nothing is left. */
  async drain(): Promise<void> {
    while (this.open.rows > 0 || this.sending !== undefined) {
      this.open.due = 0
      this.schedule()
      await this.sending
    }
  }

  /** Tells those who have waited since `time` or longer for the batch being gathered. */
  failOlder(error: unknown, time: number): void {
    this.open.fail(error, time)
  }

  private newBatch(): Batch<Of> {
    const { clock, newToken, journal } = this.writer
    const block = this.emptyBlock()
    return new Batch(block, {
      clock,
      newToken,
      marked: this.writer.isMarked(block.table),
      journal,
      onHeld: (bytes) => this.writer.addHeld(bytes),
      onFree: (block) => this.reuse(block),
    })
  }

  private emptyBlock(): Of {
    return this.spare.pop() ?? this.newBlock()
  }

  /** Blocks are used again, for new memory costs as much as filling it; one that has grown far beyond its use is let go. */
  private reuse(block: Of): void {
    block.clear()
    if (this.spare.length < MAX_SPARE && block.capacity <= 4 * this.writer.limits.blockBytes)
      this.spare.push(block)
  }

  /**
   * Senders wait for their batch, so what is under way is bounded by how many there are. If all of it went into one, nobody would be left to fill the next
   * while that is inserted: half of it goes.
   */
  private isFull({ rows, bytes }: Batch<Of>): boolean {
    const { limits } = this.writer
    return (
      rows >= limits.maxRows ||
      bytes >= Math.min(this.writer.maxBytes, Math.max(limits.largeBytes, this.lastUnderWay / 2))
    )
  }

  /**
   * An insert costs the more for a row the fewer it brings. Where little comes that is no matter, and senders are answered soon; where much comes, batches
   * wait to become larger.
   */
  private wait(): number {
    const { minWait, maxWait, largeBytes } = this.writer.limits
    const pressure = Math.min(1, this.lastBytes / largeBytes)
    return Math.min(maxWait, Math.max(minWait, this.lastInsert * pressure))
  }

  private schedule(): void {
    if (this.sending !== undefined || this.open.rows === 0) return
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
    batch.fill()
    this.open = this.newBatch()
    const begun = this.writer.clock()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.sending = promise
    let wasRefused = false
    const goOn = () => {
      this.lastInsert = this.writer.clock() - begun
      this.lastBytes = batch.bytes
      this.lastUnderWay = batch.bytes + this.open.bytes
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
      if (wasRefused) this.refused--
      else goOn()
    })
  }
}
