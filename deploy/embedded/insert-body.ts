import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Readable, Transform, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { ClickHouseException } from './exception.ts'

/** The request's body as it was before its Content-Encoding. @throws ClickHouseException for one that is not known */
export function decodedBody(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return request
  const decoder =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : encoding === 'br'
          ? createBrotliDecompress()
          : encoding === 'zstd'
            ? createZstdDecompress()
            : undefined
  if (decoder === undefined) {
    throw new ClickHouseException(
      89,
      'UNKNOWN_COMPRESSION_METHOD',
      `Unknown compression method '${encoding}'. Only gzip, deflate, br and zstd are supported`,
    )
  }
  request.on('error', (error) => decoder.destroy(error))
  // A connection that breaks off in mid-body must not look like the body's end.
  request.on('close', () => {
    if (!request.complete) decoder.destroy(new Error('The client went away before the end of the body'))
  })
  return request.pipe(decoder)
}

/**
 * Reads a stream's first bytes without losing them.
 *
 * @param limit bytes; reading goes on until there are that many or the stream has ended
 * @returns the bytes, and whether that was all
 */
export async function readHead(
  source: AsyncIterator<Buffer>,
  limit: number,
): Promise<{ head: Buffer; ended: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  while (size < limit) {
    const step = await source.next()
    if (step.done === true) return { head: Buffer.concat(chunks), ended: true }
    chunks.push(step.value)
    size += step.value.length
  }
  return { head: Buffer.concat(chunks), ended: false }
}

class Counter extends Transform {
  bytes = 0
  readonly #limit: number

  constructor(limit: number) {
    super()
    this.#limit = limit
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length
    if (this.bytes > this.#limit) {
      done(new ClickHouseException(229, 'QUERY_IS_TOO_LARGE', `The body is larger than ${this.#limit} bytes`))
    } else {
      done(null, chunk)
    }
  }
}

/**
 * Writes an insert's rows to a file of their own: the engine reads them from there as one insert, at its full speed and
 * with bounded memory. Rows inside the statement are no way: the engine cuts off trailing spaces and zero bytes, which
 * breaks binary formats.
 *
 * @param limit bytes, decoded
 * @returns the number of bytes written; on an error no file is left
 */
export async function spool(
  path: string,
  first: Buffer,
  rest: Iterable<Buffer> | AsyncIterable<Buffer>,
  limit: number,
): Promise<number> {
  const counter = new Counter(limit)
  async function* all() {
    if (first.length > 0) yield first
    yield* rest
  }
  try {
    await pipeline(
      Readable.from(all(), { objectMode: false, highWaterMark: 1 << 20 }),
      counter,
      createWriteStream(path),
    )
    return counter.bytes
  } catch (error) {
    await rm(path, { force: true })
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
      throw new ClickHouseException(
        243,
        'NOT_ENOUGH_SPACE',
        'The disk that holds the data directory is full; the insert was not begun. Free some space and repeat it',
      )
    }
    throw error
  }
}
