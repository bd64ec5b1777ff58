import { closeSync, existsSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'

/** What a kill in the middle of an insert has left in the log of a table. */
export interface CutOff {
  /** UUID of the table. */
  readonly table: string
  /** The part that the log names and the table does not have; undefined where only the last line is torn. */
  readonly part: string | undefined
}

interface Damage extends CutOff {
  readonly file: string
  /** Bytes of the file. */
  readonly size: number
  /** Bytes of the file's whole lines. */
  readonly whole: number
  /** Where the lines begin that name the part. */
  readonly lines: readonly number[]
}

/**
 * Time in which a part gets its name once it is in the log, milliseconds; it takes far less than one. Another process may have the store open (this one
 * is then refused by the engine's lock), and what it is about to do must not look like something that a kill has left.
 */
const NAMED_WITHIN = 250

const LINE_END = 0x0a
const ADDED = 0x31
const DROPPED = '2'

/**
 * Makes the engine forget inserts that it takes for stored and did not store. It writes a block's id into the table's deduplication log before it gives the
 * part its name, so a kill in between leaves an id without rows, and the insert would be ignored when it is repeated with the same token.
 *
 * A line of the log is `<1: added, 2: dropped> TAB <part> TAB <block id>`, appended in one write and not buffered. Both steps are made with the table's
 * parts locked, so only the part that was added last can be missing; an older one that is not there was merged or dropped since. Its line is
 * made one of a dropped part, in place: one byte, which is there or not, and needs no room on a full disk. To be called before the engine opens the directory.
 *
 * @param directory the engine's, with `store/<first three>/<uuid of the table>/`
 * @throws Error of the file system
 */
export async function forgetCutOffInserts(directory: string): Promise<readonly CutOff[]> {
  const found = damages(directory)
  if (found.length === 0) return []
  await sleep(NAMED_WITHIN)
  const again = damages(directory)
  const left = found.filter((damage) => again.some((other) => isDeepStrictEqual(damage, other)))
  for (const damage of left) mend(damage)
  return left.map(({ table, part }) => ({ table, part }))
}

function damages(directory: string): Damage[] {
  const store = join(directory, 'store')
  if (!existsSync(store)) return []
  return readdirSync(store).flatMap((first) =>
    readdirSync(join(store, first)).flatMap((table) => damagesOf(table, join(store, first, table))),
  )
}

function damagesOf(table: string, folder: string): Damage[] {
  const logs = join(folder, 'deduplication_logs')
  if (!existsSync(logs)) return []
  const found: Damage[] = []
  const dropped = new Set<string>()
  // The newest is empty when the line before it was the last of its file.
  for (const file of newestFirst(logs)) {
    const bytes = readFileSync(file)
    const whole = bytes.lastIndexOf(LINE_END) + 1
    const added = lastAdded(bytes.subarray(0, whole), dropped)
    const missing = added !== undefined && added.lines.length > 0 && !isThere(added.part, folder)
    if (missing || whole < bytes.length)
      found.push({
        table,
        part: missing ? added.part : undefined,
        file,
        size: bytes.length,
        whole,
        lines: missing ? added.lines : [],
      })
    if (added !== undefined) break
  }
  return found
}

function newestFirst(logs: string): string[] {
  return readdirSync(logs)
    .flatMap((name) => {
      const number = /^deduplication_log_(\d+)\.txt$/.exec(name)?.[1]
      return number === undefined ? [] : [{ name, number: Number(number) }]
    })
    .sort((a, b) => b.number - a.number)
    .map(({ name }) => join(logs, name))
}

/**
 * The part that was added last, and where its lines begin: one for each block that was gathered into it.
 * @param dropped ids of blocks that newer files call dropped; those of this one are added
 */
function lastAdded(bytes: Buffer, dropped: Set<string>): { part: string; lines: number[] } | undefined {
  let added: { part: string; lines: number[] } | undefined
  for (let end = bytes.length; end > 0; ) {
    const begin = end < 2 ? 0 : bytes.lastIndexOf(LINE_END, end - 2) + 1
    const [, part = '', id = ''] = bytes.toString('latin1', begin, end - 1).split('\t')
    const isAdded = bytes[begin] === ADDED
    if (added !== undefined && !(isAdded && part === added.part)) break
    if (isAdded) {
      added ??= { part, lines: [] }
      if (!dropped.has(id)) added.lines.push(begin)
    } else dropped.add(id)
    end = begin
  }
  return added
}

/** Name of a part: partition, first and last block, level, and the mutation that it has seen. */
const PART = /^([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?$/

/** True if the table has the part, or one that it was merged into; also for names that are none of ours to judge. */
function isThere(part: string, folder: string): boolean {
  const [, partition, first, last] = PART.exec(part) ?? []
  if (partition === undefined || existsSync(join(folder, part))) return true
  return readdirSync(folder).some((name) => {
    const other = PART.exec(name)
    return other?.[1] === partition && Number(other[2]) <= Number(first) && Number(other[3]) >= Number(last)
  })
}

function mend({ file, whole, size, lines }: Damage): void {
  const descriptor = openSync(file, 'r+')
  try {
    // The engine would append to a torn line, and read nothing that comes after it.
    if (whole < size) ftruncateSync(descriptor, whole)
    for (const begin of lines) writeSync(descriptor, DROPPED, begin)
  } finally {
    closeSync(descriptor)
  }
}
