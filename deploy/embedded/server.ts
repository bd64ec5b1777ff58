import { randomUUID, timingSafeEqual } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Answer } from './answer.ts'
import { ClickHouseException } from './exception.ts'
import { answerInsert, sizeOf, withinDirectory } from './insert.ts'
import { decodedBody, readHead, spool } from './insert-body.ts'
import { parseQueryRequest } from './query-request.ts'
import { answerSelect, converter } from './select.ts'
import type { Lease, SessionPool } from './session-pool.ts'
import { prepare, restore } from './session-settings.ts'
import { asText } from './sql-scan.ts'
import { checkStatement, readStatement } from './statement.ts'

export interface HttpServerOptions {
  pool: SessionPool
  user: string
  password: string
  /** Directory for bodies on their way in and results on their way out; holds a pipe `pipe-N` for each slot. */
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

const MAX_FORM_BYTES = 256 * 1024 * 1024

const KILL_AGAIN_MS = 300

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
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
    const { text, statement, ended } = await readStatement(query, source)
    const readOnly = request.method !== 'POST'
    const reads = checkStatement(statement, query, readOnly)
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
      await prepare(lease, query, comment, readOnly, options.maxExecutionSeconds)
      if (statement.kind === 'select') {
        await answerSelect(lease, query, statement, answer, {
          pipe: join(options.spoolDirectory, `pipe-${lease.slot}`),
          file: newSpoolPath('result'),
        })
      } else if (
        path !== undefined &&
        (statement.kind === 'insert-data' || statement.kind === 'insert-input')
      )
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

async function* emptyBody(): AsyncGenerator<Buffer> {}
