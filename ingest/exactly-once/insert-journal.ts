import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PostflightError } from '../../schemas/errors.ts'
import { writeInsertFile } from '../../schemas/store/insert-file.ts'

/** An insert as it was sent or is about to be. */
export interface JournaledInsert {
  readonly token: string
  readonly table: string
  readonly columns: readonly string[]
  /** A Native block. */
  readonly body: readonly Buffer[]
}

const BODY = '.native'
const SHAPE = '.columns'
const UNFINISHED = '.part'
const SET_ASIDE = '.refused'

/** Which columns of which table the blocks of some inserts have. */
type Shape = Pick<JournaledInsert, 'table' | 'columns'>

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

  /** @returns absolute path of a file with the block @throws PostflightError JOURNAL_UNWRITABLE; then nothing is left of it */
  async write(insert: JournaledInsert): Promise<string> {
    const { token, table, columns, body } = insert
    const path = join(this.folder, `${token}.${await this.shapeOf({ table, columns })}${BODY}`)
    await this.writeFile(path, body)
    return path
  }

  async remove(file: string): Promise<void> {
    await rm(file, { force: true })
  }

  /** Keeps an insert that ClickHouse will not take out of the way, for a person to look at. @returns where it is */
  async setAside(file: string): Promise<string> {
    await rename(file, file + SET_ASIDE)
    return file + SET_ASIDE
  }

  /** What a process before this one left under way. */
  async *leftOver(): AsyncGenerator<JournaledInsert & { readonly file: string }> {
    const names = await readdir(this.folder)
    for (const name of names.sort()) {
      const file = join(this.folder, name)
      if (name.endsWith(UNFINISHED)) await rm(file, { force: true })
      if (!name.endsWith(BODY)) continue
      const [token, shape] = name.split('.') as [string, string]
      const body = await readIfThere(file)
      // Another process has completed it meanwhile.
      if (body === undefined) continue
      const { table, columns } = JSON.parse(await readFile(join(this.folder, shape + SHAPE), 'utf8')) as Shape
      yield { token, table, columns, body: [body], file }
    }
  }

  /** The name of a shape, of which there is a file now. */
  private async shapeOf(shape: Shape): Promise<string> {
    const json = JSON.stringify(shape)
    const name = createHash('sha256').update(json).digest('hex').slice(0, 16)
    if (this.shapes.has(name)) return name
    await this.writeFile(join(this.folder, name + SHAPE), [Buffer.from(json)])
    this.shapes.add(name)
    return name
  }

  private async writeFile(path: string, parts: readonly Buffer[]): Promise<void> {
    const unfinished = `${path}.${process.pid}${UNFINISHED}`
    try {
      await writeInsertFile(unfinished, parts)
      renameSync(unfinished, path)
    } catch (error) {
      rmSync(unfinished, { force: true })
      throw unwritable(this.folder, error)
    }
  }
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  return await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
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
