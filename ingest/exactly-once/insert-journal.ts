import { mkdirSync, rmSync } from 'node:fs'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PostflightError } from '../../schemas/errors.ts'

/** An insert as it was sent or is about to be. */
export interface JournaledInsert {
  readonly token: string
  readonly table: string
  readonly columns: readonly string[]
  /** A Native block. */
  readonly body: readonly Buffer[]
}

const SUFFIX = '.insert'
const UNFINISHED = '.part'
const SET_ASIDE = '.refused'

/**
 * Inserts that are under way, a file each, until ClickHouse has them. An insert is not one step: its days, and its rollups, are
 * parts of their own. A process that dies in the middle leaves it half done, and only the very same block with the
 * same token completes it without adding anything twice, so the block has to outlive the process. It is not synced to
 * the disk: what a power failure takes was not acknowledged.
 */
export class InsertJournal {
  private readonly folder: string

  /** @param folder made if missing @throws PostflightError JOURNAL_UNWRITABLE */
  constructor(folder: string) {
    this.folder = folder
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw unwritable(folder, error)
    }
  }

  /** @throws PostflightError JOURNAL_UNWRITABLE; then nothing is left of it */
  async write(insert: JournaledInsert): Promise<void> {
    const { token, table, columns, body } = insert
    const head = Buffer.from(JSON.stringify({ token, table, columns }))
    const size = Buffer.alloc(4)
    size.writeUInt32LE(head.length)
    const unfinished = join(this.folder, token + UNFINISHED)
    try {
      const file = await open(unfinished, 'w', 0o600)
      try {
        await writeAll(file, [size, head, ...body])
      } finally {
        await file.close()
      }
      await rename(unfinished, this.pathOf(token))
    } catch (error) {
      rmSync(unfinished, { force: true })
      throw unwritable(this.folder, error)
    }
  }

  async remove(token: string): Promise<void> {
    await rm(this.pathOf(token), { force: true })
  }

  /** Keeps an insert that ClickHouse will not take out of the way, for a person to look at. @returns where it is */
  async setAside(token: string): Promise<string> {
    const path = this.pathOf(token)
    await rename(path, path + SET_ASIDE)
    return path + SET_ASIDE
  }

  /** What a process before this one left under way. */
  async *leftOver(): AsyncGenerator<JournaledInsert> {
    const names = await readdir(this.folder)
    for (const name of names.sort()) {
      if (name.endsWith(UNFINISHED)) await rm(join(this.folder, name), { force: true })
      if (!name.endsWith(SUFFIX)) continue
      const bytes = await readFile(join(this.folder, name)).catch((error: NodeJS.ErrnoException) => {
        // Another process has completed it meanwhile.
        if (error.code === 'ENOENT') return undefined
        throw error
      })
      if (bytes === undefined) continue
      const end = 4 + bytes.readUInt32LE(0)
      const head = JSON.parse(bytes.toString('utf8', 4, end)) as Omit<JournaledInsert, 'body'>
      yield { ...head, body: [bytes.subarray(end)] }
    }
  }

  private pathOf(token: string): string {
    return join(this.folder, token + SUFFIX)
  }
}

/** A file may take less than it is given. */
async function writeAll(file: Awaited<ReturnType<typeof open>>, parts: readonly Buffer[]): Promise<void> {
  let rest = parts.filter((part) => part.length > 0)
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest)
    while (rest.length > 0 && bytesWritten >= (rest[0] as Buffer).length) {
      bytesWritten -= (rest[0] as Buffer).length
      rest = rest.slice(1)
    }
    if (rest.length > 0) rest[0] = (rest[0] as Buffer).subarray(bytesWritten)
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
