import type { IncomingMessage } from 'node:http'
import type { Readable, Transform } from 'node:stream'
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { own } from '../memory.ts'
import { Unreadable } from '../protobuf/unreadable.ts'

/** The body is larger than accepted, as it came or decompressed. */
export class BodyTooLarge extends Error {
  constructor(limit: number, decompressed: boolean) {
    super(
      `The body has more than ${limit} bytes${decompressed ? ' after decompression' : ''}: send fewer records at once`,
    )
    this.name = 'BodyTooLarge'
  }
}

/** A compressed body that could not be decompressed; `received` is its beginning, as it came. */
export class BodyCorrupt extends Error {
  readonly reason: Unreadable
  readonly received: Buffer

  constructor(reason: Unreadable, received: Buffer) {
    super(reason.message)
    this.name = 'BodyCorrupt'
    this.reason = reason
    this.received = received
  }
}

/** The sender went away before the body was complete: there is nobody to answer. */
export class SenderGone extends Error {
  constructor() {
    super('The sender closed the connection before the request was complete')
    this.name = 'SenderGone'
  }
}

/** Large pieces, for each costs a turn through the thread pool. */
const CHUNK = 256 * 1024
/** Room that a body of an announced size gets with its first bytes; the rest of it only once so much has really come. */
const FIRST_ROOM = 2 * 1024 * 1024
/** What of a body that could not be decompressed is kept for the dead-letter table. */
const KEPT = 64 * 1024

/** Decompressors by content coding; `deflate` is zlib's format, as HTTP defines it. */
const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip({ chunkSize: CHUNK }),
  'x-gzip': () => createGunzip({ chunkSize: CHUNK }),
  deflate: () => createInflate({ chunkSize: CHUNK }),
  zstd: () => createZstdDecompress({ chunkSize: CHUNK }),
}

export function isKnownEncoding(encoding: string): boolean {
  return encoding === '' || encoding === 'identity' || Object.hasOwn(DECODERS, encoding)
}

/** Bytes of the body as it comes; 0 if they are not told before. */
export function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0)
}

function ownPart(whole: Buffer | undefined, size: number): Buffer | undefined {
  return whole === undefined ? undefined : own(whole).subarray(0, size)
}

/**
 * Reads and decompresses a body; both are stopped at `limit` while streaming, so that a bomb never unfolds.
 * @param encoding content coding, one that `isKnownEncoding`
 * @param received told of every byte that comes in; what it throws ends the reading
 * @throws BodyTooLarge, BodyCorrupt, SenderGone
 */
export function readBody(
  request: IncomingMessage,
  encoding: string,
  limit: number,
  received: (bytes: number) => void,
): Promise<Buffer> {
  const decoder = DECODERS[encoding]?.()
  return new Promise((resolve, reject) => {
    // Of an announced size: put together as it comes, so that pieces can go at once and the body is never there twice.
    const announced = decoder === undefined ? announcedBytes(request) : 0
    let whole: Buffer | undefined
    const chunks: Buffer[] = []
    const gather = (chunk: Buffer) => {
      if (announced === 0) {
        chunks.push(chunk)
        return
      }
      if (whole === undefined || size > whole.length) {
        const room = size > FIRST_ROOM ? announced : Math.min(announced, FIRST_ROOM)
        const larger = Buffer.allocUnsafeSlow(Math.max(size, room))
        whole?.copy(larger)
        whole = larger
      }
      chunk.copy(whole, size - chunk.length)
    }
    const together = () =>
      ownPart(whole, size) ?? (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size))
    const beginning: Buffer[] = []
    let size = 0
    let receivedSize = 0
    const finish = (settle: () => void) => {
      request.removeListener('data', onReceived)
      request.removeListener('close', onClose)
      request.unpipe()
      // What is still on the way is dropped; the connection is closed after the answer.
      request.resume()
      decoder?.destroy()
      settle()
    }
    const fail = (error: Error) => finish(() => reject(error))
    const onReceived = (chunk: Buffer) => {
      try {
        received(chunk.length)
      } catch (error) {
        fail(error as Error)
        return
      }
      if (decoder === undefined) return
      if (receivedSize < KEPT) beginning.push(chunk.subarray(0, KEPT - receivedSize))
      receivedSize += chunk.length
      if (receivedSize > limit) fail(new BodyTooLarge(limit, false))
    }
    const onClose = () => {
      if (!request.complete) fail(new SenderGone())
    }
    const onDecoded = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) fail(new BodyTooLarge(limit, decoder !== undefined))
      else gather(chunk)
    }
    const onEnd = () =>
      finish(() => {
        resolve(together())
        // The request lives until it is answered, and its listeners with it.
        whole = undefined
        chunks.length = 0
      })

    request.on('data', onReceived)
    request.on('close', onClose)
    // HTTP/2 calls a request complete as soon as its stream is closed, whatever of it came.
    request.on('aborted', () => fail(new SenderGone()))
    request.on('error', () => fail(new SenderGone()))
    const source: Readable = decoder === undefined ? request : request.pipe(decoder)
    source.on('data', onDecoded)
    source.on('end', onEnd)
    decoder?.on('error', (error) => {
      const reason = new Unreadable(
        'COMPRESSION_CORRUPT',
        '',
        `The body is not ${encoding}: ${error.message}`,
      )
      fail(new BodyCorrupt(reason, Buffer.concat(beginning)))
    })
  })
}
