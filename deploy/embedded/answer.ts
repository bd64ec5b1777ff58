import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import {
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  constants as zlibConstants,
} from 'node:zlib'
import type { ReadOutcome, WriteOutcome } from './engine.ts'
import { describeException, exceptionTail, statusOfCode } from './exception.ts'

export interface AnswerOptions {
  readonly version: string
  readonly timezone: string
  readonly hostName: string
}

const STALLED_MS = 300_000
// Between the marked tail of a failed result and the cut: a client that knows the mark can read it first.
const CUT_AFTER_MS = 100

const CONTENT_TYPES = new Map([
  ['JSON', 'application/json; charset=UTF-8'],
  ['CSV', 'text/csv; charset=UTF-8'],
  ['TSV', 'text/tab-separated-values; charset=UTF-8'],
  ['TabSeparated', 'text/tab-separated-values; charset=UTF-8'],
  ['Pretty', 'text/plain; charset=UTF-8'],
  ['Vertical', 'text/plain; charset=UTF-8'],
  ['Markdown', 'text/markdown; charset=UTF-8'],
  ['XML', 'application/xml; charset=UTF-8'],
  ['Prometheus', 'text/plain; version=0.0.4; charset=UTF-8'],
])

function contentType(format: string): string {
  for (const [prefix, type] of CONTENT_TYPES) if (format.startsWith(prefix)) return type
  return 'application/octet-stream'
}

function summary(outcome: Partial<ReadOutcome & WriteOutcome>): string {
  const written = String(outcome.rowsWritten ?? 0)
  return JSON.stringify({
    read_rows: String(outcome.rowsRead ?? outcome.rowsWritten ?? 0),
    read_bytes: String(outcome.bytesRead ?? outcome.bytesWritten ?? 0),
    written_rows: written,
    written_bytes: String(outcome.bytesWritten ?? 0),
    total_rows_to_read: '0',
    result_rows: written,
    result_bytes: String(outcome.bytesWritten ?? 0),
    elapsed_ns: String(Math.round((outcome.elapsed ?? 0) * 1e9)),
  })
}

/** The answer to one request: headers first, compressed if the client asked, cut off if the result fails later. */
export class Answer {
  readonly response: ServerResponse
  readonly #options: AnswerOptions
  readonly #encoding: string | undefined
  readonly #tag = randomBytes(8).toString('hex')
  #sink: Writable | undefined
  #gone = false
  queryId = ''

  constructor(request: IncomingMessage, response: ServerResponse, options: AnswerOptions) {
    this.response = response
    this.#options = options
    const accepted = String(request.headers['accept-encoding'] ?? '')
    this.#encoding = ['gzip', 'zstd', 'br', 'deflate'].find((name) => accepted.includes(name))
    response.on('close', () => {
      this.#gone = !response.writableFinished
    })
  }

  /** The client has left. */
  get gone(): boolean {
    return this.#gone
  }

  get started(): boolean {
    return this.response.headersSent
  }

  #common(): Record<string, string> {
    return {
      'X-ClickHouse-Server-Display-Name': this.#options.hostName,
      'X-ClickHouse-Query-Id': this.queryId,
      'X-ClickHouse-Timezone': this.#options.timezone,
    }
  }

  begin(format: string | undefined, compress: boolean, outcome: Partial<ReadOutcome & WriteOutcome>): void {
    const encoding = compress ? this.#encoding : undefined
    this.response.writeHead(200, {
      ...this.#common(),
      ...(format === undefined
        ? { 'Content-Type': 'text/plain; charset=UTF-8' }
        : {
            'Content-Type': contentType(format),
            'X-ClickHouse-Format': format,
            'X-ClickHouse-Exception-Tag': this.#tag,
          }),
      'X-ClickHouse-Summary': summary(outcome),
      ...(encoding === undefined ? {} : { 'Content-Encoding': encoding }),
    })
    const zip =
      encoding === 'gzip'
        ? createGzip({ level: 3 })
        : encoding === 'deflate'
          ? createDeflate({ level: 3 })
          : encoding === 'br'
            ? createBrotliCompress({ params: { [zlibConstants.BROTLI_PARAM_QUALITY]: 3 } })
            : encoding === 'zstd'
              ? createZstdCompress()
              : undefined
    // Without it a client that leaves would throw from the compressor.
    zip?.on('error', () => undefined)
    zip?.pipe(this.response)
    this.#sink = zip ?? this.response
  }

  /** Resolves when the client can take more, or has left. */
  async write(chunk: Uint8Array): Promise<void> {
    const sink = this.#sink
    if (sink === undefined || this.#gone || chunk.length === 0) return
    if (sink.write(chunk)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(stalled)
        sink.off('drain', done)
        this.response.off('close', done)
        resolve()
      }
      // A client that takes nothing holds a place that others wait for.
      const stalled = setTimeout(() => this.response.destroy(), STALLED_MS)
      sink.once('drain', done)
      this.response.once('close', done)
    })
  }

  end(): void {
    this.#sink?.end()
  }

  /** Answers with an exception: its own status if nothing was sent yet, else a marked tail and a broken connection. */
  async fail(error: unknown): Promise<void> {
    if (this.#gone) return
    const { code, text } = describeException(error, this.#options.version)
    if (!this.started) {
      const body = Buffer.from(`${text}\n`)
      this.response.writeHead(statusOfCode(code), {
        ...this.#common(),
        'Content-Type': 'text/plain; charset=UTF-8',
        'Content-Length': body.length,
        'X-ClickHouse-Exception-Code': String(code),
        ...(code === 194 ? { 'WWW-Authenticate': 'Basic realm="ClickHouse server HTTP API"' } : {}),
      })
      this.response.end(body)
      return
    }
    await this.write(exceptionTail(text, this.#tag))
    const sink = this.#sink
    if (sink !== undefined && 'flush' in sink && typeof sink.flush === 'function') {
      await new Promise<void>((resolve) => {
        this.response.once('close', resolve)
        ;(sink.flush as (done: () => void) => void)(resolve)
      })
    }
    // Never ended properly: a client that knows no tail sees a broken body, never a short result.
    await new Promise((resolve) => setTimeout(resolve, CUT_AFTER_MS))
    this.response.socket?.destroySoon()
  }
}
