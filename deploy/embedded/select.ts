import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { Answer } from './answer.ts'
import { quote, type ReadOutcome } from './engine.ts'
import { ClickHouseException } from './exception.ts'
import { NativeRevision } from './native-revision.ts'
import type { QueryRequest } from './query-request.ts'
import { openResultPipe } from './result-pipe.ts'
import type { Lease } from './session-pool.ts'
import { asText, type Statement } from './sql-scan.ts'

// Header and status wait for so much of a result, or so long after its first byte, so that an early error still has
// its own status; a result that has ended by then also has its true summary.
const HOLD_BYTES = 262_144
const HOLD_MS = 50

/** What a client of a newer protocol revision reads in the place of the engine's own Native blocks. */
export function converter(format: string, query: QueryRequest): (chunk: Buffer) => Buffer[] {
  if (format !== 'Native' || query.protocolVersion <= 0) return (chunk) => [chunk]
  const revision = new NativeRevision(query.protocolVersion)
  return (chunk) => revision.push(chunk)
}

/**
 * Answers with a result while it comes, through a pipe of the session; or once it is whole, from a file, where the client asked for that.
 * @param paths of the session's pipe, and of a file that is made and removed
 */
export async function answerSelect(
  lease: Lease,
  query: QueryRequest,
  statement: Extract<Statement, { kind: 'select' }>,
  answer: Answer,
  paths: { readonly pipe: string; readonly file: string },
): Promise<void> {
  const format = statement.format ?? query.defaultFormat
  if (!/^\w+$/.test(format)) throw new ClickHouseException(73, 'UNKNOWN_FORMAT', `Unknown format ${format}`)
  const into = (path: string) => `\nINTO OUTFILE ${quote(path)} TRUNCATE FORMAT ${format} `
  const read = async (path: string): Promise<ReadOutcome> => {
    try {
      return await lease.session.read(asText(statement.body) + into(path) + asText(statement.tail), 'Null')
    } catch (error) {
      // What the client did not write would only puzzle it in the message of a syntax error.
      throw error instanceof Error
        ? new Error(error.message.replaceAll(into(path), ''), { cause: error })
        : error
    }
  }

  const convert = converter(format, query)

  if (query.waitEnd) {
    const path = paths.file
    try {
      const outcome = await read(path)
      answer.begin(format, query.compressAnswer, outcome)
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) await answer.write(chunk)
    } finally {
      await rm(path, { force: true })
    }
    return
  }

  const path = paths.pipe
  const pipe = openResultPipe(path)
  let outcome: ReadOutcome | undefined
  let failure: { error: unknown } | undefined
  let settled = false
  const held: Buffer[] = []
  let heldBytes = 0
  let timer: NodeJS.Timeout | undefined
  const flush = async () => {
    clearTimeout(timer)
    answer.begin(format, query.compressAnswer, outcome ?? {})
    for (const chunk of held.splice(0)) await answer.write(chunk)
  }
  const ended = read(path)
    .then(
      (value) => {
        outcome = value
      },
      (error: unknown) => {
        failure = { error }
      },
    )
    .finally(() => {
      settled = true
      pipe.writerDone()
    })
  let flushing: Promise<void> | undefined
  try {
    for await (const chunk of pipe.stream as AsyncIterable<Buffer>) {
      // The pipe is read to its end even when nobody listens: an engine that writes into it must not wait for ever.
      if (answer.gone) continue
      if (answer.started) {
        await flushing
        for (const piece of convert(chunk)) await answer.write(piece)
        continue
      }
      held.push(...convert(chunk))
      heldBytes += chunk.length
      if (settled) continue
      if (heldBytes >= HOLD_BYTES) flushing = flush()
      else
        timer ??= setTimeout(() => {
          if (!settled && !answer.started && !answer.gone) flushing = flush()
        }, HOLD_MS)
    }
  } finally {
    clearTimeout(timer)
    await ended
  }
  await flushing
  if (answer.gone) return
  if (failure !== undefined) throw (failure as { error: unknown }).error
  if (!answer.started) await flush()
}
