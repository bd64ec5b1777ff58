import type { IncomingHttpHeaders } from 'node:http'
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
  readonly limits?: Partial<Pick<ReceiverLimits, 'maxBodyBytes' | 'maxReceivingBytes' | 'closeTimeout'>>
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
  /** Who sends, by the metadata of a call that was admitted. */
  private readonly senders = new WeakMap<Metadata, string>()
  private calls = 0
  private receiving = 0
  private port: number

  constructor(options: GrpcReceiverOptions) {
    this.options = options
    this.limits = { ...DEFAULT_RECEIVER_LIMITS, ...options.limits }
    this.port = options.port
    this.server = new Server({
      'grpc.max_receive_message_length': this.limits.maxBodyBytes,
      'grpc.max_concurrent_streams': CALLS_EACH,
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
  }

  get address(): GrpcReceiver['address'] {
    const { host } = this.options
    const { port } = this
    const scheme = this.options.tls === undefined ? 'http' : 'https'
    return { host, port, url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}` }
  }

  async listen(): Promise<void> {
    const { host, port } = this.options
    const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
    // What it would write to the terminal is told by the errors as well.
    setLogVerbosity(logVerbosity.NONE)
    this.port = await new Promise((resolve, reject) => {
      this.server.bindAsync(where, credentialsOf(this.options.tls), (error, bound) => {
        if (error === null) return resolve(bound)
        if (!error.message.includes('EADDRINUSE')) return reject(error)
        const message = `Port ${port} on ${host}, where OTLP over gRPC should be received, is taken`
        const hint = 'Stop the other program, or choose another port for OTLP over gRPC.'
        reject(new PostflightError('PORT_IN_USE', message, { hint, cause: error }))
      })
    })
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()))
    const timer = setTimeout(() => this.server.forceShutdown(), this.limits.closeTimeout)
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
