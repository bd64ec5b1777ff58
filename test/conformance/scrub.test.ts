import { afterAll, beforeAll, expect, it } from 'vitest'
import { encode, official } from './official.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(() => ingest.close())

const NOW = String(BigInt(Date.now()) * 1_000_000n)
const TRACE_ID = Buffer.alloc(16, 1)
const SPAN_ID = Buffer.alloc(8, 2)
/** Each with something that is in it and must not be stored; `SECRET...` so that it can be searched for. */
const TEXTS = [
  'card 4111 1111 1111 1111',
  'GET /?password=SECRETpassword1',
  'Authorization: Bearer SECRETbearer2',
  'postgres://shop:SECRETurl3@db/shop',
  '-----BEGIN PRIVATE KEY-----\nSECRETpem4\n-----END PRIVATE KEY-----',
  '{"token":"SECRETjson5"}',
]
const SECRETS = ['SECRET', '1111 1111', '11111111', Buffer.from('SECRET').toString('base64').slice(0, 7)]
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const attributes = [
  ...TEXTS.map((each, i) => text(`a${i}`, each)),
  text('http.request.header.cookie', 'SECRETcookie6'),
  { key: 'cvv', value: { intValue: 987 } },
  { key: 'pan', value: { intValue: '4111111111111111' } },
  {
    key: 'nested',
    value: { kvlistValue: { values: [text('password', 'SECRETnested7'), text('kept', 'yes')] } },
  },
]
const resource = (name: string) => ({ attributes: [text('service.name', name), ...attributes] })
const scope = { name: 's', attributes }

const post = (path: string, body: Buffer | string, type = 'application/x-protobuf') =>
  fetch(ingest.url + path, { method: 'POST', headers: { 'content-type': type }, body })

async function everything(table: string): Promise<string> {
  const rows = await ingest.store.query<object>(`SELECT * FROM ${table}`)
  expect(rows.length).toBeGreaterThan(0)
  return JSON.stringify(rows)
}

it('no secret of a request is in any table', async () => {
  const logRecords = [
    ...TEXTS.map((body) => ({
      timeUnixNano: NOW,
      severityNumber: 17,
      body: { stringValue: body },
      attributes,
    })),
    ...TEXTS.map((message) => ({
      timeUnixNano: NOW,
      severityNumber: 17,
      attributes: [
        text('exception.type', 'E'),
        text('exception.message', message),
        text('exception.stacktrace', `E: ${message}\n    at f (/app/a.js:1:2)`),
      ],
    })),
    { timeUnixNano: NOW, severityNumber: 17, body: { stringValue: 'kept as it is' } },
    // Too old: a dead letter, in protobuf.
    { timeUnixNano: '1', body: { stringValue: TEXTS.join(' ') }, attributes },
  ]
  const logs = { resourceLogs: [{ resource: resource('shop'), scopeLogs: [{ scope, logRecords }] }] }
  const spans = TEXTS.map((name) => ({
    name,
    kind: 2,
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    startTimeUnixNano: NOW,
    endTimeUnixNano: NOW,
    attributes,
    status: { code: 2, message: name },
    events: [
      {
        timeUnixNano: NOW,
        name: 'exception',
        attributes: [
          text('exception.type', 'E'),
          text('exception.message', name),
          text('exception.stacktrace', `E: ${name}\n  at f`),
        ],
      },
    ],
    links: [{ traceId: TRACE_ID, spanId: SPAN_ID, attributes }],
  }))
  const traces = { resourceSpans: [{ resource: resource('shop'), scopeSpans: [{ scope, spans }] }] }
  const point = { timeUnixNano: NOW, asDouble: 1, attributes }
  const exemplars = [{ timeUnixNano: NOW, asDouble: 1, filteredAttributes: attributes }]
  const metrics = {
    resourceMetrics: [
      {
        resource: resource('shop'),
        scopeMetrics: [{ scope, metrics: [{ name: 'm', gauge: { dataPoints: [{ ...point, exemplars }] } }] }],
      },
    ],
  }
  const answers = [
    await post('/v1/logs', encode(official.logs, logs)),
    await post('/v1/traces', encode(official.traces, traces)),
    await post('/v1/metrics', encode(official.metrics, metrics)),
    // A dead letter in JSON, and one in JSON lines.
    await post(
      '/v1/logs',
      JSON.stringify({
        resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: 'x', attributes }] }] }],
      }),
      'application/json',
    ),
    await post(
      '/v1/jsonl?service=lines',
      `${JSON.stringify({ msg: TEXTS[1], user: { password: 'SECRETlines8' }, cookie: 'SECRETlines9' })}\n{"password":"SECRETline10",\n`,
      'application/x-ndjson',
    ),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])

  const tables = await ingest.store.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0 AND engine LIKE '%MergeTree'",
  )
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['otel_logs', 'otel_traces', 'otel_metrics_gauge', 'dead_letter', 'log_template']),
  )
  for (const { name } of tables) {
    const stored = await everything(name)
    for (const secret of SECRETS) expect(stored, name).not.toContain(secret)
  }
  const letters = await ingest.store.query<{ payload: string }>('SELECT payload FROM dead_letter')
  for (const { payload } of letters)
    for (const secret of SECRETS)
      expect(Buffer.from(payload, 'base64').toString('latin1')).not.toContain(secret)
})

it('what is not secret is stored as it came, with a marker where something was', async () => {
  expect(
    await ingest.store.query(
      `SELECT Body, LogAttributes['nested'] AS nested, LogAttributes['http.request.header.cookie'] AS cookie,
        LogAttributes['cvv'] AS cvv, LogAttributes['pan'] AS pan, ResourceAttributes['a3'] AS resource
      FROM otel_logs WHERE ServiceName = 'shop' AND Body LIKE 'GET%'`,
    ),
  ).toEqual([
    {
      Body: 'GET /?password=[scrubbed:password]',
      nested: '{"kept":"yes","password":"[scrubbed:password]"}',
      cookie: '[scrubbed:key]',
      cvv: '[scrubbed:key]',
      pan: '[scrubbed:card]',
      resource: 'postgres://shop:[scrubbed:url_password]@db/shop',
    },
  ])
  expect(
    await ingest.store.query(
      `SELECT SpanName, StatusMessage, Events.Attributes[1]['exception.stacktrace'] AS stack FROM otel_traces WHERE SpanName LIKE 'card%'`,
    ),
  ).toEqual([
    {
      SpanName: 'card [scrubbed:card]',
      StatusMessage: 'card [scrubbed:card]',
      stack: 'E: card [scrubbed:card]\n  at f',
    },
  ])
  expect(await ingest.store.query(`SELECT count() AS n FROM otel_logs WHERE Body = 'kept as it is'`)).toEqual(
    [{ n: 1 }],
  )
})
