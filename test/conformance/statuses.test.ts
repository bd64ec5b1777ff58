import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Refusal } from '../../ingest/outcome.ts'
import { credentialOf } from '../../ingest/sender.ts'
import type { Transport } from '../../ingest/transport/transport.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { encode, official } from './official.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

/** Every status that the doors answer with, met by senders as they are: what they are told, what they make of it, and what is stored. */
const MAX_BODY = 100_000
const SIGNALS = ['logs', 'traces', 'metrics'] as const
type Send = Transport['send']

let ingest: RunningIngest
/** What stands in the way of the next request; `real` takes it. */
let inTheWay: Obstacle[] = []
let keysWanted = false

beforeAll(async () => {
  ingest = await startIngest(
    {},
    {
      maxBodyBytes: MAX_BODY,
      authenticate: async (headers) => {
        const key = credentialOf(headers)
        if (!keysWanted) return { kind: 'ok', keyId: null }
        if (key === undefined) return { kind: 'unauthenticated' }
        return key === 'good' ? { kind: 'ok', keyId: 'k1' } : { kind: 'forbidden' }
      },
      around: (transport) => ({
        readsAtOnce: true,
        admit: (bytes) => transport.admit(bytes),
        send: (request) => {
          const real: Send = (...of) => transport.send(...of)
          return inTheWay.shift()?.(real, request) ?? real(request)
        },
        refuse: (...of) => transport.refuse(...of),
        close: () => transport.close(),
      }),
    },
  )
})
afterAll(() => ingest?.close())
afterEach(() => {
  inTheWay = []
  keysWanted = false
})

type Obstacle = (real: Send, ...of: Parameters<Send>) => ReturnType<Send>
const lost: Obstacle = async () => {
  throw new PostflightError('STORE_UNREACHABLE', 'ClickHouse is away.')
}
/** Stored, but the sender hears that it should come again. */
const answerLost: Obstacle = async (real, ...of) => {
  await real(...of)
  return await lost(real, ...of)
}

async function stored(service: string): Promise<Record<(typeof SIGNALS)[number], number>> {
  const count = async (table: string) => {
    const [row] = await ingest.store.query<{ rows: number }>(
      `SELECT count() AS rows FROM ${table} WHERE ServiceName = {service:String}`,
      { service },
    )
    return row?.rows ?? -1
  }
  const [logs, traces, metrics] = [
    await count('otel_logs'),
    await count('otel_traces'),
    await count('otel_metrics_sum'),
  ]
  return { logs, traces, metrics }
}
const ALL_ONCE = { logs: 1, traces: 1, metrics: 1 }
const NOTHING = { logs: 0, traces: 0, metrics: 0 }

