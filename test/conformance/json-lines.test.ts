import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(() => ingest.close())

const post = (query: string, body: string, type = 'application/x-ndjson') =>
  fetch(`${ingest.url}/v1/jsonl${query}`, { method: 'POST', headers: { 'content-type': type }, body })

it('lines are stored as log records of their release, and counted in its rollups', async () => {
  const time = new Date().toISOString()
  const lines = [
    { time, level: 'error', msg: 'payment failed', err: { type: 'Declined', message: 'no funds' }, order: 7 },
    { time, level: 'info', msg: 'paid' },
  ]
  const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\nnot json\n`
  const answer = await post('?service=checkout&version=2.7.0&environment=prod', text)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({
    accepted: 2,
    rejected: 1,
    message: expect.stringContaining('line 3'),
  })
  expect(
    await ingest.store.query(
      `SELECT ServiceName, ResourceAttributes['service.version'] AS version, SeverityNumber, Body, LogAttributes
      FROM otel_logs ORDER BY Body`,
    ),
  ).toEqual([
    { ServiceName: 'checkout', version: '2.7.0', SeverityNumber: 9, Body: 'paid', LogAttributes: {} },
    {
      ServiceName: 'checkout',
      version: '2.7.0',
      SeverityNumber: 17,
      Body: 'payment failed',
      LogAttributes: { 'exception.message': 'no funds', 'exception.type': 'Declined', order: '7' },
    },
  ])
  expect(
    await ingest.store.query(
      'SELECT environment, version, dimension, sum(logs) AS exceptions FROM exception_1m GROUP BY ALL',
    ),
  ).toEqual([
    {
      environment: 'prod',
      version: '2.7.0',
      dimension: expect.stringMatching(/^Declined: no funds · 1-[0-9a-f]{10}$/),
      exceptions: 1,
    },
  ])
  expect(await ingest.store.query('SELECT code, payload FROM dead_letter')).toEqual([
    { code: 'JSON_INVALID', payload: 'not json' },
  ])
})

it('a parameter or a content type that is not known is named', async () => {
  const parameter = await post('?servce=checkout', '{}')
  expect(parameter.status).toBe(400)
  expect(await parameter.text()).toContain('servce')
  const type = await post('', '{}', 'application/x-protobuf')
  expect(type.status).toBe(415)
  expect(await type.text()).toContain('application/x-ndjson')
})
