import { afterAll, beforeAll, expect, it } from 'vitest'
import { encode, official } from './official.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(() => ingest.close())

const NOW = String(BigInt(Date.now()) * 1_000_000n)
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })

async function send(statements: readonly (readonly { key: string; value: object }[])[]): Promise<void> {
  const spans = statements.map((attributes, i) => ({
    name: `query ${i}`,
    kind: 3,
    traceId: Buffer.alloc(16, 1),
    spanId: Buffer.alloc(8, i + 1),
    startTimeUnixNano: NOW,
    endTimeUnixNano: NOW,
    attributes,
  }))
  const body = encode(official.traces, {
    resourceSpans: [{ resource: { attributes: [text('service.name', 'shop')] }, scopeSpans: [{ spans }] }],
  })
  const headers = { 'content-type': 'application/x-protobuf' }
  const answer = await fetch(`${ingest.url}/v1/traces`, { method: 'POST', headers, body })
  expect(answer.status).toBe(200)
}

it('statements are stored without literals, and counted as one whatever these were', async () => {
  const query = (id: string, list: string) =>
    `SELECT name /* trace ${id} */ FROM users WHERE id = '${id}' AND state IN (${list})`
  await send([
    [text('db.system.name', 'postgresql'), text('db.query.text', query('SECRET-1', '1'))],
    [text('db.system', 'postgresql'), text('db.statement', query('SECRET-2', '1, 2'))],
    [text('db.system.name', 'postgresql'), text('db.query.text', query('SECRET-3', '$1, $2, $3'))],
    [text('db.system.name', 'redis'), text('db.query.text', 'SET SECRET-4 SECRET-5')],
    [text('db.system.name', 'mongodb'), text('db.query.text', '{"find":"users","filter":{"a":"SECRET-6"}}')],
    [
      text('db.system.name', 'postgresql'),
      text('db.query.text', "UPDATE t SET a = 'SECRET-7'"),
      text('db.query.summary', 'UPDATE t'),
      text('db.query.parameter.0', 'SECRET-8'),
    ],
    [text('db.system.name', 'mysql'), { key: 'db.query.text', value: { arrayValue: { values: [] } } }],
  ])
  const stored = JSON.stringify(await ingest.store.query<object>('SELECT * FROM otel_traces'))
  expect(stored).not.toContain('SECRET')
  expect(
    await ingest.store.query(
      `SELECT dimension, sum(count) AS n FROM signal_1m WHERE measure = 'db.query' AND dimension NOT LIKE '[%'
      GROUP BY dimension ORDER BY n DESC, dimension`,
    ),
  ).toEqual([
    { dimension: 'SELECT name FROM users WHERE id = ? AND state IN (?)', n: 3 },
    { dimension: 'SET ?', n: 1 },
    { dimension: 'UPDATE t', n: 1 },
    { dimension: '{"find": "users", "filter": {"a": ?}}', n: 1 },
  ])
})

it('long statements that begin alike are told apart', async () => {
  const columns = Array.from({ length: 60 }, (_, i) => `column_${String.fromCharCode(97 + (i % 26))}`).join(
    ', ',
  )
  await send(
    ['a', 'b'].map((table) => [
      text('db.system.name', 'postgresql'),
      text('db.query.text', `SELECT ${columns} FROM ${table}`),
    ]),
  )
  const rows = await ingest.store.query<{ dimension: string }>(
    "SELECT DISTINCT dimension FROM signal_1m WHERE measure = 'db.query' AND dimension LIKE 'SELECT column%'",
  )
  expect(rows).toHaveLength(2)
  for (const { dimension } of rows) expect(dimension.length).toBeLessThanOrEqual(200)
})
