import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Postflight, startPostflight } from '../../postflight.ts'
import { configSchema } from '../../schemas/config.ts'
import { makeCertificate } from '../peers/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'postflight-tls-'))
let running: Postflight
let server: { cert: string; key: string }
let sender: { cert: string; key: string }
let stranger: { cert: string; key: string }

beforeAll(async () => {
  server = await makeCertificate(folder, 'server', 'IP:127.0.0.1')
  sender = await makeCertificate(folder, 'sender', 'DNS:sender')
  stranger = await makeCertificate(folder, 'stranger', 'DNS:stranger')
  running = await startPostflight({
    config: configSchema.parse({
      dataDir: join(folder, 'data'),
      clickhouse: { port: 0 },
      api: { port: 0 },
      otlp: { port: 0, grpcPort: 0, tls: { ...server, clientCa: sender.cert } },
    }),
    logger: pino({ level: 'silent' }),
    clock: Date.now,
  })
})
afterAll(async () => {
  await running?.close()
  rmSync(folder, { recursive: true, force: true })
})

const pem = (path: string) => readFileSync(path)

describe('with client certificates asked for', () => {
  const post = (identity: { cert: string; key: string } | undefined) =>
    new Promise<number>((resolve, reject) => {
      const call = request(
        `${running.urls.otlp}/v1/logs`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          ca: pem(server.cert),
          servername: '',
          ...(identity === undefined ? {} : { cert: pem(identity.cert), key: pem(identity.key) }),
        },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      call.on('error', reject)
      call.end('{"resourceLogs":[]}')
    })

  it('HTTP takes a sender with one, and no other', async () => {
    expect(running.urls.otlp).toMatch(/^https:/)
    expect(await post(sender)).toBe(200)
    await expect(post(undefined)).rejects.toThrow()
    await expect(post(stranger)).rejects.toThrow()
  })

  const call = (identity: { cert: string; key: string } | undefined) => {
    const keys = identity === undefined ? [] : [pem(identity.key), pem(identity.cert)]
    const client = new Client(
      running.urls.otlpGrpc.replace('https://', ''),
      credentials.createSsl(pem(server.cert), ...keys),
    )
    return new Promise<number>((resolve) => {
      client.makeUnaryRequest(
        '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
        (message: Buffer) => message,
        (message: Buffer) => message,
        Buffer.alloc(0),
        (error: ServiceError | null) => {
          client.close()
          resolve(error?.code ?? status.OK)
        },
      )
    })
  }

  it('gRPC takes a sender with one, and no other', async () => {
    expect(await call(sender)).toBe(status.OK)
    expect(await call(undefined)).toBe(status.UNAVAILABLE)
    expect(await call(stranger)).toBe(status.UNAVAILABLE)
  })
})
