import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Receiver, startReceiver } from '../../ingest/otlp-http/receiver.ts'
import { readTls } from '../../ingest/tls.ts'
import type { TelemetryRequest, Transport } from '../../ingest/transport/transport.ts'
import { makeCertificate } from '../peers/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'postflight-http2-'))
let certificate: { cert: string; key: string }
let receiver: Receiver
let session: ClientHttp2Session

class Kept implements Transport {
  readonly sent: TelemetryRequest[] = []
  admit(): void {}
  async send(request: TelemetryRequest) {
    this.sent.push(request)
    return { accepted: 1, rejected: 0, message: '' }
  }
  async refuse(): Promise<void> {}
  async close(): Promise<void> {}
}
let kept: Kept

async function start(limits: object = {}): Promise<void> {
  kept = new Kept()
  receiver = await startReceiver({
    host: '127.0.0.1',
    port: 0,
    transport: kept,
    logger: pino({ level: 'silent' }),
    clock: () => 5,
    tls: readTls({ ...certificate, clientCa: '' }),
    limits,
  })
  session = connect(receiver.address.url, { ca: readFileSync(certificate.cert) })
}

beforeAll(async () => {
  certificate = await makeCertificate(folder, 'server', 'IP:127.0.0.1')
  return () => rmSync(folder, { recursive: true, force: true })
})
afterEach(async () => {
  session?.destroy()
  await receiver?.close()
})

function post(path: string, body: string): Promise<{ status: number; headers: object; body: string }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/json',
    })
    let status = 0
    let headers = {}
    let text = ''
    stream.on('response', (answered) => {
      status = Number(answered[':status'])
      headers = answered
    })
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('end', () => resolve({ status, headers, body: text }))
    stream.on('error', reject)
    stream.end(body)
  })
}

describe('OTLP over HTTP/2', () => {
  it('takes many requests on one connection at once, whole', async () => {
    await start()
    const bodies = Array.from({ length: 50 }, (_, i) => `{"resourceLogs":[],"n":"${'x'.repeat(i * 2000)}"}`)
    const answers = await Promise.all(bodies.map((body) => post('/v1/logs', body)))
    expect(answers.map(({ status, body }) => [status, body])).toEqual(bodies.map(() => [200, '{}']))
    expect(kept.sent.map(({ body }) => body.toString()).sort()).toEqual([...bodies].sort())
    expect(new Set(kept.sent.map(({ sender }) => sender))).toEqual(new Set(['127.0.0.1']))
  })

  it('answers what it refuses, and the connection goes on', async () => {
    await start({ maxBodyBytes: 1000 })
    expect((await post('/v1/nothing', '{}')).status).toBe(404)
    expect(await post('/v1/logs', 'x'.repeat(5000))).toMatchObject({ status: 413 })
    expect((await post('/v1/logs', '{}')).status).toBe(200)
  })

  it('forgets a request whose connection broke half-way', async () => {
    await start()
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/logs',
      'content-type': 'application/json',
    })
    stream.on('error', () => {})
    stream.write('{"resourceLogs"')
    await new Promise((resolve) => setTimeout(resolve, 100))
    session.destroy()
    session = connect(receiver.address.url, { ca: readFileSync(certificate.cert) })
    expect((await post('/v1/logs', '{}')).status).toBe(200)
    expect(kept.sent.map(({ body }) => body.toString())).toEqual(['{}'])
  })

  it('ends a request that takes too long', async () => {
    await start({ requestTimeout: 300 })
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/logs',
      'content-type': 'application/json',
    })
    stream.on('error', () => {})
    stream.write('{')
    await new Promise((resolve) => stream.on('close', resolve))
    expect(kept.sent).toEqual([])
    expect((await post('/v1/logs', '{}')).status).toBe(200)
  })

  it('leaves HTTP/1.1 as it is', async () => {
    await start()
    const { request } = await import('node:https')
    const status = await new Promise((resolve, reject) => {
      const call = request(
        `${receiver.address.url}/v1/traces`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          ca: readFileSync(certificate.cert),
        },
        (response) => {
          response.resume()
          resolve([response.statusCode, response.httpVersion])
        },
      )
      call.on('error', reject)
      call.end('{}')
    })
    expect(status).toEqual([200, '1.1'])
  })
})
