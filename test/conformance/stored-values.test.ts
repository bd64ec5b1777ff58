import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encode, official } from './official.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest({ writer: { retryFor: 300 } })
})
afterAll(async () => {
  await ingest.close()
})

const NOW = BigInt(Date.now()) * 1_000_000n + 123_456n
const time = String(NOW)
const TRACE_ID = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex')
const SPAN_ID = Buffer.from('a1b2c3d4e5f60718', 'hex')
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const resource = (service: string) => ({ attributes: [text('service.name', service)] })

function post(
  path: string,
  body: Buffer | string,
  type = 'application/x-protobuf',
  headers: Record<string, string> = {},
) {
  return fetch(ingest.url + path, { method: 'POST', body, headers: { 'content-type': type, ...headers } })
}

function logs(service: string, ...logRecords: object[]): Buffer {
  return encode(official.logs, {
    resourceLogs: [{ resource: resource(service), scopeLogs: [{ logRecords }] }],
  })
}

function metrics(service: string, ...each: object[]): Buffer {
  return encode(official.metrics, {
    resourceMetrics: [{ resource: resource(service), scopeMetrics: [{ metrics: each }] }],
  })
}

async function rows(table: string, service: string, columns = '*'): Promise<Record<string, unknown>[]> {
  return await ingest.store.query(`SELECT ${columns} FROM ${table} WHERE ServiceName = {service:String}`, {
    service,
  })
}

const deadLetters = (code: string) =>
  ingest.store.query<Record<string, unknown>>('SELECT * FROM dead_letter WHERE code = {code:String}', {
    code,
  })

