import { connect } from 'node:net'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import pino from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { PostflightError } from '../../schemas/errors.ts'
import { TooLarge, Unreadable } from '../protobuf/unreadable.ts'
import type { Acknowledgement, TelemetryRequest, Transport } from '../transport/transport.ts'
import { type GrpcReceiver, type GrpcReceiverOptions, startGrpcReceiver } from './receiver.ts'

const LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
const same = (message: Buffer) => message

let receiver: GrpcReceiver | undefined
let client: Client | undefined

/** Takes everything, and keeps it for the test to look at. */
class KeepingTransport implements Transport {
  readonly sent: TelemetryRequest[] = []
  outcome: () => Promise<Acknowledgement> = async () => ({ accepted: 1, rejected: 0, message: '' })
  admit(_bytes: number): void {}
  async send(request: TelemetryRequest): Promise<Acknowledgement> {
    this.sent.push(request)
    return await this.outcome()
  }
  async refuse(): Promise<void> {}
  async close(): Promise<void> {}
}

async function start(transport: Transport, options: Partial<GrpcReceiverOptions> = {}): Promise<Client> {
  receiver = await startGrpcReceiver({
    host: '127.0.0.1',
    port: 0,
    transport,
    logger: pino({ level: 'silent' }),
    clock: () => 5,
    ready: async () => true,
    ...options,
  })
  client = new Client(receiver.address.url.replace('http://', ''), credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
  })
  return client
}

interface CallOptions {
  readonly path?: string
  readonly metadata?: Record<string, string>
  /** Milliseconds. */
  readonly within?: number
}

function call(to: Client, body: Buffer, { path = LOGS, metadata = {}, within }: CallOptions = {}) {
  const sent = new Metadata()
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value)
  return new Promise<Buffer>((resolve, reject) => {
    to.makeUnaryRequest(
      path,
      same,
      same,
      body,
      sent,
      within === undefined ? {} : { deadline: Date.now() + within },
      (error, answer) => (error === null ? resolve(answer as Buffer) : reject(error)),
    )
  })
}

const failure = (answer: Promise<Buffer>): Promise<ServiceError> =>
  answer.then(
    () => expect.fail('the call was taken'),
    (error: ServiceError) => error,
  )

/** The bytes of the trailer that has google.rpc.Status, as text. */
const detailsOf = (error: ServiceError) => String(error.metadata.get('grpc-status-details-bin')[0])

afterEach(async () => {
  client?.close()
  await receiver?.close()
  receiver = undefined
})

