import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { realpath, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join, sep } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import {
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  constants as zlibConstants,
} from 'node:zlib'
import { quote, quoteIdentifier, type ReadOutcome, type WriteOutcome } from './engine.ts'
import { ClickHouseException, describeException, exceptionTail, statusOfCode } from './exception.ts'
import { decodedBody, readHead, spool } from './insert-body.ts'
import { NativeRevision } from './native-revision.ts'
import { parseQueryRequest, type QueryRequest } from './query-request.ts'
import { openResultPipe } from './result-pipe.ts'
import type { Lease, SessionPool } from './session-pool.ts'
import { type Statement, scanStatement } from './sql-scan.ts'

export interface HttpServerOptions {
  pool: SessionPool
  user: string
  password: string
  /** Directory for bodies on their way in and results on their way out; holds a pipe `result-N` for each slot. */
  spoolDirectory: string
  /** The only directory whose files may be named as an insert's body: no caller may have another file of this machine read. */
  bodyDirectory: string
  /** Bytes of one request's rows, decoded. */
  maxBodyBytes: number
  /** Seconds a query may run unless the client says otherwise; 0 for no limit. */
  maxExecutionSeconds: number
  version: string
  timezone: string
  hostName: string
  warn: (message: string, details: Record<string, unknown>) => void
}

// The engine reads a statement of 256 KiB by default; rows behind it do not count.
const HEAD_BYTES = 262_144
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024
const MAX_FORM_BYTES = 256 * 1024 * 1024

// Header and status wait for so much of a result, or so long after its first byte, so that an early error still has
// its own status; a result that has ended by then also has its true summary.
const HOLD_BYTES = 262_144
const HOLD_MS = 50

const KILL_AGAIN_MS = 300
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

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

// The scanner works on single-byte characters, so that its offsets are byte offsets whatever the rows are.
const asBytes = (text: string) => Buffer.from(text, 'latin1')
const asText = (text: string) => asBytes(text).toString('utf8')

/** What a client of a newer protocol revision reads in the place of the engine's own Native blocks. */
function converter(format: string, query: QueryRequest): (chunk: Buffer) => Buffer[] {
  if (format !== 'Native' || query.protocolVersion <= 0) return (chunk) => [chunk]
  const revision = new NativeRevision(query.protocolVersion)
  return (chunk) => revision.push(chunk)
}

const READ_ONLY_WORDS = new Set(['SHOW', 'DESC', 'DESCRIBE', 'EXPLAIN', 'EXISTS', 'SET', 'USE', 'CHECK'])

/** The answer to one request: headers first, compressed if the client asked, cut off if the result fails later. */
class Answer {
  readonly response: ServerResponse
  readonly #options: HttpServerOptions
  readonly #encoding: string | undefined
  readonly #tag = randomBytes(8).toString('hex')
  #sink: Writable | undefined
  #gone = false
  queryId = ''

