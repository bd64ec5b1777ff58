import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Logger } from 'pino'
import { PostflightError } from '../../schemas/errors.ts'
import type { SignalKind } from '../intake.ts'
import { JSON_LINES_TYPES, receiveLines } from '../json-lines/receive.ts'
import { free } from '../memory.ts'
import { outcomeOf, Refusal } from '../outcome.ts'
import { type Authenticate, authenticated } from '../sender.ts'
import { requestAnswered } from '../telemetry.ts'
import type { DoorTls } from '../tls.ts'
import type { Acknowledgement, OtlpContentType, TelemetryRequest, Transport } from '../transport/transport.ts'
import { turn } from '../turn.ts'
import { exportResponse, statusBody } from './answer.ts'
import { announcedBytes, BodyCorrupt, BodyTooLarge, isKnownEncoding, readBody, SenderGone } from './body.ts'
import { BodyTurns } from './body-turns.ts'
import { DEFAULT_RECEIVER_LIMITS, type ReceiverLimits } from './config.ts'
import { createHttpServer, type HttpServer } from './http-server.ts'

export interface ReceiverOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly transport: Transport
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly limits?: Partial<ReceiverLimits>
  readonly authenticate?: Authenticate
  /** Left out: no TLS. */
  readonly tls?: DoorTls | undefined
  /** Origins of web pages that may send; '*' for all. None by default. */
  readonly allowedOrigins?: readonly string[]
}

export interface Receiver {
  readonly address: { readonly host: string; readonly port: number; readonly url: string }
  /** Takes no more requests, and answers those under way. The transport stays open. */
  close(): Promise<void>
}

/**
 * Listens for OTLP over HTTP.
 * @throws PostflightError PORT_IN_USE
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const receiver = new OtlpHttpReceiver(options)
  await receiver.listen()
  return receiver
}

const SIGNALS: Readonly<Record<string, SignalKind>> = {
  '/v1/logs': 'logs',
  '/v1/traces': 'traces',
  '/v1/metrics': 'metrics',
}

/** Logs that are not OpenTelemetry's. */
const JSON_LINES = '/v1/jsonl'
const PATHS = [...Object.keys(SIGNALS), JSON_LINES]

/** Bytes that a body of no announced size is expected to have, and what compressed ones are expected to become of each. */
const UNANNOUNCED = 256 * 1024
const EXPANSION = 8

/** Seconds after which a sender may try again. */
const RETRY_AFTER = 1

class OtlpHttpReceiver implements Receiver {
  private readonly options: ReceiverOptions
  private readonly limits: ReceiverLimits
  private readonly http: HttpServer
  private readonly server: HttpServer['server']
  private readonly turns: BodyTurns
  private receiving = 0
  private closing = false

  constructor(options: ReceiverOptions) {
    this.options = options
    this.limits = { ...DEFAULT_RECEIVER_LIMITS, ...options.limits }
    this.turns = new BodyTurns(this.limits.maxReadingBytes)
    this.http = createHttpServer(
      this.limits,
      options.tls,
      (request, response) => void this.handle(request, response),
      refuseBroken,
    )
    this.server = this.http.server
  }

