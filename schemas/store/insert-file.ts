import { closeSync, createReadStream, fstatSync, openSync, writev } from 'node:fs'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'

const write = promisify(writev)

/** Ending of files that only the insert under way needs: what a crash leaves of them goes away when the embedded store starts. */
export const LENT = '.lent'

/** A file that an insert's rows are written to, piece by piece, and read from. It is not synced to the disk. */
export class InsertFile {
  private readonly descriptor: number
  private bytes: number

  private constructor(path: string, flags: 'r' | 'w+') {
    this.descriptor = openSync(path, flags, 0o600)
    this.bytes = fstatSync(this.descriptor).size
  }

  /** @param path must have a folder; an older file of that name is replaced */
  static create(path: string): InsertFile {
    return new InsertFile(path, 'w+')
  }

  /** One that is complete. */
  static open(path: string): InsertFile {
    return new InsertFile(path, 'r')
  }

  /** Bytes appended so far. */
  get size(): number {
    return this.bytes
  }

  /**
   * One call at a time. What fails may be repeated: it is written over. Only the writing itself leaves this thread: on a busy one each way back costs as much.
   */
  async append(parts: readonly Buffer[]): Promise<void> {
    let position = this.bytes
    let rest = parts.filter((part) => part.length > 0)
    while (rest.length > 0) {
      // A file may take less than it is given.
      let { bytesWritten } = await write(this.descriptor, rest, position)
      position += bytesWritten
      while (rest.length > 0 && bytesWritten >= (rest[0] as Buffer).length) {
        bytesWritten -= (rest[0] as Buffer).length
        rest = rest.slice(1)
      }
      if (rest.length > 0) rest[0] = (rest[0] as Buffer).subarray(bytesWritten)
    }
    this.bytes = position
  }

  /** All that was appended, whatever has become of the file's name. */
  read(): Readable {
    if (this.bytes === 0) return Readable.from([])
    return createReadStream('', { fd: this.descriptor, start: 0, end: this.bytes - 1, autoClose: false })
  }

  close(): void {
    closeSync(this.descriptor)
  }
}

/** Writes a block's parts into a new file. @param path must have a folder; an older file of that name is replaced */
export async function writeInsertFile(path: string, parts: readonly Buffer[]): Promise<void> {
  const file = InsertFile.create(path)
  try {
    await file.append(parts)
  } finally {
    file.close()
  }
}