  constructor(request: IncomingMessage, response: ServerResponse, options: HttpServerOptions) {
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

/** Serves ClickHouse's HTTP interface over a pool of engine sessions. */
export function createHttpServer(options: HttpServerOptions): Server {
  const running = new Map<string, string>()
  let spoolNumber = 0

  const newSpoolPath = (kind: string) => join(options.spoolDirectory, `${kind}-${++spoolNumber}.tmp`)

  function authenticate(user: string, password: string): void {
    if (same(user, options.user) && same(password, options.password)) return
    if (password === '' && same(user, options.user)) {
      throw new ClickHouseException(
        194,
        'REQUIRED_PASSWORD',
        `${user}: Authentication failed: a password is required.`,
      )
    }
    throw new ClickHouseException(
      516,
      'AUTHENTICATION_FAILED',
      `${user}: Authentication failed: password is incorrect, or there is no user with such name.`,
    )
  }

  /** Gives the session what the URL said: database, settings, parameters, and the mark that a kill finds it by. */
  async function prepare(
    lease: Lease,
    query: QueryRequest,
    comment: string,
    readOnly: boolean,
  ): Promise<void> {
    const settings = new Map(query.settings)
    settings.delete('log_comment')
    const last = readOnly && !lease.named && !settings.has('readonly') ? '2' : settings.get('readonly')
    settings.delete('readonly')
    if (options.maxExecutionSeconds > 0 && !settings.has('max_execution_time')) {
      settings.set('max_execution_time', String(options.maxExecutionSeconds))
    }
    const assignments = [`log_comment = ${quote(comment)}`]
    for (const [name, value] of settings) assignments.push(`${name} = ${quote(value)}`)
    for (const [name, value] of query.parameters) {
      if (!/^\w+$/.test(name))
        throw new ClickHouseException(36, 'BAD_ARGUMENTS', `Bad parameter name '${name}'`)
      assignments.push(`param_${name} = ${quote(value)}`)
    }
    if (last !== undefined) assignments.push(`readonly = ${quote(last)}`)
    const use = query.database === undefined ? '' : `USE ${quoteIdentifier(query.database)}; `
    await lease.session.read(`${use}SET ${assignments.join(', ')}`, 'Null')
  }

  /** A session that a client keeps must not keep what belonged to one request. */
  async function restore(lease: Lease, query: QueryRequest): Promise<void> {
    const names = ['log_comment', ...query.settings.keys()].filter((name) => name !== 'readonly')
    await lease.session.read(`SET ${names.map((name) => `${name} = DEFAULT`).join(', ')}`, 'Null')
  }

  async function answerSelect(
    lease: Lease,
    query: QueryRequest,
    statement: Extract<Statement, { kind: 'select' }>,
    answer: Answer,
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
      const path = newSpoolPath('result')
      try {
        const outcome = await read(path)
        answer.begin(format, query.compressAnswer, outcome)
        for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }))
          await answer.write(chunk)
      } finally {
        await rm(path, { force: true })
      }
      return
    }

    const path = join(options.spoolDirectory, `pipe-${lease.slot}`)
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

  async function answerInsert(
    lease: Lease,
    path: string,
    size: number,
    statement: Extract<Statement, { kind: 'insert-data' | 'insert-input' }>,
    answer: Answer,
  ): Promise<void> {
    let outcome: WriteOutcome = { rowsWritten: 0, bytesWritten: 0, elapsed: 0 }
    if (statement.kind === 'insert-input') {
      const structure = statement.structure === undefined ? '' : `, ${asText(statement.structure)}`
      const source = `file(${quote(path)}, ${quote(asText(statement.format))}${structure})`
      outcome = await lease.session.write(asText(statement.before) + source + asText(statement.after))
    } else if (size > 0) {
      outcome = await lease.session.write(
        `${asText(statement.head)} FROM INFILE ${quote(path)} ${asText(statement.settings)} FORMAT ${asText(statement.format)}`,
      )
    } else {
      // An empty body inserts nothing, but a wrong table or column is still an error.
      await lease.session.read(`EXPLAIN AST ${asText(statement.head)} VALUES`, 'Null')
    }
    answer.begin(undefined, false, outcome)
  }

  async function run(
    request: IncomingMessage,
    answer: Answer,
    params: URLSearchParams,
    body: AsyncIterable<Buffer>,
  ): Promise<void> {
    const query = parseQueryRequest(params, request.headers)
    answer.queryId = query.queryId ?? randomUUID()
    const queryId = answer.queryId
    authenticate(query.user, query.password)

    const source = body[Symbol.asyncIterator]()
    const rest = { [Symbol.asyncIterator]: () => source }
    let text = query.query === '' ? Buffer.alloc(0) : Buffer.from(`${query.query}\n`)
    let statement = scanStatement(text.toString('latin1'))
    let ended = false
    if (statement.kind !== 'insert-data' && statement.kind !== 'insert-input') {
      const head = await readHead(source, HEAD_BYTES)
      text = Buffer.concat([text, head.head])
      statement = scanStatement(text.toString('latin1'))
      ended = head.ended
      if (!ended && statement.kind !== 'insert-data' && statement.kind !== 'insert-input') {
        const more = await readHead(source, MAX_STATEMENT_BYTES)
        if (!more.ended) {
          throw new ClickHouseException(
            229,
            'QUERY_IS_TOO_LARGE',
            `A statement may have ${MAX_STATEMENT_BYTES} bytes`,
          )
        }
        text = Buffer.concat([text, more.head])
        statement = scanStatement(text.toString('latin1'))
      }
    }

    const readOnly = request.method !== 'POST'
    const reads =
      statement.kind === 'select' || (statement.kind === 'other' && READ_ONLY_WORDS.has(statement.word))
    if (statement.kind === 'empty') throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Empty query')
    if (statement.kind === 'several') {
      throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed)')
    }
    if (statement.kind === 'file') {
      throw new ClickHouseException(
        78,
        'UNKNOWN_TYPE_OF_QUERY',
        'INTO OUTFILE and FROM INFILE are for clients, not for HTTP',
      )
    }
    if (readOnly && !reads) {
      throw new ClickHouseException(
        164,
        'READONLY',
        `${query.user}: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries`,
      )
    }
    if (running.has(queryId)) {
      throw new ClickHouseException(
        216,
        'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
        `Query with id = ${queryId} is already running.`,
      )
    }

    const userComment = query.settings.get('log_comment')
    const comment = `${userComment === undefined ? '' : `${userComment} `}query_id=${queryId}`
    running.set(queryId, comment)
    let path: string | undefined
    let spooled: string | undefined
    let lease: Lease | undefined
    // What only reads is ended when its client leaves; what writes goes on, as on a server.
    let killing: NodeJS.Timeout | undefined
    const kill = () => {
      options.pool
        .kill(comment)
        .catch((error: unknown) => options.warn('Kill failed', { queryId, error: String(error) }))
    }
    const onClose = () => {
      if (!reads || answer.response.writableFinished) return
      kill()
      // The first kill may come before the engine has begun the query.
      killing = setInterval(kill, KILL_AGAIN_MS)
    }
    try {
      let size = 0
      if (statement.kind === 'insert-data' || statement.kind === 'insert-input') {
        if (query.bodyFile === undefined) {
          path = spooled = newSpoolPath('insert')
          size = await spool(
            path,
            text.subarray(statement.dataStart),
            ended ? [] : rest,
            options.maxBodyBytes,
          )
        } else {
          path = await withinDirectory(query.bodyFile, options.bodyDirectory)
          size = await sizeOf(path)
        }
      }
      lease = await options.pool.lease(query.session)
      if (answer.gone) return
      answer.response.once('close', onClose)
      await prepare(lease, query, comment, readOnly)
      if (statement.kind === 'select') await answerSelect(lease, query, statement, answer)
      else if (path !== undefined && (statement.kind === 'insert-data' || statement.kind === 'insert-input'))
        await answerInsert(lease, path, size, statement, answer)
      else if (statement.kind === 'insert-select') {
        const outcome = await lease.session.write(text.toString())
        answer.begin(undefined, false, outcome)
      } else {
        const sql = statement.kind === 'kill' ? asText(statement.text) : text.toString()
        const format = (statement.kind === 'other' ? statement.format : undefined) ?? query.defaultFormat
        const outcome = await lease.session.read(sql, format)
        answer.begin(format, query.compressAnswer && outcome.bytes.length > 0, outcome)
        for (const piece of converter(format, query)(Buffer.from(outcome.bytes))) await answer.write(piece)
      }
    } finally {
      answer.response.off('close', onClose)
      clearInterval(killing)
      running.delete(queryId)
      if (spooled !== undefined) await rm(spooled, { force: true })
      if (lease !== undefined) {
        if (lease.named) await restore(lease, query).catch(() => undefined)
        lease.release()
      }
    }
    // Only now: with the answer's end the client may use the session, and the query's id, again.
    answer.end()
  }

  async function withForm(request: IncomingMessage, params: URLSearchParams, body: Readable): Promise<void> {
    const { head, ended } = await readHead(body[Symbol.asyncIterator](), MAX_FORM_BYTES)
    if (!ended)
      throw new ClickHouseException(229, 'QUERY_IS_TOO_LARGE', `A form may have ${MAX_FORM_BYTES} bytes`)
    const type = request.headers['content-type'] ?? ''
    const form = await new Response(new Uint8Array(head), { headers: { 'Content-Type': type } }).formData()
    for (const [name, value] of form) {
      if (typeof value !== 'string') {
        throw new ClickHouseException(
          48,
          'NOT_IMPLEMENTED',
          'External tables in a form are not supported here. Use a temporary table in a session',
        )
      }
      params.set(name, value)
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = new Answer(request, response, options)
    try {
      const url = new URL(request.url ?? '/', 'http://localhost')
      const plain = (status: number, text: string) => {
        response.writeHead(status, { 'Content-Type': 'text/html; charset=UTF-8' })
        response.end(text)
      }
      const isRead = request.method === 'GET' || request.method === 'HEAD'
      if (!isRead && request.method !== 'POST') plain(405, 'Only GET, HEAD and POST are served here.\n')
      else if (url.pathname === '/ping' && isRead) plain(200, 'Ok.\n')
      else if (url.pathname === '/replicas_status' && isRead) plain(200, 'Ok.\n')
      else if (url.pathname !== '/') {
        plain(404, `There is no handle ${url.pathname}. Use / or /ping for health checks.\n`)
      } else if (isRead && !url.searchParams.has('query')) plain(200, 'Ok.\n')
      else {
        const body = decodedBody(request)
        const isForm = (request.headers['content-type'] ?? '').startsWith('multipart/form-data')
        if (isForm) await withForm(request, url.searchParams, body)
        await run(request, answer, url.searchParams, isForm ? emptyBody() : body)
      }
    } catch (error) {
      await answer.fail(error)
    } finally {
      // The rest of a body that was not wanted, or the connection could not be used again.
      request.resume()
    }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      options.warn('Request failed', { error: String(error) })
      response.destroy()
    })
  })
  // A long upload is no attack; what is idle is closed after ClickHouse's own 30 seconds.
  server.requestTimeout = 0
  server.keepAliveTimeout = 30_000
  return server
}

/** @throws ClickHouseException if there is no such file */
/** @throws ClickHouseException ACCESS_DENIED for what lies elsewhere, also by a link; FILE_DOESNT_EXIST */
async function withinDirectory(path: string, directory: string): Promise<string> {
  const real = async (name: string) => {
    try {
      return await realpath(name)
    } catch (error) {
      throw new ClickHouseException(
        107,
        'FILE_DOESNT_EXIST',
        `The rows cannot be read from ${path}: ${error}`,
      )
    }
  }
  const file = await real(path)
  if (file.startsWith(`${await real(directory)}${sep}`)) return file
  throw new ClickHouseException(497, 'ACCESS_DENIED', `Only files in ${directory} may be an insert's body`)
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    throw new ClickHouseException(107, 'FILE_DOESNT_EXIST', `The rows cannot be read from ${path}: ${error}`)
  }
}

async function* emptyBody(): AsyncGenerator<Buffer> {}
