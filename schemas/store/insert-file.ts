import { closeSync, openSync, writev } from 'node:fs'
import { promisify } from 'node:util'

const write = promisify(writev)

/** Ending of files that only the insert under way needs: what a crash leaves of them goes away when the embedded store starts. */
export const LENT = '.lent'

/**
 * Writes a block's parts into a new file. It is not synced to the disk. Only the writing itself leaves this thread: on a busy one each way back costs as much.
 * @param path must have a folder; an older file of that name is replaced
 */
export async function writeInsertFile(path: string, parts: readonly Buffer[]): Promise<void> {
  const file = openSync(path, 'w', 0o600)
  try {
    await writeAll(file, parts)
  } finally {
    closeSync(file)
  }
}

/** A file may take less than it is given. */
async function writeAll(file: number, parts: readonly Buffer[]): Promise<void> {
  let rest = parts.filter((part) => part.length > 0)
  while (rest.length > 0) {
    let { bytesWritten } = await write(file, rest)
    while (rest.length > 0 && bytesWritten >= (rest[0] as Buffer).length) {
      bytesWritten -= (rest[0] as Buffer).length
      rest = rest.slice(1)
    }
    if (rest.length > 0) rest[0] = (rest[0] as Buffer).subarray(bytesWritten)
  }
}