  get address(): Receiver['address'] {
    const { port } = this.server.address() as AddressInfo
    const { host } = this.options
    const scheme = this.options.tls === undefined ? 'http' : 'https'
    return { host, port, url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}` }
  }

  listen(): Promise<void> {
    const { host, port } = this.options
    return new Promise((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE') return reject(error)
        reject(
          new PostflightError(
            'PORT_IN_USE',
            `Port ${port} on ${host}, where OTLP should be received, is taken`,
            {
              hint: 'Stop the other program, or choose another port for OTLP.',
              cause: error,
            },
          ),
        )
      })
      this.server.listen(port, host, resolve)
    })
  }

  async close(): Promise<void> {
    this.closing = true
    await this.http.close()
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    const lines = path === JSON_LINES
    const signal = lines ? 'logs' : SIGNALS[path]
    // Answered in the kind of the request; in JSON, which people can read, if its kind is none that we know.
    const kind = contentType(request)
    this.allowOrigin(request, response)
    try {
      if (signal === undefined) throw new Refusal(404, `Nothing at ${path}: send to ${PATHS.join(', ')}`)
      if (request.method === 'OPTIONS') return preflight(response)
      if (lines) await this.lines(request, response, new URLSearchParams(query))
      else await this.export(request, response, signal, kind)
    } catch (error) {
      this.refuse(error, request, response, signal, kind ?? 'application/json')
    }
  }

  private async export(
    request: IncomingMessage,
    response: ServerResponse,
    signal: SignalKind,
    kind: OtlpContentType | undefined,
  ): Promise<void> {
    const wanted = kind === undefined ? 'application/x-protobuf or application/json' : undefined
    const sender = await this.admit(request, wanted)
    const contentType = kind as OtlpContentType
    const about = { signal, contentType, sender, receivedAt: this.options.clock() }
    const done = await this.send(about, await this.body(request, about))
    answer(response, 200, contentType, exportResponse(contentType, signal, done))
    requestAnswered(signal, 200)
  }

  private async send(about: Omit<TelemetryRequest, 'body'>, body: Buffer): Promise<Acknowledgement> {
    const { transport } = this.options
    const sent = transport.send({ ...about, body })
    if (transport.readsAtOnce) free(body)
    const done = await sent
    // Not of one that failed: it may be on its way for longer than its sender waits.
    free(body)
    return done
  }

  /** `POST /v1/jsonl`: what became of the lines is answered as JSON. */
  private async lines(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<void> {
    const wanted = JSON_LINES_TYPES.has(mediaType(request)) ? undefined : 'application/x-ndjson'
    const sender = await this.admit(request, wanted)
    const about = {
      signal: 'logs',
      contentType: 'application/json',
      sender,
      receivedAt: this.options.clock(),
    } as const
    const body = await this.body(request, about)
    const done = await receiveLines(this.options.transport, { ...about, body }, query)
    answer(response, 200, 'application/json', Buffer.from(JSON.stringify(done)))
    requestAnswered('logs', 200)
  }

  /**
   * Everything that is asked before a body is read.
   * @param wanted the content type that it should have had
   * @returns who sends: its key, or else its address
   */
  private async admit(request: IncomingMessage, wanted: string | undefined): Promise<string> {
    const { headers } = request
    if (request.method !== 'POST')
      throw new Refusal(405, `Use POST, not ${request.method}`, { Allow: 'POST, OPTIONS' })
    const keyId = await authenticated(this.options.authenticate, headers)
    if (wanted !== undefined)
      throw new Refusal(415, `Content-Type must be ${wanted}, not ${headers['content-type'] ?? 'absent'}`)
    const encoding = codingOf(request)
    if (!isKnownEncoding(encoding)) {
      throw new Refusal(415, `Content-Encoding ${encoding} is not known`, {
        'Accept-Encoding': 'gzip, deflate, zstd',
      })
    }
    const announced = announcedBytes(request)
    if (announced > this.limits.maxBodyBytes) throw new BodyTooLarge(this.limits.maxBodyBytes, false)
    // What waits in its socket takes no memory yet.
    this.options.transport.admit(Math.min(this.receiving + announced, this.limits.maxReadingBytes))
    return keyId ?? request.socket.remoteAddress ?? ''
  }

  private async body(request: IncomingMessage, about: Omit<TelemetryRequest, 'body'>): Promise<Buffer> {
    try {
      return await this.read(request, codingOf(request))
    } catch (error) {
      if (!(error instanceof BodyCorrupt)) throw error
      await this.options.transport.refuse(
        { ...about, contentType: 'application/x-protobuf', body: error.received },
        error.reason,
      )
      throw error.reason
    }
  }

  /** Reads a body when it is its turn, while counting it against what all requests together may bring. */
  private async read(request: IncomingMessage, encoding: string): Promise<Buffer> {
    // What is announced counts from the beginning, and what comes beyond it as it comes.
    let counted = 0
    const count = (bytes: number) => {
      const more = Math.max(0, bytes - counted)
      counted += more
      this.receiving += more
      if (this.receiving > this.limits.maxReceivingBytes) throw new Refusal(503, 'Too many requests at once')
    }
    let leave = () => {}
    // A sender may go away while nobody reads yet.
    request.on('error', () => {})
    try {
      const announced = announcedBytes(request)
      count(announced)
      const inMemory = (announced || UNANNOUNCED) * (encoding === '' ? 1 : EXPANSION)
      leave = await this.turns.enter(Math.min(inMemory, this.limits.maxBodyBytes))
      if (request.destroyed) throw new SenderGone()
      let received = 0
      const body = await readBody(request, encoding, this.limits.maxBodyBytes, (bytes) => {
        received += bytes
        count(received)
      })
      await turn()
      return body
    } finally {
      leave()
      this.receiving -= counted
    }
  }

  private refuse(
    error: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    signal: SignalKind | undefined,
    kind: OtlpContentType,
  ): void {
    if (error instanceof SenderGone || response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    const { status, message, headers } = outcomeOf(error, this.options.logger)
    if (status === 503) response.setHeader('Retry-After', String(RETRY_AFTER))
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    // The rest of a body that nobody will read is not waited for.
    // (HTTP/2 ends the stream alone and has no such header.)
    if (request.httpVersionMajor < 2 && (!request.complete || this.closing))
      response.setHeader('Connection', 'close')
    answer(response, status, kind, statusBody(kind, status, message))
    requestAnswered(signal ?? 'none', status)
  }

  private allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers
    const allowed = this.options.allowedOrigins ?? []
    if (origin === undefined || allowed.length === 0) return
    response.setHeader('Vary', 'Origin')
    if (!allowed.includes('*') && !allowed.includes(origin)) return
    response.setHeader('Access-Control-Allow-Origin', origin)
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After')
    if (request.method !== 'OPTIONS') return
    response.setHeader('Access-Control-Allow-Methods', 'POST')
    const asked = request.headers['access-control-request-headers']
    if (asked !== undefined) response.setHeader('Access-Control-Allow-Headers', asked)
    response.setHeader('Access-Control-Max-Age', '7200')
  }
}

function contentType(request: IncomingMessage): OtlpContentType | undefined {
  const type = mediaType(request)
  return type === 'application/x-protobuf' || type === 'application/json' ? type : undefined
}

function mediaType(request: IncomingMessage): string {
  return ((request.headers['content-type'] ?? '').split(';', 1)[0] as string).trim().toLowerCase()
}

function codingOf(request: IncomingMessage): string {
  return (request.headers['content-encoding'] ?? '').trim().toLowerCase()
}

function preflight(response: ServerResponse): void {
  response.writeHead(204, { Allow: 'POST, OPTIONS' })
  response.end()
}

function answer(response: ServerResponse, status: number, kind: OtlpContentType, body: Buffer): void {
  response.writeHead(status, { 'Content-Type': kind, 'Content-Length': body.length })
  response.end(body)
}

/** A request that is not HTTP, or took too long: answered by hand, since no request object exists. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const line =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? `503 Service Unavailable\r\nRetry-After: ${RETRY_AFTER}`
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request'
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
