import type { RowsInFile } from '../schemas/store/client.ts'
import type { InsertJournal, JournalEntry } from './exactly-once/insert-journal.ts'
import type { Block } from './native/block.ts'

interface Waiter {
  readonly since: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export interface BatchOptions<Of extends Block> {
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** The deduplication token of the insert; asked for once. */
  readonly newToken: () => string
  /** Whether the insert has the column of requests' marks. */
  readonly marked: boolean
  /** Left out, all rows stay in memory. */
  readonly journal?: Pick<InsertJournal, 'open'> | undefined
  /** Told how many bytes memory holds more, or less. */
  readonly onHeld: (bytes: number) => void
  /** Gets blocks that are not needed any more. */
  readonly onFree: (block: Of) => void
}

/**
 * The rows of one insert, and those who wait for it. They are gathered in memory block by block; full ones go to the journal's file, so that an insert may be large and
 * memory need not be.
 */
export class Batch<Of extends Block> {
  /** What is being filled. */
  block: Of
  /** Of all blocks, as counted last. */
  rows = 0
  bytes = 0
  due = 0
  /** True once ClickHouse has the rows; false if they were let go. */
  readonly done: Promise<boolean>
  private readonly options: BatchOptions<Of>
  /** What `block` has of `rows` and `bytes`. */
  private blockRows = 0
  blockBytes = 0
  /** Blocks that the journal does not have, oldest first. */
  private readonly full: { readonly block: Of; readonly bytes: number }[] = []
  private replaced = 0
  private entry: JournalEntry | undefined
  private saving: Promise<void> | undefined
  private ownToken: string | undefined
  private waiters: Waiter[] = []
  private stored = false
  private readonly settle: (stored: boolean) => void

  constructor(block: Of, options: BatchOptions<Of>) {
    this.block = block
    this.options = options
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.done = promise
    this.settle = resolve
  }

  get token(): string {
    this.ownToken ??= this.options.newToken()
    return this.ownToken
  }

  get columns(): readonly string[] {
    return this.block.columnNames(this.options.marked)
  }

  /** Texts of which a part was not UTF-8 and became U+FFFD; known once the last block is full. */
  get replacedTexts(): number {
    return this.replaced
  }

  /** Counts what was appended to the block. @returns bytes that it has grown by */
  count(): number {
    const { block } = this
    const grown = block.byteLength - this.blockBytes
    this.rows += block.rows - this.blockRows
    this.bytes += grown
    this.blockRows = block.rows
    this.blockBytes += grown
    this.options.onHeld(grown)
    return grown
  }

  /** Calls the block full. @param next what is filled from now on; left out, nothing more comes */
  fill(next?: Of): void {
    const { block, blockBytes } = this
    this.replaced += block.replacedTexts
    if (block.rows > 0) this.full.push({ block, bytes: blockBytes })
    else this.release(block, blockBytes)
    if (next === undefined) return
    this.block = next
    this.blockRows = 0
    this.blockBytes = 0
  }

  /** Brings the full blocks to the journal, if there is one. @throws PostflightError JOURNAL_UNWRITABLE; nothing is lost then, and it may be repeated */
  async save(): Promise<void> {
    const { journal } = this.options
    if (journal === undefined) return
    this.saving ??= this.saveFull(journal).finally(() => {
      this.saving = undefined
    })
    await this.saving
  }

  /**
   * What to insert, once the last block is full. From then on it is complete in the journal.
   * @throws PostflightError JOURNAL_UNWRITABLE; it may be repeated
   */
  async toInsert(): Promise<readonly Buffer[] | RowsInFile> {
    const [first] = this.full
    if (this.options.journal === undefined && first !== undefined)
      return first.block.encode(this.options.marked)
    do await this.save()
    while (this.full.length > 0)
    const entry = this.entry as JournalEntry
    entry.commit()
    return entry
  }

  /** Settles once ClickHouse has the rows. @throws PostflightError when that takes too long: they may get there all the same */
  async stay(): Promise<void> {
    if (this.stored) return
    await new Promise<void>((resolve, reject) => {
      this.waiters.push({ since: this.options.clock(), resolve, reject })
    })
  }

  /** Tells those who have waited since `time` or longer. */
  fail(error: unknown, time = Number.POSITIVE_INFINITY): void {
    const late = this.waiters.filter(({ since }) => since <= time)
    this.waiters = this.waiters.filter(({ since }) => since > time)
    for (const waiter of late) waiter.reject(error)
  }

  /** ClickHouse has the rows. @returns settles once they are out of the journal */
  async finish(): Promise<void> {
    this.stored = true
    this.settle(true)
    for (const waiter of this.waiters) waiter.resolve()
    this.waiters = []
    this.free()
    await this.entry?.remove()
  }

  /** Gives the rows up; if they are complete in the journal, a process after this one inserts them. */
  letGo(error: unknown): void {
    this.settle(false)
    this.fail(error)
    this.free()
    this.entry?.leave()
  }

  private async saveFull(journal: Pick<InsertJournal, 'open'>): Promise<void> {
    const { table } = this.block
    this.entry ??= await journal.open(this.token, { table, columns: this.columns })
    for (let [oldest] = this.full; oldest !== undefined; [oldest] = this.full) {
      await this.entry.append(oldest.block.encode(this.options.marked))
      this.full.shift()
      this.release(oldest.block, oldest.bytes)
    }
  }

  private free(): void {
    for (const { block, bytes } of this.full.splice(0)) this.release(block, bytes)
  }

  private release(block: Of, bytes: number): void {
    this.options.onHeld(-bytes)
    this.options.onFree(block)
  }
}
