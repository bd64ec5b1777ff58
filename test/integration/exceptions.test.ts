import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCells } from '../../analytics/queries/cells.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import { encode, official } from '../conformance/official.ts'
import { type RunningIngest, startIngest } from '../conformance/postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(async () => {
  await ingest.close()
})

const catalogue = buildCatalogue()
// The middle of a minute, so that what belongs together is in one.
const NOW = Math.floor(Date.now() / 60_000) * 60_000 - 90_000
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
let ids = 0
const bytes = (size: number, id: number) => {
  const buffer = Buffer.alloc(size, 1)
  buffer.writeUInt32BE(id, size - 4)
  return buffer
}

interface Thrown {
  readonly type?: string
  readonly message?: string
  readonly line?: number
  readonly at?: string
  /** False: without a stack trace. */
  readonly stack?: boolean
}

function attributes({
  type = 'Declined',
  message = 'no funds',
  line = 1,
  at = 'charge',
  stack = true,
}: Thrown) {
  return [
    text('exception.type', type),
    text('exception.message', message),
    ...(stack
      ? [text('exception.stacktrace', `${type}: ${message}\n    at ${at} (/app/pay.js:${line}:1)`)]
      : []),
  ]
}

async function post(path: string, body: Buffer): Promise<void> {
  const response = await fetch(ingest.url + path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-protobuf' },
  })
  expect([response.status, await response.text()]).toEqual([200, ''])
}

function resource(service: string) {
  return {
    attributes: [
      text('service.name', service),
      text('service.version', '1'),
      text('service.instance.id', 'a'),
    ],
  }
}

/** @param seconds after NOW at which the exception was thrown */
async function sendSpan(
  service: string,
  id: number,
  thrown: readonly Thrown[],
  seconds = 0,
  begun = seconds,
): Promise<void> {
  const nano = (at: number) => String(BigInt(NOW + at * 1000) * 1_000_000n)
  const spans = [
    {
      traceId: bytes(16, id),
      spanId: bytes(8, id),
      name: 'POST /pay',
      kind: 2,
      startTimeUnixNano: nano(begun),
      endTimeUnixNano: nano(seconds + 1),
      events: thrown.map((one) => ({
        timeUnixNano: nano(seconds),
        name: 'exception',
        attributes: attributes(one),
      })),
    },
  ]
  await post(
    '/v1/traces',
    encode(official.traces, { resourceSpans: [{ resource: resource(service), scopeSpans: [{ spans }] }] }),
  )
}

async function sendLogs(
  service: string,
  id: number | undefined,
  thrown: readonly Thrown[],
  seconds = 0,
): Promise<void> {
  const logRecords = thrown.map((one) => ({
    timeUnixNano: String(BigInt(NOW + seconds * 1000) * 1_000_000n),
    severityNumber: 17,
    attributes: [...attributes(one), text('unique', String(++ids))],
    ...(id === undefined ? {} : { traceId: bytes(16, id), spanId: bytes(8, id) }),
  }))
  await post(
    '/v1/logs',
    encode(official.logs, { resourceLogs: [{ resource: resource(service), scopeLogs: [{ logRecords }] }] }),
  )
}

/** Counts by culprit ('' for kinds without a stack trace), as reports and pages read them. */
async function counted(service: string): Promise<Record<string, number>> {
  const set = await loadCells(ingest.store, catalogue, {
    service,
    environment: 'default',
    from: NOW / 1000 - 3600,
    to: NOW / 1000 + 3600,
    signals: [catalogue.signal('exceptions.rate')],
  })
  expect(set.get('exception.log')).toBeUndefined()
  const counts: Record<string, number> = {}
  for (const [kind, versions] of set.get('exception.span_event') ?? []) {
    const culprit = kind.split(' · ').slice(1, -1).join()
    for (const cells of versions.values())
      for (const cell of cells) counts[culprit] = (counts[culprit] ?? 0) + cell.count
  }
  return counts
}

