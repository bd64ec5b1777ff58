import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import pino from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { PostflightError } from '../../schemas/errors.ts'
import { TooLarge, Unreadable } from '../protobuf/unreadable.ts'
import { credentialOf } from '../sender.ts'
import type { Acknowledgement, TelemetryRequest, Transport } from '../transport/transport.ts'
import { type Receiver, type ReceiverOptions, startReceiver } from './receiver.ts'

const STORED: Acknowledgement = { accepted: 1, rejected: 0, message: '' }
const logger = pino({ level: 'silent' })
let receiver: Receiver | undefined

/** Takes everything, and keeps it for the test to look at. */
class KeepingTransport implements Transport {
  readonly sent: TelemetryRequest[] = []
  readonly refused: { request: TelemetryRequest; reason: Unreadable }[] = []
  outcome: () => Promise<Acknowledgement> = async () => STORED
  admit(_bytes: number): void {}
  async send(request: TelemetryRequest): Promise<Acknowledgement> {
    this.sent.push(request)
    return await this.outcome()
  }
  async refuse(request: TelemetryRequest, reason: Unreadable): Promise<void> {
    this.refused.push({ request, reason })
  }
  async close(): Promise<void> {}
}

async function start(transport: Transport, options: Partial<ReceiverOptions> = {}): Promise<string> {
  receiver = await startReceiver({
    host: '127.0.0.1',
    port: 0,
    transport,
    logger,
    clock: () => 5,
    ...options,
  })
  return receiver.address.url
}

function post(url: string, body: Buffer | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-protobuf', ...headers },
  })
}

afterEach(async () => {
  await receiver?.close()
  receiver = undefined
})

describe('what is answered', () => {
  it('is empty and in kind when everything was stored', async () => {
    const transport = new KeepingTransport()
    const url = await start(transport)
    const protobuf = await post(`${url}/v1/logs`, 'abc')
    expect([protobuf.status, protobuf.headers.get('content-type'), await protobuf.text()]).toEqual([
      200,
      'application/x-protobuf',
      '',
    ])
    const json = await post(`${url}/v1/metrics?x=1`, '{}', {
      'content-type': 'application/json; charset=utf-8',
    })
    expect([json.status, json.headers.get('content-type'), await json.text()]).toEqual([
      200,
      'application/json',
      '{}',
    ])
    expect(
      transport.sent.map(({ signal, contentType, receivedAt, sender }) => [
        signal,
        contentType,
        receivedAt,
        sender,
      ]),
    ).toEqual([
      ['logs', 'application/x-protobuf', 5, '127.0.0.1'],
      ['metrics', 'application/json', 5, '127.0.0.1'],
    ])
  })

  it.each([
    ['/v1/logs', 'rejectedLogRecords'],
    ['/v1/traces', 'rejectedSpans'],
    ['/v1/metrics', 'rejectedDataPoints'],
  ])('counts at %s what was not stored', async (path, field) => {
    const transport = new KeepingTransport()
    transport.outcome = async () => ({ accepted: 2, rejected: 300, message: 'why' })
    const url = await start(transport)
    const json = await post(url + path, '{}', { 'content-type': 'application/json' })
    expect([json.status, await json.json()]).toEqual([
      200,
      { partialSuccess: { [field]: '300', errorMessage: 'why' } },
    ])
    const protobuf = Buffer.from(await (await post(url + path, '')).arrayBuffer())
    expect(protobuf.toString('hex')).toBe('0a0808ac021203776879')
  })

  it('is a google.rpc.Status in kind when nothing was', async () => {
    const transport = new KeepingTransport()
    transport.outcome = async () => {
      throw new Unreadable('PROTOBUF_INVALID', '', 'no')
    }
    const url = await start(transport)
    const json = await post(`${url}/v1/logs`, '{}', { 'content-type': 'application/json' })
    expect([json.status, await json.json()]).toEqual([
      400,
      { code: 3, message: 'PROTOBUF_INVALID: no (kept in dead_letter)' },
    ])
    const protobuf = Buffer.from(await (await post(`${url}/v1/logs`, 'x')).arrayBuffer())
    expect(protobuf.subarray(0, 3).toString('hex')).toBe('080312')
  })

  it.each([
    ['the store does not answer', new PostflightError('STORE_UNREACHABLE', 'gone')],
    ['the store refuses', new PostflightError('STORE_FAILED', 'disk full')],
    ['we are at our limit', new PostflightError('OVERLOADED', 'full')],
    ['something unexpected happens', new TypeError('bug')],
  ])('is 503 with Retry-After, never 500, when %s', async (_, error) => {
    const transport = new KeepingTransport()
    transport.outcome = async () => {
      throw error
    }
    const url = await start(transport)
    const response = await post(`${url}/v1/traces`, 'x', { 'content-type': 'application/json' })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.json()).toMatchObject({ code: 14 })
  })

  it('is 503 before the body is read when the transport admits no more', async () => {
    const transport = new KeepingTransport()
    transport.admit = () => {
      throw new PostflightError('OVERLOADED', 'full')
    }
    const url = await start(transport)
    expect((await post(`${url}/v1/logs`, 'x')).status).toBe(503)
    expect(transport.sent).toEqual([])
  })

  it('says what is wrong with path, method, content type and coding', async () => {
    const url = await start(new KeepingTransport())
    expect((await post(`${url}/v1/profiles`, 'x')).status).toBe(404)
    const get = await fetch(`${url}/v1/logs`)
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
    const type = await post(`${url}/v1/logs`, 'x', { 'content-type': 'text/plain' })
    expect([type.status, await type.json()]).toMatchObject([
      415,
      { code: 3, message: expect.stringContaining('text/plain') },
    ])
    const coding = await post(`${url}/v1/logs`, 'x', { 'content-encoding': 'br' })
    expect([coding.status, coding.headers.get('accept-encoding')]).toEqual([415, 'gzip, deflate, zstd'])
  })

  it('is 400 to what is not HTTP', async () => {
    const url = new URL(await start(new KeepingTransport()))
    const answer = await raw(url, 'NONSENSE\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
  })

  it('is 503, not 408, to a sender that takes too long', async () => {
    const limits = { requestTimeout: 300 }
    const url = new URL(await start(new KeepingTransport(), { limits }))
    const head =
      'POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{'
    const answer = await raw(url, head)
    expect(answer).toMatch(/^HTTP\/1.1 503 .*\r\nRetry-After: 1/)
  }, 60_000)
})