describe('export', () => {
  it.each([
    ['logs', LOGS],
    ['traces', '/opentelemetry.proto.collector.trace.v1.TraceService/Export'],
    ['metrics', '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'],
  ])('of %s hands the bytes on as they came, and answers with an empty message', async (signal, path) => {
    const transport = new KeepingTransport()
    const body = Buffer.from([1, 2, 255])
    expect(await call(await start(transport), body, { path })).toHaveLength(0)
    expect(transport.sent).toEqual([
      { signal, contentType: 'application/x-protobuf', body, sender: '127.0.0.1', receivedAt: 5 },
    ])
  })

  it('takes gzip', async () => {
    const transport = new KeepingTransport()
    await start(transport)
    const squeezing = new Client(
      receiver?.address.url.replace('http://', '') ?? '',
      credentials.createInsecure(),
      { 'grpc.default_compression_algorithm': 2 },
    )
    const body = Buffer.alloc(10_000, 'a')
    await call(squeezing, body)
    squeezing.close()
    expect(transport.sent[0]?.body.equals(body)).toBe(true)
  })

  it('tells how many records were rejected, and why', async () => {
    const transport = new KeepingTransport()
    transport.outcome = async () => ({ accepted: 1, rejected: 2, message: 'too old' })
    const answer = await call(await start(transport), Buffer.from('x'))
    expect(answer).toEqual(Buffer.from([0x0a, 11, 0x08, 2, 0x12, 7, ...Buffer.from('too old')]))
  })

  it('is INVALID_ARGUMENT if nothing can be read', async () => {
    const transport = new KeepingTransport()
    transport.outcome = async () => {
      throw new Unreadable('PROTOBUF_INVALID', '', 'number cut off')
    }
    const error = await failure(call(await start(transport), Buffer.from('x')))
    expect(error.code).toBe(status.INVALID_ARGUMENT)
    expect(detailsOf(error)).toContain('number cut off')
    expect(detailsOf(error)).not.toContain('RetryInfo')
  })

  it('is UNAVAILABLE with RetryInfo while it cannot be stored', async () => {
    const transport = new KeepingTransport()
    transport.outcome = async () => {
      throw new PostflightError('STORE_UNREACHABLE', 'ClickHouse is away')
    }
    const error = await failure(call(await start(transport), Buffer.from('x')))
    expect(error.code).toBe(status.UNAVAILABLE)
    expect(detailsOf(error)).toContain('google.rpc.RetryInfo')
  })

  it('is UNAVAILABLE with RetryInfo when too much waits, before the message is read', async () => {
    const transport = new KeepingTransport()
    transport.admit = () => {
      throw new PostflightError('OVERLOADED', 'too much is waiting')
    }
    const error = await failure(call(await start(transport), Buffer.from('x')))
    expect(error.code).toBe(status.UNAVAILABLE)
    expect(detailsOf(error)).toContain('google.rpc.RetryInfo')
    expect(transport.sent).toEqual([])
  })

  it('is RESOURCE_EXHAUSTED, and not to be repeated, if it is too large', async () => {
    const transport = new KeepingTransport()
    transport.outcome = async () => {
      throw new TooLarge('too many bytes')
    }
    const to = await start(transport, { limits: { maxBodyBytes: 1_000 } })
    const rows = await failure(call(to, Buffer.from('x')))
    const body = await failure(call(to, Buffer.alloc(2_000)))
    for (const error of [rows, body]) {
      expect(error.code).toBe(status.RESOURCE_EXHAUSTED)
      expect(detailsOf(error)).not.toContain('RetryInfo')
    }
    expect(transport.sent).toHaveLength(1)
  })

  it('cuts off a bomb', async () => {
    const transport = new KeepingTransport()
    await start(transport, { limits: { maxBodyBytes: 10_000 } })
    const squeezing = new Client(
      receiver?.address.url.replace('http://', '') ?? '',
      credentials.createInsecure(),
      { 'grpc.default_compression_algorithm': 2, 'grpc.max_send_message_length': -1 },
    )
    const error = await failure(call(squeezing, Buffer.alloc(5_000_000)))
    squeezing.close()
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED)
    expect(transport.sent).toEqual([])
  })

  it('takes an empty message', async () => {
    const transport = new KeepingTransport()
    expect(await call(await start(transport), Buffer.alloc(0))).toHaveLength(0)
    expect(transport.sent).toHaveLength(1)
  })

  it('asks for a key, and names the sender by it', async () => {
    const transport = new KeepingTransport()
    const to = await start(transport, {
      authenticate: async (headers) =>
        headers.authorization === undefined
          ? { kind: 'unauthenticated' }
          : headers.authorization === 'Bearer right'
            ? { kind: 'ok', keyId: 'k1' }
            : { kind: 'forbidden' },
    })
    const body = Buffer.from('x')
    expect((await failure(call(to, body))).code).toBe(status.UNAUTHENTICATED)
    const other = await failure(call(to, body, { metadata: { authorization: 'Bearer other' } }))
    expect(other.code).toBe(status.PERMISSION_DENIED)
    await call(to, body, { metadata: { authorization: 'Bearer right' } })
    expect(transport.sent.map(({ sender }) => sender)).toEqual(['k1'])
  })

  it('ends when the sender does not wait any longer, and takes the next', async () => {
    const transport = new KeepingTransport()
    transport.outcome = () => new Promise(() => {})
    const to = await start(transport, { limits: { closeTimeout: 100 } })
    const late = await failure(call(to, Buffer.from('x'), { within: 100 }))
    expect(late.code).toBe(status.DEADLINE_EXCEEDED)
    transport.outcome = async () => ({ accepted: 1, rejected: 0, message: '' })
    await call(to, Buffer.from('y'))
  })

  it('is UNIMPLEMENTED elsewhere', async () => {
    const to = await start(new KeepingTransport())
    const error = await failure(call(to, Buffer.from('x'), { path: '/some.Service/Method' }))
    expect(error.code).toBe(status.UNIMPLEMENTED)
  })
})