describe.each(['http/protobuf', 'http/json', 'grpc'])('the JavaScript SDK over %s', (protocol) => {
  /** @returns what the SDK said */
  async function run(service: string, environment: Record<string, string> = {}): Promise<string> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(import.meta.dirname, 'refused-sender.ts')],
      {
        timeout: 60_000,
        env: {
          PATH: process.env['PATH'],
          OTEL_SERVICE_NAME: service,
          OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? ingest.grpcUrl : ingest.url,
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_TRACES_EXPORTER: 'otlp',
          OTEL_METRICS_EXPORTER: 'otlp',
          OTEL_LOGS_EXPORTER: 'otlp',
          OTEL_NODE_RESOURCE_DETECTORS: 'env',
          ...environment,
        },
      },
    )
    return (JSON.parse(stdout) as string[]).join('\n')
  }
  const named = (what: string) => `${what}-${protocol}`
  const isGrpc = protocol === 'grpc'

  it('says nothing when all is stored', async () => {
    expect(await run(named('stored'))).toBe('')
    expect(await stored(named('stored'))).toEqual(ALL_ONCE)
  })

  it('says how many were rejected, and why', async () => {
    const said = await run(named('partly'), { WITH_OLD: 'yes' })
    expect(said).toMatch(/Partial Success.*rejectedLogRecords":"?1"?.*TIME_OUT_OF_RANGE/)
    expect(said).toMatch(/Partial Success.*rejectedSpans":"?1"?.*TIME_OUT_OF_RANGE/)
    expect(await stored(named('partly'))).toEqual(ALL_ONCE)
    expect(
      await ingest.store.query(
        "SELECT DISTINCT signal FROM dead_letter WHERE code = 'TIME_OUT_OF_RANGE' ORDER BY signal",
      ),
    ).toEqual([{ signal: 'logs' }, { signal: 'traces' }])
  })

  it('says that a key is needed, or that one may not, and does not come again', async () => {
    keysWanted = true
    expect(await run(named('keyless'))).toMatch(isGrpc ? /UNAUTHENTICATED/ : /401|Unauthorized/)
    const wrong = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer bad' }
    expect(await run(named('keyless'), wrong)).toMatch(isGrpc ? /PERMISSION_DENIED/ : /403|Forbidden/)
    expect(await stored(named('keyless'))).toEqual(NOTHING)
    const right = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer good' }
    expect(await run(named('key'), right)).toBe('')
    expect(await stored(named('key'))).toEqual(ALL_ONCE)
  })

  it.each(['none', 'gzip'])('says that it sent too much at once, compression %s', async (compression) => {
    const said = await run(named('large'), {
      BYTES: String(2 * MAX_BODY),
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
    })
    expect(said).toMatch(
      isGrpc ? /RESOURCE_EXHAUSTED/ : /413|Payload Too Large|Request Entity Too Large|Content Too Large/,
    )
    expect(await stored(named('large'))).toEqual(NOTHING)
  })

  it('comes again after 503, and is stored once, also where only the answer was lost', async () => {
    // What it sends of each signal comes at the same time: some find the store away, some have it taken and are not told.
    inTheWay = [lost, answerLost, answerLost, ...(isGrpc ? [] : [lost])]
    const said = await run(named('away'))
    if (isGrpc) {
      // This SDK does not repeat over gRPC: what was stored is there once, the rest was told to the application.
      expect(said).toMatch(/UNAVAILABLE.*ClickHouse is away/)
      const rows = Object.values(await stored(named('away')))
      expect([...rows].sort()).toEqual([0, 1, 1])
    } else {
      expect(said).toBe('')
      expect(await stored(named('away'))).toEqual(ALL_ONCE)
    }
    expect(inTheWay).toEqual([])
  })

  it('gives up when the answer takes too long; the record is there at most once', async () => {
    const slow: Obstacle = async (real, ...of) => {
      await sleep(2500)
      return await real(...of)
    }
    inTheWay = [slow, slow, slow]
    const said = await run(named('slow'), { OTEL_EXPORTER_OTLP_TIMEOUT: '1000' })
    expect(said).toMatch(isGrpc ? /DEADLINE_EXCEEDED/ : /timed out|retryable/i)
    await sleep(2500)
    for (const rows of Object.values(await stored(named('slow')))) expect(rows).toBeLessThanOrEqual(1)
  })
})

/** A request of one log record, as an official encoder writes it. */
const oneLog = (service: string, timeUnixNano = `${Date.now()}000000`) =>
  encode(official.logs, {
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
        scopeLogs: [{ logRecords: [{ timeUnixNano, body: { stringValue: 'hello' } }] }],
      },
    ],
  })

interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: OutgoingHttpHeaders
  /** Parts of a body; without `content-length` among the headers it is sent in chunks. */
  readonly body?: readonly Buffer[]
}

/** Node's own client, which sends what it is told to. */
async function ask({ method = 'POST', path = '/v1/logs', headers = {}, body = [] }: Asked) {
  const request = httpRequest(`${ingest.url}${path}`, { method, headers })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  // A body that is refused half-way need not be taken to its end.
  request.on('error', () => {})
  for (const part of body) request.write(part)
  request.end()
  const [response] = await answered
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }
}