describe('sizes', () => {
  const limits = { maxBodyBytes: 10_000 }

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ] as const)('%s is decompressed', async (encoding, compress) => {
    const transport = new KeepingTransport()
    const url = await start(transport, { limits })
    const body = Buffer.from('log '.repeat(2_000))
    expect((await post(`${url}/v1/logs`, compress(body), { 'content-encoding': encoding })).status).toBe(200)
    expect(transport.sent[0]?.body.equals(body)).toBe(true)
  })

  it('the memory of a body is given back at once where the transport has read it, and only there', async () => {
    const sentTo = async (transport: KeepingTransport) => {
      const url = await start(transport)
      const { promise, resolve } = Promise.withResolvers<Acknowledgement>()
      transport.outcome = () => promise
      const answer = post(`${url}/v1/logs`, Buffer.from('log '.repeat(2_000)))
      const zipped = post(`${url}/v1/logs`, gzipSync(Buffer.from('log '.repeat(2_000))), {
        'content-encoding': 'gzip',
      })
      await vi.waitFor(() => expect(transport.sent).toHaveLength(2))
      const sizes = transport.sent.map(({ body }) => body.length).sort((a, b) => a - b)
      resolve(STORED)
      expect([(await answer).status, (await zipped).status]).toEqual([200, 200])
      await receiver?.close()
      return sizes
    }
    class AtOnce extends KeepingTransport {
      readonly readsAtOnce = true
    }
    expect(await sentTo(new KeepingTransport())).toEqual([8_000, 8_000])
    // Of what was decompressed the memory may be shared.
    expect(await sentTo(new AtOnce())).toEqual([0, 8_000])
  })

  it('a body beyond the limit is 413, announced or not', async () => {
    const transport = new KeepingTransport()
    const url = await start(transport, { limits })
    const announced = await post(`${url}/v1/logs`, Buffer.alloc(10_001))
    expect(announced.status).toBe(413)
    const parts = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 11; i++) controller.enqueue(new Uint8Array(1_000))
        controller.close()
      },
    })
    const chunked = await fetch(`${url}/v1/logs`, {
      method: 'POST',
      body: parts,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    } as RequestInit)
    expect([chunked.status, await chunked.json()]).toMatchObject([413, { code: 8 }])
    expect(transport.sent).toEqual([])
  })

  it('a bomb is cut off at the limit', async () => {
    const transport = new KeepingTransport()
    const url = await start(transport, { limits: { maxBodyBytes: 1_000_000 } })
    const bomb = gzipSync(Buffer.alloc(300_000_000))
    const before = process.memoryUsage().arrayBuffers
    const response = await post(`${url}/v1/logs`, bomb, { 'content-encoding': 'gzip' })
    expect(response.status).toBe(413)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
    expect(transport.sent).toEqual([])
  })

  it('a request whose rows would be too many bytes is 413', async () => {
    const transport = new KeepingTransport()
    transport.outcome = async () => {
      throw new TooLarge('rows')
    }
    expect((await post(`${await start(transport)}/v1/logs`, 'x')).status).toBe(413)
  })

  it('what cannot be decompressed is 400 and handed over with what came', async () => {
    const transport = new KeepingTransport()
    const url = await start(transport)
    for (const body of [Buffer.from('not gzip'), gzipSync(Buffer.alloc(9_999)).subarray(0, 20)]) {
      expect((await post(`${url}/v1/traces`, body, { 'content-encoding': 'gzip' })).status).toBe(400)
      const last = transport.refused.at(-1)
      expect(last?.reason.code).toBe('COMPRESSION_CORRUPT')
      expect(last?.request.body.equals(body)).toBe(true)
    }
  })

  it('a sender that goes away half-way leaves nothing behind', async () => {
    const transport = new KeepingTransport()
    const url = new URL(await start(transport))
    const socket = connect(Number(url.port), url.hostname)
    socket.write(
      'POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    )
    await sleep(50)
    socket.destroy()
    await sleep(50)
    expect(transport.sent).toEqual([])
    expect((await post(`${url.origin}/v1/logs`, 'x')).status).toBe(200)
  })

  it('a sender that goes away before its turn leaves nothing behind, and the next one has it', async () => {
    const transport = new KeepingTransport()
    const url = new URL(await start(transport, { limits: { maxReadingBytes: 1_000 } }))
    const head = 'POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n'
    const begin = async () => {
      const socket = connect(Number(url.port), url.hostname)
      socket.write(`${head}Content-Length: 900\r\n\r\n{`)
      await sleep(50)
      return socket
    }
    const read = await begin()
    const waits = await begin()
    waits.destroy()
    await sleep(50)
    const next = post(`${url.origin}/v1/logs`, Buffer.alloc(900))
    await sleep(50)
    expect(transport.sent).toEqual([])
    read.destroy()
    expect((await next).status).toBe(200)
    expect(transport.sent).toHaveLength(1)
  })

  it('requests are put off when too many bytes are being received', async () => {
    const transport = new KeepingTransport()
    const url = await start(transport, { limits: { maxReceivingBytes: 5_000 } })
    const response = await post(`${url}/v1/logs`, Buffer.alloc(6_000))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect((await post(`${url}/v1/logs`, Buffer.alloc(4_000))).status).toBe(200)
  })
})

