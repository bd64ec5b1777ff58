import { type ClientHttp2Session, connect } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import pino from 'pino'
import { afterEach, expect, it } from 'vitest'
import { seededRandom } from '../../analytics/stats/random.ts'
import { startGrpcReceiver } from '../../ingest/otlp-grpc/receiver.ts'
import { startReceiver } from '../../ingest/otlp-http/receiver.ts'
import type { Unreadable } from '../../ingest/protobuf/unreadable.ts'
import type { Acknowledgement, TelemetryRequest, Transport } from '../../ingest/transport/transport.ts'
import { contentOf, envelopes } from './envelopes.ts'

const SEED = 20261126
const MAX_BODY = 1_000_000
const limits = { maxBodyBytes: MAX_BODY }
const about = { host: '127.0.0.1', port: 0, logger: pino({ level: 'silent' }), clock: () => 5, limits }
const LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
const { OK } = status
/** Codes that senders do not repeat (OTLP specification, "Failures") and that say why. */
const REFUSED = [status.INVALID_ARGUMENT, status.RESOURCE_EXHAUSTED, status.UNIMPLEMENTED, status.INTERNAL]

/** Keeps the last thing that came through a door. */
class LastTransport implements Transport {
  taken: Buffer | undefined
  refused: Unreadable | undefined
  begin(): void {
    this.taken = this.refused = undefined
  }
  admit(): void {}
  async send({ body }: TelemetryRequest): Promise<Acknowledgement> {
    this.taken = Buffer.from(body)
    return { accepted: 1, rejected: 0, message: '' }
  }
  async refuse(_: TelemetryRequest, reason: Unreadable): Promise<void> {
    this.refused = reason
  }
  async close(): Promise<void> {}
}

const opened: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

it('HTTP: a compressed body is taken as it was, or refused, whatever became of it on the way', async () => {
  const transport = new LastTransport()
  const receiver = await startReceiver({ ...about, transport })
  opened.push(() => receiver.close())
  const next = envelopes(SEED)
  const before = process.memoryUsage().arrayBuffers
  const seen = new Map<string, number>()
  for (let number = 0; number < 1_500; number++) {
    const envelope = next()
    const { coding, how, bytes } = envelope
    transport.begin()
    const answer = await fetch(`${receiver.address.url}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': coding },
      body: bytes,
      signal: AbortSignal.timeout(20_000),
    })
    await answer.arrayBuffer()
    const expected = contentOf(envelope, MAX_BODY)
    const told = `${number}: ${coding}, ${how}: ${answer.status}`
    seen.set(`${how} ${answer.status}`, (seen.get(`${how} ${answer.status}`) ?? 0) + 1)
    if (expected === 'too large') expect(answer.status, told).toBe(413)
    else if (expected === 'corrupt') {
      expect([answer.status, transport.refused?.code], told).toEqual([400, 'COMPRESSION_CORRUPT'])
      expect(transport.taken, told).toBeUndefined()
    } else {
      expect([answer.status, transport.refused], told).toEqual([200, undefined])
      expect(transport.taken?.equals(expected), told).toBe(true)
    }
  }
  // Of each kind there were some.
  for (const kind of ['whole 200', 'cut off 400', 'bits flipped 400', 'several members 200', 'a bomb 413'])
    expect(seen.get(kind), kind).toBeGreaterThan(0)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000)
})

it('gRPC: a frame is taken as it was, or its call ends with a code that is not to be repeated', async () => {
  const transport = new LastTransport()
  const receiver = await startGrpcReceiver({ ...about, transport, ready: async () => true })
  opened.push(() => receiver.close())
  const session = connect(receiver.address.url)
  opened.push(() => session.close())
  const random = seededRandom(SEED)
  const below = (n: number) => Math.floor(random() * n)
  const next = envelopes(SEED)
  const seen = new Map<string, number>()
  for (let number = 0; number < 800; number++) {
    const envelope = next()
    if (envelope.coding !== 'gzip') continue
    const { bytes } = envelope
    const kind = below(6)
    const longer = bytes.length + 1 + below(1_000)
    const shorter = below(bytes.length + 1)
    const frames = [
      frame(1, bytes),
      // Of another length than it says, longer and shorter.
      frame(1, bytes, longer),
      frame(1, bytes, shorter),
      frame(1, bytes, 0xffffffff),
      // Flags that there are not, and twice a message where one is due.
      frame(2 + below(254), bytes),
      Buffer.concat([frame(1, gzipSync('a')), frame(1, bytes)]),
    ]
    transport.begin()
    const code = await exported(session, frames[kind] as Buffer)
    const told = `${number}: ${envelope.how}, kind ${kind}: ${code}`
    seen.set(`${kind} ${code}`, (seen.get(`${kind} ${code}`) ?? 0) + 1)
    if (code !== OK) {
      expect(REFUSED, told).toContain(code)
      expect(transport.taken, told).toBeUndefined()
      continue
    }
    // What is taken is what was sent: of other flags the bytes as they are, which are then no message.
    const isWhole = kind === 0 || (kind === 2 && shorter === bytes.length)
    expect(isWhole || kind === 4, told).toBe(true)
    const sent = kind === 4 ? bytes : contentOf(envelope, MAX_BODY)
    expect(typeof sent === 'string' ? sent : transport.taken?.equals(sent), told).toBe(true)
  }
  expect(seen.get('0 0')).toBeGreaterThan(0)
  for (let kind = 0; kind < 6; kind++)
    expect(
      [...seen.keys()].some((key) => key.startsWith(`${kind} `)),
      `kind ${kind}`,
    ).toBe(true)
  expect(session.destroyed).toBe(false)
  // The connection is as good as before.
  transport.begin()
  expect(await exported(session, frame(0, Buffer.from('plain')))).toBe(OK)
  expect(String(transport.taken)).toBe('plain')
})

/** A message with its prefix: a flag for compression, and a length. */
function frame(flag: number, bytes: Buffer, length = bytes.length): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt8(flag, 0)
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, bytes])
}

/** Exports what may be no message at all. @returns the code that the call ends with */
function exported(session: ClientHttp2Session, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': LOGS,
      'content-type': 'application/grpc',
      'grpc-encoding': 'gzip',
      te: 'trailers',
    })
    const timer = setTimeout(() => reject(new Error('no answer')), 20_000)
    let code: number | undefined
    const take = (headers: Readonly<Record<string, unknown>>) => {
      if (headers['grpc-status'] !== undefined) code = Number(headers['grpc-status'])
    }
    stream.on('response', take)
    stream.on('trailers', take)
    stream.on('error', () => {})
    stream.on('close', () => {
      clearTimeout(timer)
      if (code === undefined) reject(new Error(`the call ended without a code, by ${stream.rstCode}`))
      else resolve(code)
    })
    stream.resume()
    stream.end(body)
  })
}