describe('stored values', () => {
  it('of attributes are exact text of every type, sorted by key', async () => {
    const attributes = [
      { key: 'z', value: { intValue: '-9223372036854775808' } },
      { key: 'max', value: { intValue: '9223372036854775807' } },
      { key: 'nan', value: { doubleValue: Number.NaN } },
      { key: 'inf', value: { doubleValue: Number.NEGATIVE_INFINITY } },
      { key: 'double', value: { doubleValue: 0.1 } },
      { key: 'bytes', value: { bytesValue: Buffer.from([255, 0, 1]) } },
      { key: 'twice', value: { stringValue: 'first' } },
      {
        key: 'list',
        value: { arrayValue: { values: [{ boolValue: true }, {}, { intValue: '9007199254740993' }] } },
      },
      { key: 'twice', value: { stringValue: 'last' } },
      { key: 'none' },
    ]
    const response = await post('/v1/logs', logs('values', { timeUnixNano: time, attributes }))
    expect(response.status).toBe(200)
    const [row] = await rows(
      'otel_logs',
      'values',
      'LogAttributes, toUnixTimestamp64Nano(Timestamp)::String AS nanoseconds',
    )
    expect(row).toEqual({
      nanoseconds: time,
      LogAttributes: {
        bytes: '/wAB',
        double: '0.1',
        inf: '-Inf',
        list: '[true,null,9007199254740993]',
        max: '9223372036854775807',
        nan: 'NaN',
        none: '',
        twice: 'last',
        z: '-9223372036854775808',
      },
    })
    expect(Object.keys(row?.['LogAttributes'] as object)).toEqual(
      Object.keys(row?.['LogAttributes'] as object).sort(),
    )
  })

  it('of JSON are the same, 64-bit numbers exact as text and as number', async () => {
    const body = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"json"}}]},
      "scopeLogs":[{"logRecords":[{"timeUnixNano":${time},"unknown":[1],"traceId":"${TRACE_ID.toString('hex').toUpperCase()}",
      "attributes":[{"key":"n","value":{"intValue":9007199254740993}},{"key":"s","value":{"intValue":"-9007199254740995"}}]}]}]}]}`
    const response = await post('/v1/logs', body, 'application/json')
    expect([response.status, await response.text()]).toEqual([200, '{}'])
    expect(
      await rows(
        'otel_logs',
        'json',
        'TraceId, LogAttributes, toUnixTimestamp64Nano(Timestamp)::String AS t',
      ),
    ).toEqual([
      {
        TraceId: TRACE_ID.toString('hex'),
        LogAttributes: { n: '9007199254740993', s: '-9007199254740995' },
        t: time,
      },
    ])
  })

  it('of points of every kind are what was sent', async () => {
    const exemplars = [
      {
        timeUnixNano: time,
        asInt: '-7',
        spanId: SPAN_ID,
        traceId: TRACE_ID,
        filteredAttributes: [text('k', 'v')],
      },
    ]
    const sent = metrics(
      'points',
      {
        name: 'g',
        gauge: { dataPoints: [{ timeUnixNano: time, asDouble: Number.NaN, flags: 1, exemplars }] },
      },
      {
        name: 's',
        sum: {
          dataPoints: [{ startTimeUnixNano: '5', timeUnixNano: time, asInt: '-12' }],
          isMonotonic: true,
          aggregationTemporality: 2,
        },
      },
      {
        name: 'e',
        exponentialHistogram: {
          aggregationTemporality: 1,
          dataPoints: [
            {
              timeUnixNano: time,
              count: '18446744073709551615',
              sum: -1.5,
              scale: -4,
              zeroCount: '3',
              positive: { offset: -9, bucketCounts: ['1', '70000000000'] },
              negative: { offset: 2, bucketCounts: ['5'] },
              min: -2,
              max: 8,
            },
          ],
        },
      },
      {
        name: 'y',
        summary: {
          dataPoints: [
            {
              timeUnixNano: time,
              count: '4',
              sum: 10,
              quantileValues: [
                { quantile: 0.5, value: 2 },
                { quantile: 0.99, value: 6 },
              ],
            },
          ],
        },
      },
    )
    expect(
      (await post('/v1/metrics', gzipSync(sent), undefined, { 'content-encoding': 'gzip' })).status,
    ).toBe(200)
    const [gauge] = await rows('otel_metrics_gauge', 'points', '*, isNaN(Value) AS nan')
    expect(gauge).toMatchObject({
      nan: 1,
      Flags: 1,
      'Exemplars.Value': [-7],
      'Exemplars.SpanId': [SPAN_ID.toString('hex')],
      'Exemplars.TraceId': [TRACE_ID.toString('hex')],
      'Exemplars.FilteredAttributes': [{ k: 'v' }],
    })
    expect(
      await rows(
        'otel_metrics_sum',
        'points',
        'Value, IsMonotonic, toUnixTimestamp64Nano(StartTimeUnix) AS start',
      ),
    ).toEqual([{ Value: -12, IsMonotonic: true, start: 5 }])
    expect(
      await rows('otel_metrics_exponential_histogram', 'points', '*, toString(Count) AS exact'),
    ).toMatchObject([
      {
        exact: '18446744073709551615',
        Sum: -1.5,
        Scale: -4,
        ZeroCount: 3,
        PositiveOffset: -9,
        PositiveBucketCounts: [1, 70000000000],
        NegativeOffset: 2,
        NegativeBucketCounts: [5],
        Min: -2,
        Max: 8,
        AggregationTemporality: 1,
      },
    ])
    expect(await rows('otel_metrics_summary', 'points')).toMatchObject([
      { Count: 4, Sum: 10, 'ValueAtQuantiles.Quantile': [0.5, 0.99], 'ValueAtQuantiles.Value': [2, 6] },
    ])
  })

  it('have U+FFFD for what is not UTF-8, and the record is kept', async () => {
    const sent = logs('utf8', {
      timeUnixNano: time,
      body: { stringValue: 'abcd' },
      attributes: [text('kkkk', 'vvvv')],
    })
    for (const part of ['abcd', 'kkkk', 'vvvv']) sent[sent.indexOf(part) + 1] = 0xff
    expect((await post('/v1/logs', sent)).status).toBe(200)
    expect(await rows('otel_logs', 'utf8', 'Body, LogAttributes')).toEqual([
      { Body: 'a\ufffdcd', LogAttributes: { 'k\ufffdkk': 'v\ufffdvv' } },
    ])
  })

  it('take the observed time, or else that of receiving, for a log record without one', async () => {
    await post(
      '/v1/logs',
      logs(
        'times',
        { observedTimeUnixNano: time, body: { stringValue: 'observed' } },
        { body: { stringValue: 'none' } },
      ),
    )
    const stored = await rows('otel_logs', 'times', 'Body, toUnixTimestamp64Nano(Timestamp)::String AS t')
    expect(stored.find((row) => row['Body'] === 'observed')?.['t']).toBe(time)
    const received = Number(stored.find((row) => row['Body'] === 'none')?.['t']) / 1e6
    expect(Math.abs(received - Date.now())).toBeLessThan(30_000)
  })

  it('are in the rollups once', async () => {
    const counted = await ingest.store.query<{ rows: number }>(
      "SELECT toUInt32(sum(count)) AS rows FROM signal_1m WHERE measure = 'log.record' AND service = 'values'",
    )
    expect(counted).toEqual([{ rows: 1 }])
  })
})

describe('what cannot be stored', () => {
  it('is put aside record by record, and the rest of the batch is kept', async () => {
    const day = 86_400_000_000_000n
    const response = await post(
      '/v1/logs',
      logs(
        'mixed',
        { timeUnixNano: time, body: { stringValue: 'good' } },
        { timeUnixNano: String(NOW - 500n * day), body: { stringValue: 'ancient' } },
        { timeUnixNano: String(NOW + day), body: { stringValue: 'future' } },
        { timeUnixNano: time, traceId: Buffer.from('short') },
        { timeUnixNano: time, body: { stringValue: 'good too' } },
      ),
    )
    const answer = official.response.toObject(
      official.response.decode(Buffer.from(await response.arrayBuffer())),
      { longs: String },
    )
    expect(answer).toMatchObject({
      partialSuccess: { rejected: '3', errorMessage: expect.stringContaining('2 x TIME_OUT_OF_RANGE') },
    })
    expect((await rows('otel_logs', 'mixed', 'Body')).map((row) => row['Body']).sort()).toEqual([
      'good',
      'good too',
    ])
    const letters = await deadLetters('TIME_OUT_OF_RANGE')
    expect(letters).toMatchObject([{ signal: 'logs', field: 'time_unix_nano', sender: '127.0.0.1' }, {}])
    expect(letters.map((letter) => Buffer.from(letter['payload'] as string, 'base64').toString())).toEqual(
      expect.arrayContaining([expect.stringContaining('ancient'), expect.stringContaining('future')]),
    )
    expect(await deadLetters('ID_INVALID')).toMatchObject([{ field: 'trace_id' }])
  })

  it('is put aside as it came, in JSON too', async () => {
    const response = await post(
      '/v1/traces',
      JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: 'no hex', name: 'lost' }] }] }] }),
      'application/json',
    )
    expect(await response.json()).toMatchObject({ partialSuccess: { rejectedSpans: '1' } })
    const letters = await ingest.store.query("SELECT payload FROM dead_letter WHERE signal = 'traces'")
    expect(letters).toEqual([{ payload: '{"traceId":"no hex","name":"lost"}' }])
  })

  it.each(['1', '1234567890123456789'])(
    'is put aside if it is nested without end, JSON with the number %s, and never asked for again',
    async (number) => {
      const [open, close] = ['{"arrayValue":{"values":[', ']}}']
      const body = `${open.repeat(3000)}{"intValue":${number}}${close.repeat(3000)}`
      const record = (of: string) => `{"timeUnixNano":"${time}","body":${of}}`
      const service = { attributes: [{ key: 'service.name', value: { stringValue: `deep-${number}` } }] }
      const response = await post(
        '/v1/logs',
        `{"resourceLogs":[{"resource":${JSON.stringify(service)},"scopeLogs":[{"logRecords":[${record(body)},${record('{"stringValue":"flat"}')}]}]}]}`,
        'application/json',
      )
      // Numbers that are read exactly are looked for by the parser, which gives up on the whole.
      if (number.length > 1) {
        expect(response.status).toBe(400)
        expect(await response.json()).toMatchObject({ message: expect.stringContaining('NESTING_TOO_DEEP') })
        return
      }
      expect(await response.json()).toMatchObject({
        partialSuccess: {
          rejectedLogRecords: '1',
          errorMessage: expect.stringContaining('NESTING_TOO_DEEP'),
        },
      })
      expect(await rows('otel_logs', `deep-${number}`, 'Body')).toMatchObject([{ Body: 'flat' }])
      const [letter] = await deadLetters('NESTING_TOO_DEEP')
      expect(letter?.['payload']).toContain('{"arrayValue":{"values":[{"arrayValue"')
    },
  )

  it('as a whole is 400 and put aside, with nothing of it stored', async () => {
    const cut = logs('cut', { timeUnixNano: time }, { timeUnixNano: time })
    for (const [body, type] of [
      [cut.subarray(0, cut.length - 1), 'application/x-protobuf'],
      ['{"resourceLogs":[', 'application/json'],
    ] as const) {
      expect((await post('/v1/logs', body, type)).status).toBe(400)
    }
    expect(await rows('otel_logs', 'cut')).toEqual([])
    expect((await deadLetters('PROTOBUF_INVALID')).map((letter) => letter['payload'])).toContain(
      cut.subarray(0, cut.length - 1).toString('base64'),
    )
    expect((await deadLetters('JSON_INVALID')).map((letter) => letter['payload'])).toContain(
      '{"resourceLogs":[',
    )
  })

  it('for being too many bytes as rows is 413, and later requests are not disturbed', async () => {
    const fat = { attributes: [text('service.name', 'fat'), text('filler', 'x'.repeat(1_000_000))] }
    const logRecords = Array.from({ length: 1_000 }, () => ({ timeUnixNano: time }))
    const response = await post(
      '/v1/logs',
      encode(official.logs, { resourceLogs: [{ resource: fat, scopeLogs: [{ logRecords }] }] }),
    )
    expect(response.status).toBe(413)
    expect(await rows('otel_logs', 'fat', 'Body')).toEqual([])
    expect((await post('/v1/logs', logs('after', { timeUnixNano: time }))).status).toBe(200)
  })

  it('now, because a table is away, is 503, and stored when it is sent again', async () => {
    await ingest.store.command('RENAME TABLE otel_metrics_gauge TO gauge_away')
    const sent = metrics('again', { name: 'g', gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1' }] } })
    const refused = await post('/v1/metrics', sent)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    await ingest.store.command('RENAME TABLE gauge_away TO otel_metrics_gauge')
    expect((await post('/v1/metrics', sent)).status).toBe(200)
    expect((await rows('otel_metrics_gauge', 'again')).length).toBe(1)
  })
})

it('empty requests succeed', async () => {
  for (const path of ['/v1/logs', '/v1/traces', '/v1/metrics']) {
    expect((await post(path, '')).status).toBe(200)
    expect((await post(path, '{}', 'application/json')).status).toBe(200)
  }
})