describe('who may send', () => {
  it('is asked for every request, and answered in kind', async () => {
    const transport = new KeepingTransport()
    const url = await start(transport, {
      authenticate: async (headers) => {
        const key = credentialOf(headers)
        if (key === 'good') return { kind: 'ok', keyId: 'k1' }
        return { kind: key === 'reader' ? 'forbidden' : 'unauthenticated' }
      },
    })
    const none = await post(`${url}/v1/logs`, '{}', { 'content-type': 'application/json' })
    expect([none.status, none.headers.get('www-authenticate'), await none.json()]).toMatchObject([
      401,
      'Bearer realm="postflight"',
      { code: 16 },
    ])
    expect((await post(`${url}/v1/logs`, 'x', { authorization: 'Bearer reader' })).status).toBe(403)
    expect(transport.sent).toEqual([])
    expect((await post(`${url}/v1/logs`, 'x', { authorization: 'bearer good' })).status).toBe(200)
    expect((await post(`${url}/v1/logs`, 'x', { 'x-postflight-key': 'good' })).status).toBe(200)
    expect(transport.sent.map(({ sender }) => sender)).toEqual(['k1', 'k1'])
  })

  it('pages of other origins may only if allowed', async () => {
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', 'access-control-request-headers': 'content-type' },
    }
    const closed = await start(new KeepingTransport())
    expect(
      (await fetch(`${closed}/v1/traces`, preflight)).headers.get('access-control-allow-origin'),
    ).toBeNull()
    await receiver?.close()
    const open = await start(new KeepingTransport(), { allowedOrigins: ['https://shop.example'] })
    const allowed = await fetch(`${open}/v1/traces`, preflight)
    expect([
      allowed.status,
      allowed.headers.get('access-control-allow-origin'),
      allowed.headers.get('access-control-allow-headers'),
    ]).toEqual([204, 'https://shop.example', 'content-type'])
    const other = await fetch(`${open}/v1/traces`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example' },
    })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
    const sent = await post(`${open}/v1/traces`, 'x', { origin: 'https://shop.example' })
    expect(sent.headers.get('access-control-allow-origin')).toBe('https://shop.example')
  })
})

describe('starting and closing', () => {
  it('a taken port is named', async () => {
    const url = new URL(await start(new KeepingTransport()))
    const again = startReceiver({
      host: '127.0.0.1',
      port: Number(url.port),
      transport: new KeepingTransport(),
      logger,
      clock: Date.now,
    })
    await expect(again).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  })

  it('requests under way are answered before it closes', async () => {
    const transport = new KeepingTransport()
    transport.outcome = async () => {
      await sleep(100)
      return STORED
    }
    const url = await start(transport)
    const answer = post(`${url}/v1/logs`, 'x')
    while (transport.sent.length === 0) await sleep(5)
    await receiver?.close()
    expect((await answer).status).toBe(200)
    receiver = undefined
  })
})

function raw(url: URL, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(url.port), url.hostname, () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}
