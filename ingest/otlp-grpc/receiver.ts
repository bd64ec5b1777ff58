import type { IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer, type Server as Door, type Socket } from 'node:net'
import {
  logVerbosity,
  type Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  type ServerUnaryCall,
  type sendUnaryData,
  setLogVerbosity,
} from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { PostflightError } from '../../schemas/errors.ts'
import type { SignalKind } from '../intake.ts'
import { exportResponse } from '../otlp-http/answer.ts'
import { DEFAULT_RECEIVER_LIMITS, type ReceiverLimits } from '../otlp-http/config.ts'
import { outcomeOf, Refusal } from '../outcome.ts'
import { type Authenticate, authenticated } from '../sender.ts'
import { requestAnswered } from '../telemetry.ts'
import type { DoorTls } from '../tls.ts'
import type { Transport } from '../transport/transport.ts'
import { turn } from '../turn.ts'
import { HEALTH_SERVICE, healthHandlers } from './health.ts'
import { EXPORT_METHODS, SERVICE_NAMES } from './methods.ts'
import { grpcStatus } from './status.ts'

export interface GrpcReceiverOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly transport: Transport
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Whether requests are taken now, for health checks. */
  readonly ready: () => Promise<boolean>
  readonly limits?: Partial<
    Pick<ReceiverLimits, 'maxBodyBytes' | 'maxReceivingBytes' | 'maxConnections' | 'closeTimeout'>
  >
  readonly authenticate?: Authenticate
  /** Left out: no TLS. */
  readonly tls?: DoorTls | undefined
}

export interface GrpcReceiver {
  readonly address: { readonly host: string; readonly port: number; readonly url: string }
  /** Takes no more calls, and answers those under way. The transport stays open. */
  close(): Promise<void>
}

/** Calls of one connection at a time, and of all together; more of one wait, more of all are put off. */
const CALLS_EACH = 100
const CALLS = 500
/** Milliseconds: connections without calls are closed, so that they take no others' place, and dead ones are found by pings. */
const IDLE = 300_000
const PING_EVERY = 60_000
const PING_WITHIN = 20_000

/**
 * Listens for OTLP over gRPC, and for health checks.
 * @throws PostflightError PORT_IN_USE
 */
export async function startGrpcReceiver(options: GrpcReceiverOptions): Promise<GrpcReceiver> {
  const receiver = new OtlpGrpcReceiver(options)
  await receiver.listen()
  return receiver
}

class OtlpGrpcReceiver implements GrpcReceiver {
  private readonly options: GrpcReceiverOptions
  private readonly limits: typeof DEFAULT_RECEIVER_LIMITS
  private readonly server: Server
  /** Where connections come in: gRPC's server has no limit for them. */
  private readonly door: Door
  private readonly connections = new Set<Socket>()
  /** Who sends, by the metadata of a call that was admitted. */
  private readonly senders = new WeakMap<Metadata, string>()
  private calls = 0
  private receiving = 0