it('connections beyond the limit are closed at once, and others have their place when some go', async () => {
  const transport = new KeepingTransport()
  const first = await start(transport, { limits: { maxConnections: 2 } })
  await call(first, Buffer.from('1'))
  const { port } = receiver?.address ?? { port: 0 }
  const silent = connect(port, '127.0.0.1')
  await new Promise((connected) => silent.once('connect', connected))
  const other = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 100,
  })
  const refused = await failure(call(other, Buffer.from('2')))
  expect(refused.code).toBe(status.UNAVAILABLE)
  await call(first, Buffer.from('3'))
  silent.destroy()
  const again = () =>
    call(other, Buffer.from('4')).then(
      () => 'taken',
      () => 'refused',
    )
  await expect.poll(again, { timeout: 20_000 }).toBe('taken')
  other.close()
  expect(transport.sent.map(({ body }) => String(body))).toEqual(['1', '3', '4'])
})

it('a connection that says nothing does not keep the door open when it closes', async () => {
  await start(new KeepingTransport())
  const silent = connect(receiver?.address.port ?? 0, '127.0.0.1')
  await new Promise((connected) => silent.once('connect', connected))
  silent.on('error', () => {})
  const begun = performance.now()
  await receiver?.close()
  receiver = undefined
  expect(performance.now() - begun).toBeLessThan(5_000)
  silent.destroy()
})

describe('health', () => {
  const check = (to: Client, service: string) =>
    call(to, Buffer.from(service === '' ? '' : `\x0a${String.fromCharCode(service.length)}${service}`), {
      path: '/grpc.health.v1.Health/Check',
    })

  it('is SERVING only while requests are taken, needs no key, and knows its services', async () => {
    let ready = true
    const to = await start(new KeepingTransport(), {
      ready: async () => ready,
      authenticate: async () => ({ kind: 'unauthenticated' }),
    })
    expect([...(await check(to, ''))]).toEqual([8, 1])
    const service = 'opentelemetry.proto.collector.logs.v1.LogsService'
    expect([...(await check(to, service))]).toEqual([8, 1])
    ready = false
    expect([...(await check(to, service))]).toEqual([8, 2])
    expect((await failure(check(to, 'other'))).code).toBe(status.NOT_FOUND)
  })

  it('is told to those who watch', async () => {
    const to = await start(new KeepingTransport(), { ready: async () => false })
    const watching = to.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, Buffer.alloc(0))
    const first = await new Promise<Buffer>((resolve, reject) => {
      watching.once('data', resolve)
      watching.once('error', reject)
    })
    expect([...first]).toEqual([8, 2])
    watching.on('error', () => {})
    watching.cancel()
  })
})

it('a port that is taken is named', async () => {
  await start(new KeepingTransport())
  const port = receiver?.address.port ?? 0
  const again = startGrpcReceiver({
    host: '127.0.0.1',
    port,
    transport: new KeepingTransport(),
    logger: pino({ level: 'silent' }),
    clock: () => 5,
    ready: async () => true,
  })
  await expect(again).rejects.toMatchObject({ code: 'PORT_IN_USE' })
})