describe.each(['application/x-protobuf', 'application/json'])('a client of HTTP that sends %s', (type) => {
  const isJson = type === 'application/json'
  const typed = { 'content-type': type }
  const garbage = Buffer.from(isJson ? '{"resourceLogs":[' : [0x0a, 0xff, 0x01])
  const bomb = gzipSync(Buffer.alloc(50 * MAX_BODY, isJson ? 0x20 : 0x00))
  const statusOf = (body: Buffer) =>
    (isJson ? JSON.parse(body.toString()) : official.status.toObject(official.status.decode(body))) as {
      code: number
      message: string
    }

  const cases: readonly [number, string, number, RegExp, Asked, Record<string, RegExp>?][] = [
    [400, 'garbage', 3, /INVALID: .*dead_letter/, { headers: typed, body: [garbage] }],
    [
      400,
      'what is not gzip',
      3,
      /COMPRESSION_CORRUPT/,
      { headers: { ...typed, 'content-encoding': 'gzip' }, body: [garbage] },
    ],
    [
      404,
      'another path',
      5,
      /\/v1\/logs, \/v1\/traces, \/v1\/metrics/,
      { path: '/v1/profiles', headers: typed },
    ],
    [405, 'another method', 12, /Use POST/, { method: 'PUT', headers: typed }, { allow: /POST/ }],
    [
      413,
      'a body that is announced',
      8,
      /more than 100000 bytes/,
      { headers: { ...typed, 'content-length': MAX_BODY + 1 } },
    ],
    [
      413,
      'a body that is not announced',
      8,
      /more than 100000 bytes/,
      { headers: typed, body: Array.from({ length: 4 }, () => Buffer.alloc(MAX_BODY / 2)) },
    ],
    [
      413,
      'a bomb',
      8,
      /after decompression/,
      { headers: { ...typed, 'content-encoding': 'gzip' }, body: [bomb] },
    ],
    [
      415,
      'another coding',
      3,
      /Content-Encoding br/,
      { headers: { ...typed, 'content-encoding': 'br' } },
      { 'accept-encoding': /gzip/ },
    ],
  ]
  it.each(cases)(
    'is told %i for %s, as google.rpc.Status %i in kind',
    async (code, _what, rpc, message, asked, headers = {}) => {
      const answer = await ask(asked)
      expect(answer.status).toBe(code)
      expect(answer.headers['content-type']).toBe(type)
      expect(statusOf(answer.body)).toEqual({ code: rpc, message: expect.stringMatching(message) as string })
      expect(answer.headers['retry-after']).toBeUndefined()
      for (const [name, value] of Object.entries(headers)) expect(answer.headers[name]).toMatch(value)
    },
  )

  it('is told 401 and 403, and 503 with when to come again', async () => {
    keysWanted = true
    const keyless = await ask({ headers: typed })
    expect([keyless.status, statusOf(keyless.body).code, keyless.headers['www-authenticate']]).toEqual([
      401,
      16,
      'Bearer realm="postflight"',
    ])
    const wrong = await ask({ headers: { ...typed, 'x-postflight-key': 'bad' } })
    expect([wrong.status, statusOf(wrong.body).code]).toEqual([403, 7])
    keysWanted = false
    inTheWay = [lost]
    const busy = await ask({ headers: typed, body: [isJson ? Buffer.from('{}') : oneLog('busy')] })
    expect([busy.status, busy.headers['content-type'], statusOf(busy.body)]).toEqual([
      503,
      type,
      { code: 14, message: 'ClickHouse is away.' },
    ])
    expect(Number(busy.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('is answered 200 to an empty request, and with a partial success of records that cannot be stored', async () => {
    const empty = await ask({ headers: typed, body: [Buffer.from(isJson ? '{}' : '')] })
    expect([empty.status, empty.headers['content-type'], empty.body.toString()]).toEqual([
      200,
      type,
      isJson ? '{}' : '',
    ])
    const old = isJson
      ? Buffer.from(
          JSON.stringify(official.logs.toObject(official.logs.decode(oneLog('old', '1')), { longs: String })),
        )
      : oneLog('old', '1')
    const partly = await ask({ headers: typed, body: [old] })
    const { partialSuccess } = (
      isJson
        ? JSON.parse(partly.body.toString())
        : official.response.toObject(official.response.decode(partly.body), { longs: String })
    ) as { partialSuccess: Record<string, string> }
    expect(partly.status).toBe(200)
    expect(partialSuccess['errorMessage']).toContain('TIME_OUT_OF_RANGE')
    expect(Object.values(partialSuccess)).toContain('1')
  })
})

it('a kind that is not known is 415, in JSON, which people can read', async () => {
  const answer = await fetch(`${ingest.url}/v1/traces`, { method: 'POST', body: 'hello' })
  expect([answer.status, answer.headers.get('content-type'), await answer.json()]).toEqual([
    415,
    'application/json',
    {
      code: 3,
      message:
        'Content-Type must be application/x-protobuf or application/json, not text/plain;charset=UTF-8',
    },
  ])
})

describe('a client of gRPC', () => {
  const LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
  const same = (message: Buffer) => message
  let client: Client
  beforeAll(() => {
    client = new Client(ingest.grpcUrl.replace('http://', ''), credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
    })
  })
  afterAll(() => client.close())

  function call(
    body: Buffer,
    { path = LOGS, key, within }: { path?: string; key?: string; within?: number } = {},
  ) {
    const metadata = new Metadata()
    if (key !== undefined) metadata.set('authorization', `Bearer ${key}`)
    const options = within === undefined ? {} : { deadline: Date.now() + within }
    return new Promise<{ error: ServiceError | null; answer: Buffer | undefined }>((done) => {
      client.makeUnaryRequest(path, same, same, body, metadata, options, (error, answer) =>
        done({ error, answer }),
      )
    })
  }
  const detailsOf = (error: ServiceError | null) =>
    official.status.toObject(
      official.status.decode(error?.metadata.get('grpc-status-details-bin')[0] as Buffer),
    ) as { code: number; message: string; details?: { typeUrl: string; value: Buffer }[] }

  it('is told OK, also in part', async () => {
    expect(await call(oneLog('grpc-ok'))).toMatchObject({ error: null, answer: Buffer.alloc(0) })
    expect(await stored('grpc-ok')).toMatchObject({ logs: 1 })
    const { error, answer } = await call(oneLog('grpc-old', '1'))
    expect(error).toBeNull()
    expect(
      official.response.toObject(official.response.decode(answer as Buffer), { longs: String }),
    ).toMatchObject({
      partialSuccess: { errorMessage: expect.stringContaining('TIME_OUT_OF_RANGE') as string },
    })
  })

  it.each<[string, number, () => ReturnType<typeof call>, RegExp]>([
    ['garbage', status.INVALID_ARGUMENT, () => call(Buffer.from([0x0a, 0xff, 0x01])), /PROTOBUF_INVALID/],
    ['no key', status.UNAUTHENTICATED, () => call(oneLog('no')), /key with the scope ingest is needed/],
    [
      'a key for something else',
      status.PERMISSION_DENIED,
      () => call(oneLog('no'), { key: 'bad' }),
      /does not have the scope/,
    ],
  ])('is told of %s, not to come again', async (what, code, answer, message) => {
    keysWanted = what.includes('key')
    const { error } = await answer()
    expect(error?.code).toBe(code)
    expect(error?.details).toMatch(message)
    const details = detailsOf(error)
    expect(details).toMatchObject({ code, message: expect.stringMatching(message) as string })
    expect(details.details).toBeUndefined()
  })

  it('is told when to come again, and then it is taken, once', async () => {
    const body = oneLog('grpc-away')
    for (const obstacle of [lost, answerLost]) {
      inTheWay = [obstacle]
      const { error } = await call(body)
      expect(error?.code).toBe(status.UNAVAILABLE)
      const [info] = detailsOf(error).details ?? []
      expect(info?.typeUrl).toBe('type.googleapis.com/google.rpc.RetryInfo')
      const { retryDelay } = official.retryInfo.toObject(official.retryInfo.decode(info?.value as Buffer), {
        longs: Number,
      }) as { retryDelay: { seconds: number } }
      expect(retryDelay.seconds).toBeGreaterThan(0)
    }
    expect((await call(body)).error).toBeNull()
    expect(await stored('grpc-away')).toMatchObject({ logs: 1 })
  })

  it('is told that it sends too much, that it was too slow, and that there is no such method', async () => {
    expect((await call(Buffer.alloc(MAX_BODY + 1))).error).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    inTheWay = [
      async () => {
        throw new Refusal(413, 'rows over the limit')
      },
    ]
    const rows = await call(oneLog('rows'))
    expect(rows.error?.code).toBe(status.RESOURCE_EXHAUSTED)
    expect(detailsOf(rows.error).details).toBeUndefined()
    inTheWay = [
      async (real, ...of) => {
        await sleep(500)
        return await real(...of)
      },
    ]
    expect((await call(oneLog('grpc-slow'), { within: 200 })).error).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    })
    await expect.poll(async () => (await stored('grpc-slow')).logs).toBe(1)
    const path = '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export'
    expect((await call(oneLog('no'), { path })).error).toMatchObject({ code: status.UNIMPLEMENTED })
  })
})
