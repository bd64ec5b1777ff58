import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { DoorTls } from '../tls.ts'
import type { ReceiverLimits } from './config.ts'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** How often slow senders are looked for; Node's own 30 s would let them stay that much longer. */
const CHECKING_INTERVAL = 5_000
const KEEP_ALIVE = 65_000
/** Requests under way on one HTTP/2 connection. */
const MOST_STREAMS = 100

export interface HttpServer {
  readonly server: Server | Http2SecureServer
  /** Takes no more connections; those that are open get `closeTimeout` for what is under way. */
  close(): Promise<void>
}

/**
 * HTTP/1.1, and with TLS also HTTP/2 for those who ask for it (ALPN). Without TLS nobody speaks HTTP/2: OTLP's senders begin with HTTP/1.1 there.
 * @param handle both versions' requests and answers have what HTTP/1's have
 * @param broken a connection of HTTP/1.1 on which something came that is no request
 */
export function createHttpServer(
  limits: ReceiverLimits,
  tls: DoorTls | undefined,
  handle: Handle,
  broken: (error: NodeJS.ErrnoException, socket: Socket) => void,
): HttpServer {
  const timeouts = {
    requestTimeout: limits.requestTimeout,
    headersTimeout: Math.min(30_000, limits.requestTimeout),
    keepAliveTimeout: KEEP_ALIVE,
    connectionsCheckingInterval: Math.min(CHECKING_INTERVAL, limits.requestTimeout),
  }
  const made = tls === undefined ? plain(timeouts, limits) : secure(timeouts, limits, tls)
  made.server.maxConnections = limits.maxConnections
  made.server.on('request', handle)
  made.server.on('clientError', broken)
  return made
}

type Timeouts = Readonly<
  Record<'requestTimeout' | 'headersTimeout' | 'keepAliveTimeout' | 'connectionsCheckingInterval', number>
>

function plain(timeouts: Timeouts, limits: ReceiverLimits): HttpServer {
  const server = createServer(timeouts)
  return {
    server,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), limits.closeTimeout)
      await closed
      clearTimeout(timer)
    },
  }
}

function secure(timeouts: Timeouts, limits: ReceiverLimits, tls: DoorTls): HttpServer {
  const server = createSecureServer({
    // Taken over for HTTP/1.1 connections.
    ...timeouts,
    allowHTTP1: true,
    settings: { maxConcurrentStreams: MOST_STREAMS },
    cert: tls.cert,
    key: tls.key,
    minVersion: 'TLSv1.2',
    ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
  } as Parameters<typeof createSecureServer>[0])
  Object.assign(server, timeouts)
  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Set<Socket>()
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.setTimeout(timeouts.keepAliveTimeout, () => session.close())
    // A fault of one connection is no fault of the door.
    session.on('error', () => session.destroy())
    session.on('stream', (stream) => {
      // HTTP/2 has no time limit of its own for a request.
      const timer = setTimeout(() => {
        if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL)
      }, timeouts.requestTimeout)
      stream.once('close', () => clearTimeout(timer))
    })
  })
  return {
    server,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const session of sessions) session.close()
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, limits.closeTimeout)
      await closed
      clearTimeout(timer)
    },
  }
}
