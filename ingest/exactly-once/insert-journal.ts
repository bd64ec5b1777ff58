import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { PostflightError } from '../../schemas/errors.ts'
import { InsertFile, writeInsertFile } from '../../schemas/store/insert-file.ts'

const BODY = '.native'
const SHAPE = '.columns'
const UNFINISHED = '.part'
const SET_ASIDE = '.refused'

/** Which columns of which table the blocks of some inserts have. */
export interface Shape {
  readonly table: string
  readonly columns: readonly string[]
}

/** An insert that was under way. */
export interface JournaledInsert extends Shape {
  readonly token: string
  /** Of the Native blocks. */
  readonly path: string
  /** The blocks, whatever has become of the file's name; until the next insert is asked for. */
  read(): Readable
}

/**
 * Inserts that are under way, a file each, until ClickHouse has them. An insert is not one step: its days, and its rollups, are
 * parts of their own. A process that dies in the middle leaves it half done, and only the very same block with the
 * same token completes it without adding anything twice, so the block has to outlive the process. It is not synced to
 * the disk: what a power failure takes was not acknowledged.
 *
 * `<token>.<shape>.native` is the block as it is, so that an engine on the same machine can insert it from there;
 * `<shape>.columns` (JSON) says what it goes into, and stays: there are as many as there are kinds of blocks.
 */
export class InsertJournal {
  private readonly folder: string
  private readonly shapes = new Set<string>()

  /** @param folder made if missing @throws PostflightError JOURNAL_UNWRITABLE */
  constructor(folder: string) {
    this.folder = resolve(folder)
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw unwritable(folder, error)
    }
  }

  /** A place for the rows of an insert that is being gathered. @throws PostflightError JOURNAL_UNWRITABLE; then nothing is left of it */
  async open(token: string, shape: Shape): Promise<JournalEntry> {
    const path = join(this.folder, `${token}.${await this.shapeOf(shape)}${BODY}`)
    try {
      return new JournalEntry(path, `${path}.${process.pid}${UNFINISHED}`)
    } catch (error) {
      throw unwritable(this.folder, error)
    }
  }

  /** Takes one that a process before this one left, and that is done now, out. */
  async remove({ path }: JournaledInsert): Promise<void> {
    await rm(path, { force: true })
  }

  /** Keeps an insert that ClickHouse will not take out of the way, for a person to look at. @returns where it is */
  async setAside({ path }: JournaledInsert): Promise<string> {
    await rename(path, path + SET_ASIDE)
    return path + SET_ASIDE
  }

  /** What a process before this one left under way. */
  async *leftOver(): AsyncGenerator<JournaledInsert> {
    const names = await readdir(this.folder)
    for (const name of names.sort()) {
      const path = join(this.folder, name)
      if (name.endsWith(UNFINISHED) && !isOfOther(name)) await rm(path, { force: true })
      const file = name.endsWith(BODY) ? openIfThere(path) : undefined
      // Another process has completed it meanwhile.
      if (file === undefined) continue
      const [token, shape] = name.split('.') as [string, string]
      try {
        const { table, columns } = JSON.parse(
          await readFile(join(this.folder, shape + SHAPE), 'utf8'),
        ) as Shape
        yield { token, table, columns, path, read: () => file.read() }
      } finally {
        file.close()
      }
    }
  }

  /** The name of a shape, of which there is a file now. */
  private async shapeOf(shape: Shape): Promise<string> {
    const json = JSON.stringify({ table: shape.table, columns: shape.columns })
    const name = createHash('sha256').update(json).digest('hex').slice(0, 16)
    if (this.shapes.has(name)) return name
    const path = join(this.folder, name + SHAPE)
    const unfinished = `${path}.${process.pid}${UNFINISHED}`
    try {
      await writeInsertFile(unfinished, [Buffer.from(json)])
      renameSync(unfinished, path)
    } catch (error) {
      await rm(unfinished, { force: true })
      throw unwritable(this.folder, error)
    }
    this.shapes.add(name)
    return name
  }
}

/** An insert's rows on their way into the journal. Nobody finds them there until they are complete. */
export class JournalEntry {
  readonly path: string
  private readonly unfinished: string
  private readonly file: InsertFile
  private committed = false

  constructor(path: string, unfinished: string) {
    this.path = path
    this.unfinished = unfinished
    this.file = InsertFile.create(unfinished)
  }

  /** One call at a time. @param block in Native format @throws PostflightError JOURNAL_UNWRITABLE; it may be repeated */
  async append(block: readonly Buffer[]): Promise<void> {
    try {
      await this.file.append(block)
    } catch (error) {
      throw unwritable(dirname(this.path), error)
    }
  }

  /** From now on a process after this one completes the insert, if this one does not. @throws PostflightError JOURNAL_UNWRITABLE */
  commit(): void {
    if (this.committed) return
    try {
      renameSync(this.unfinished, this.path)
    } catch (error) {
      throw unwritable(dirname(this.path), error)
    }
    this.committed = true
  }

  /** The rows, whatever has become of the file's name. */
  read(): Readable {
    return this.file.read()
  }

  /** The insert is done: takes it out of the journal. */
  async remove(): Promise<void> {
    this.file.close()
    await rm(this.path, { force: true })
  }

  /** Leaves it to a process after this one if it is complete; else nothing is left. */
  leave(): void {
    this.file.close()
    rmSync(this.unfinished, { force: true })
  }
}

/** True of a file that another process is still writing, to judge by the process id in its name. */
function isOfOther(name: string): boolean {
  const pid = Number(name.split('.').at(-2))
  if (pid === process.pid || !(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function openIfThere(path: string): InsertFile | undefined {
  try {
    return InsertFile.open(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function unwritable(folder: string, error: unknown): PostflightError {
  const message = error instanceof Error ? error.message : String(error)
  const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
  return new PostflightError('JOURNAL_UNWRITABLE', `Inserts cannot be noted in ${folder}: ${message}`, {
    hint: full
      ? 'The disk that holds the data folder is full: free some space.'
      : 'Let Postflight write to its data folder (--dataDir), or do without: --otlp.repeatMinutes 0',
    cause: error,
  })
}