  constructor(options: GrpcReceiverOptions) {
    this.options = options
    this.limits = { ...DEFAULT_RECEIVER_LIMITS, ...options.limits }
    this.server = new Server({
      'grpc.max_receive_message_length': this.limits.maxBodyBytes,
      'grpc.max_concurrent_streams': CALLS_EACH,
      'grpc.max_connection_idle_ms': IDLE,
      'grpc.keepalive_time_ms': PING_EVERY,
      'grpc.keepalive_timeout_ms': PING_WITHIN,
      interceptors: [this.admission()],
    })
    for (const { signal, service } of EXPORT_METHODS) {
      this.server.addService(service, {
        Export: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
          void this.export(signal, call, answer)
        },
      })
    }
    this.server.addService(HEALTH_SERVICE, healthHandlers(SERVICE_NAMES, options.ready))
    // What it would write to the terminal is told by the errors as well.
    setLogVerbosity(logVerbosity.NONE)
    const grpc = this.server.createConnectionInjector(credentialsOf(options.tls))
    this.door = createServer({ noDelay: true }, (socket) => {
      this.connections.add(socket)
      socket.once('close', () => this.connections.delete(socket))
      socket.on('error', () => socket.destroy())
      grpc.injectConnection(socket)
    })
    this.door.maxConnections = this.limits.maxConnections
  }

  get address(): GrpcReceiver['address'] {
    const { host } = this.options
    const { port } = this.door.address() as AddressInfo
    const scheme = this.options.tls === undefined ? 'http' : 'https'
    return { host, port, url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}` }
  }

  listen(): Promise<void> {
    const { host, port } = this.options
    return new Promise((resolve, reject) => {
      this.door.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE') return reject(error)
        const message = `Port ${port} on ${host}, where OTLP over gRPC should be received, is taken`
        const hint = 'Stop the other program, or choose another port for OTLP over gRPC.'
        reject(new PostflightError('PORT_IN_USE', message, { hint, cause: error }))
      })
      this.door.listen(port, host, resolve)
    })
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.door.close(() => resolve()))
    const timer = setTimeout(() => {
      this.server.forceShutdown()
      for (const socket of this.connections) socket.destroy()
    }, this.limits.closeTimeout)
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()))
    // Those that never got as far as HTTP/2.
    for (const socket of this.connections) socket.destroySoon()
    await closed
    clearTimeout(timer)
  }

  private async export(
    signal: SignalKind,
    call: ServerUnaryCall<Buffer, Buffer>,
    answer: sendUnaryData<Buffer>,
  ): Promise<void> {
    const body = call.request
    this.receiving += body.length
    try {
      this.options.transport.admit(this.receiving)
      await turn()
      const done = await this.options.transport.send({
        signal,
        contentType: 'application/x-protobuf',
        body,
        sender: this.senders.get(call.metadata) ?? '',
        receivedAt: this.options.clock(),
      })
      answer(null, exportResponse('application/x-protobuf', signal, done))
      requestAnswered(signal, 200)
    } catch (error) {
      const outcome = outcomeOf(error, this.options.logger)
      answer(grpcStatus(outcome))
      requestAnswered(signal, outcome.status)
    } finally {
      this.receiving -= body.length
    }
  }

  /** Everything that is asked before a message is read. */
  private admission(): ServerInterceptor {
    return (method, call) => {
      if (method.path.startsWith('/grpc.health.')) return new ServerInterceptingCall(call)
      let counted = false
      const done = () => {
        if (counted) this.calls--
        counted = false
      }
      const listener = new ServerListenerBuilder()
        .withOnReceiveMetadata((metadata, next) => {
          this.admit(metadata, call.getPeer(), call.getHost()).then(
            () => {
              counted = true
              this.calls++
              next(metadata)
            },
            (error: unknown) => {
              const outcome = outcomeOf(error, this.options.logger)
              call.sendStatus(grpcStatus(outcome))
              requestAnswered('none', outcome.status)
            },
          )
        })
        .withOnCancel(done)
        .build()
      return new ServerInterceptingCall(call, {
        start: (next) => next(listener),
        sendStatus: (status, next) => {
          done()
          next(status)
        },
      })
    }
  }

  /** @throws Refusal, PostflightError */
  private async admit(metadata: Metadata, peer: string, host: string): Promise<void> {
    const keyId = await authenticated(this.options.authenticate, headersOf(metadata, host))
    if (this.calls >= CALLS) throw new Refusal(503, 'Too many requests at once')
    this.options.transport.admit(this.receiving)
    this.senders.set(metadata, keyId ?? peer.replace(/:\d+$/, ''))
  }
}

/** What a door is opened by, as HTTP has it: browsers' requests, which name strange hosts, are told by it too. */
function headersOf(metadata: Metadata, host: string): IncomingHttpHeaders {
  const given = ['authorization', 'x-postflight-key', 'origin'].flatMap((name) => {
    const [value] = metadata.get(name)
    return typeof value === 'string' ? [[name, value]] : []
  })
  return { ...Object.fromEntries(given), host }
}

function credentialsOf(tls: DoorTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure()
  const pair = { cert_chain: tls.cert, private_key: tls.key }
  return ServerCredentials.createSsl(tls.clientCa ?? null, [pair], tls.clientCa !== undefined)
}
