import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openLogTemplates } from '../../ingest/log-templates/open.ts'
import { createDirectTransport } from '../../ingest/transport/direct.ts'
import { encode, official } from './official.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(() => ingest.close())

function request(service: string, lines: readonly (readonly [severity: number, body: string])[]): Buffer {
  const time = String(BigInt(Date.now()) * 1_000_000n)
  const attributes = [{ key: 'service.name', value: { stringValue: service } }]
  const logRecords = lines.map(([severityNumber, body]) => ({
    timeUnixNano: time,
    severityNumber,
    body: { stringValue: body },
  }))
  return encode(official.logs, { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] })
}

/** As a receiver that starts on this store. */
async function sendByNewReceiver(body: Buffer): Promise<void> {
  const transport = createDirectTransport({
    store: ingest.store,
    logger: pino({ level: 'silent' }),
    clock: Date.now,
    newToken: randomUUID,
    templates: await openLogTemplates(ingest.store),
  })
  const about = { signal: 'logs', contentType: 'application/x-protobuf', sender: 'test' } as const
  await transport.send({ ...about, body, receivedAt: Date.now() })
  await transport.close()
}

const LINES = [
  [17, 'payment 17 for user alice declined: token=abc1'],
  [13, 'payment 18 for user bob declined: token=abc2'],
  [17, 'cannot open /var/lib/shop/4.db\n    at f (a.js:1)'],
  [9, 'request 4 finished in 12 ms'],
  [0, 'unhandled exception in worker 3'],
  [0, 'worker 3 is ready'],
] as const
const STORED = [
  { TemplateId: expect.any(String), Template: 'cannot open <path>', lines: 1 },
  {
    TemplateId: expect.any(String),
    Template: 'payment <num> for user alice declined: token=[scrubbed:password]',
    lines: 2,
  },
  { TemplateId: expect.any(String), Template: 'unhandled exception in worker <num>', lines: 1 },
]
const templatesOf = (service: string) =>
  ingest.store.query(
    `SELECT toString(TemplateId) AS TemplateId, Template, count() AS lines FROM otel_logs
    WHERE ServiceName = {service:String} AND Template != '' GROUP BY ALL ORDER BY Template`,
    { service },
  )

it('lines from WARN on, and those without a severity that read like errors, have a template without secrets', async () => {
  await sendByNewReceiver(request('first', LINES))
  expect(await templatesOf('first')).toEqual(STORED)
  expect(
    await ingest.store.query(
      `SELECT dimension, sum(count) AS n FROM signal_1m WHERE measure = 'log.template' AND service = 'first' GROUP BY dimension ORDER BY dimension`,
    ),
  ).toEqual(STORED.map(({ Template, lines }) => ({ dimension: Template, n: lines })))
})

it('after a restart the same lines have the same templates, also where another line comes first', async () => {
  const others = LINES.map(([severity, body]) => [severity, body.replace('alice', 'carol')] as const)
  await sendByNewReceiver(request('second', [...others].reverse()))
  expect(await templatesOf('second')).toEqual(await templatesOf('first'))
  expect(
    await ingest.store.query("SELECT name, pattern FROM log_template FINAL WHERE name LIKE 'payment%'"),
  ).toEqual([
    {
      name: 'payment <num> for user alice declined: token=[scrubbed:password]',
      pattern: 'payment <num> for user <*> declined: token= [scrubbed:password]',
    },
  ])
})

it('logs of other writers are counted by pattern', async () => {
  await ingest.store.insert('otel_logs', [
    {
      Timestamp: new Date().toISOString().replace('Z', ''),
      ServiceName: 'collector',
      SeverityNumber: 17,
      Body: 'order 12 lost',
    },
  ])
  expect(
    await ingest.store.query(
      "SELECT dimension FROM signal_1m WHERE measure = 'log.template' AND service = 'collector'",
    ),
  ).toEqual([{ dimension: 'order # lost' }])
})