describe('an exception is counted once', () => {
  it('as an event and as a log of its span, in either order and from several requests', async () => {
    await sendSpan('both', 1, [{ line: 1 }])
    await sendLogs('both', 1, [{ line: 7 }])
    await sendLogs('both', 2, [{}])
    await sendSpan('both', 2, [{}])
    expect(await counted('both')).toEqual({ 'charge (app/pay.js)': 2 })
  })

  it('each time that a span has it: three attempts are three, though each is logged too', async () => {
    await sendSpan('thrice', 10, [{}, {}, {}])
    await sendLogs('thrice', 10, [{}])
    await sendLogs('thrice', 10, [{}, {}])
    expect(await counted('thrice')).toEqual({ 'charge (app/pay.js)': 3 })
  })

  it('where traces are sampled and logs are not, and where some are only recorded and others only logged', async () => {
    await sendSpan('sampled', 20, [{}])
    for (let id = 20; id < 25; id++) await sendLogs('sampled', id, [{}])
    expect(await counted('sampled')).toEqual({ 'charge (app/pay.js)': 5 })
    await sendSpan('mixed', 30, [{}])
    await sendLogs('mixed', 31, [{}])
    await sendLogs('mixed', 32, [{ at: 'refund' }])
    expect(await counted('mixed')).toEqual({ 'charge (app/pay.js)': 2, 'refund (app/pay.js)': 1 })
  })

  it('under the kind of the event, where the log has no stack trace', async () => {
    await sendSpan('bare', 40, [{}])
    await sendLogs('bare', 40, [{ stack: false }])
    await sendLogs('bare', 41, [{ stack: false }])
    expect(await counted('bare')).toEqual({ 'charge (app/pay.js)': 1, '': 1 })
  })

  it('by a logger that knows no spans: only what is beyond the events without a log is counted', async () => {
    await sendSpan('plain', 50, [{}])
    await sendSpan('plain', 51, [{}])
    await sendLogs('plain', 51, [{}])
    await sendLogs('plain', undefined, [{ stack: false }, { stack: false }, { stack: false }])
    await sendLogs('plain', undefined, [{ message: 'another thing', stack: false }])
    expect(await counted('plain')).toEqual({ 'charge (app/pay.js)': 2, '': 3 })
  })

  it('in the minute in which it was thrown, however long the span had run by then', async () => {
    await sendSpan('long', 60, [{}], 0, -600)
    await sendLogs('long', 60, [{}])
    expect(await counted('long')).toEqual({ 'charge (app/pay.js)': 1 })
  })
})

it('the rollup holds what a recount of the raw rows holds', async () => {
  const columns = ['service', 'time', 'says', 'span', 'dimension'].join(', ')
  const sums = ['events', 'logs', 'bad_events', 'bad_logs']
    .map((name) => `sum(cells.${name}) AS ${name}`)
    .join(', ')
  const selects = ['exception.span_event', 'exception.log'].map((id) => {
    const measure = catalogue.measures.get(id)
    if (measure === undefined) throw new Error(id)
    return `SELECT * FROM (${rollupSelect(measure)})`
  })
  const read = (from: string) =>
    ingest.store.query(
      `SELECT ${columns}, ${sums} FROM ${from} AS cells GROUP BY ${columns} ORDER BY ${columns}`,
    )
  const rollup = await read('exception_1m')
  expect(rollup.length).toBeGreaterThan(15)
  expect(rollup).toEqual(await read(`(${selects.join(' UNION ALL ')})`))
  const seen = await ingest.store.query<{ kinds: number }>(
    'SELECT uniqExact(service, dimension) AS kinds FROM exception_kind',
  )
  const kinds = await ingest.store.query<{ kinds: number }>(
    'SELECT uniqExact(service, dimension) AS kinds FROM exception_1m',
  )
  expect(seen).toEqual(kinds)
})

it('rows that another program stored are told apart by type and message', async () => {
  const time = new Date(NOW).toISOString()
  await ingest.store.insert('otel_traces', [
    {
      Timestamp: time,
      TraceId: 'a',
      SpanId: 'b',
      ServiceName: 'foreign',
      SpanName: 'x',
      Duration: 1,
      'Events.Timestamp': [time],
      'Events.Name': ['exception'],
      'Events.Attributes': [{ 'exception.type': 'Declined', 'exception.message': 'card 12' }],
    },
  ])
  expect(
    await ingest.store.query(
      "SELECT dimension, sum(events) AS n FROM exception_1m WHERE service = 'foreign' GROUP BY dimension",
    ),
  ).toEqual([{ dimension: 'Declined: card #', n: 1 }])
})
