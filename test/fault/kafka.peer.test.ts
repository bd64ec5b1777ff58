import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { startGrpcReceiver } from '../../ingest/otlp-grpc/receiver.ts'
import { startReceiver } from '../../ingest/otlp-http/receiver.ts'
import { logRequests } from '../bench/ingest-load.ts'
import { encode, official } from '../conformance/official.ts'
import type { ConsumerTask } from './kafka-consumer.ts'
import {
  type KafkaFixture,
  logger,
  logRollups,
  logsRequest,
  type OpenKafka,
  sendUntilTaken,
  startKafkaFixture,
  storedLogs,
} from './kafka-fixture.ts'

const RECORDS = 1_000
let fixture: KafkaFixture

const warnings: Error[] = []
process.on('warning', (warning) => warnings.push(warning))

beforeAll(async () => {
  fixture = await startKafkaFixture()
})
afterAll(() => fixture?.close())
beforeEach(() => fixture.empty())

/** Open until the test is over. */
async function open(prefix: string, consume = true): Promise<OpenKafka> {
  const kafka = await fixture.open(prefix, consume)
  onTestFinished(() => kafka.close())
  return kafka
}

async function expectOnce(requests: number): Promise<void> {
  const records = requests * RECORDS
  expect(await storedLogs(fixture.store, records)).toEqual({ rows: records, distinct: records })
  // Rows are there before their rollups are: the last insert may be under way.
  await vi.waitFor(
    async () => {
      for (const { rollup, recount } of await logRollups(fixture.store)) expect(rollup).toEqual(recount)
    },
    { timeout: 60_000, interval: 500 },
  )
}

test('all three signals come through, a repeat is stored once, what cannot be read is kept', async () => {
  const kafka = await open('signals.')
  const now = BigInt(Date.now()) * 1_000_000n
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] }
  const about = { contentType: 'application/x-protobuf', sender: 'test', receivedAt: Date.now() } as const
  const traces = encode(official.traces, {
    resourceSpans: [
      {
        resource,
        scopeSpans: [
          {
            spans: [
              {
                traceId: Buffer.alloc(16, 1),
                spanId: Buffer.alloc(8, 2),
                name: 'pay',
                kind: 2,
                startTimeUnixNano: String(now),
                endTimeUnixNano: String(now + 5_000_000n),
              },
            ],
          },
        ],
      },
    ],
  })
  const metrics = encode(official.metrics, {
    resourceMetrics: [
      {
        resource,
        scopeMetrics: [
          {
            metrics: [
              { name: 'queue', gauge: { dataPoints: [{ timeUnixNano: String(now), asDouble: 7 }] } },
              {
                name: 'orders',
                sum: {
                  aggregationTemporality: 1,
                  isMonotonic: true,
                  dataPoints: [{ timeUnixNano: String(now), asInt: 3 }],
                },
              },
            ],
          },
        ],
      },
    ],
  })
  const [logs] = logRequests(1, RECORDS, 1, Date.now()) as [Buffer]
  await kafka.transport.send({ ...about, signal: 'traces', body: traces })
  await kafka.transport.send({ ...about, signal: 'metrics', body: metrics })
  await kafka.transport.send(logsRequest(logs))
  await kafka.transport.send(logsRequest(logs))
  await kafka.transport.send(logsRequest(Buffer.from('no protobuf at all')))
  await expectOnce(1)
  await expect
    .poll(
      async () =>
        await fixture.store.query(
          `SELECT (SELECT groupArray(SpanName) FROM otel_traces) AS spans,
             (SELECT groupArray((MetricName, Value)) FROM otel_metrics_gauge) AS gauges,
             (SELECT groupArray((MetricName, Value)) FROM otel_metrics_sum) AS sums,
             (SELECT groupArray((signal, code)) FROM dead_letter) AS letters`,
        ),
      { timeout: 20_000 },
    )
    .toEqual([
      {
        spans: ['pay'],
        gauges: [['queue', 7]],
        sums: [['orders', 3]],
        letters: [['logs', 'PROTOBUF_INVALID']],
      },
    ])
})

test('a consumer killed at any point of a batch: nothing is lost, nothing is there twice', {
  timeout: 240_000,
}, async () => {
  const kafka = await open('killed.', false)
  const points = ['intended', 'partly', 'stored', 'stored', 'partly', 'intended'] as const
  const bodies = logRequests(points.length * 4, RECORDS, 2, Date.now())
  for (const [i, at] of points.entries()) {
    for (const body of bodies.slice(i * 4, i * 4 + 4)) await kafka.transport.send(logsRequest(body))
    // Some repeat what was stored before the kill, some what is stored after it.
    await kafka.transport.send(logsRequest(bodies[i * 2] as Buffer))
    await kafka.transport.send(logsRequest(bodies[i * 4 + 3] as Buffer))
    const consumer = startConsumer('killed.', { at, batch: 1 + (i % 2) })
    expect(await consumer.ended).toBe('SIGKILL')
  }
  const consumer = startConsumer('killed.')
  await expectOnce(bodies.length)
  consumer.stop()
  expect(await consumer.ended).toBe(0)
})

test('a store that is away: requests are taken, and stored when it is back', {
  timeout: 180_000,
}, async () => {
  const kafka = await open('away.')
  const bodies = logRequests(12, RECORDS, 3, Date.now())
  for (const body of bodies.slice(0, 4)) await kafka.transport.send(logsRequest(body))
  await fixture.killStore()
  for (const body of bodies.slice(4)) await kafka.transport.send(logsRequest(body))
  // Longer than the session: without heartbeats the group would have given the partitions to others.
  await sleep(6_000)
  await fixture.startStore()
  await expectOnce(bodies.length)
})

test('poison: put aside whole in the dead-letter topic, and what is around it is stored', async () => {
  const kafka = await open('poison.', false)
  const [before, after] = logRequests(2, RECORDS, 4, Date.now()) as [Buffer, Buffer]
  const client = new kafkajs.Kafka({
    brokers: [fixture.broker.address],
    logLevel: kafkajs.logLevel.NOTHING,
  })
  await kafka.transport.send(logsRequest(before))
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({
    topic: 'poison.logs',
    messages: [
      { key: null, value: 'from somebody else', partition: 0 },
      { key: null, value: null, partition: 1 },
      { key: 'x', value: 'of the future', headers: { 'postflight-format': '99' }, partition: 1 },
    ],
  })
  await producer.disconnect()
  await kafka.transport.send(logsRequest(after))
  await open('poison.')
  await expectOnce(2)
  const letters = 'SELECT code, field, payload FROM dead_letter ORDER BY field, payload DESC'
  await expect.poll(() => fixture.store.query<{ code: string }>(letters), { timeout: 20_000 }).toHaveLength(3)
  const seen: string[] = []
  const reader = client.consumer({ groupId: 'letters' })
  await reader.connect()
  await reader.subscribe({ topics: ['poison.dead-letter'], fromBeginning: true })
  await reader.run({
    eachMessage: async ({ message }) => {
      seen.push(`${message.headers?.['poison-code']} ${message.value}`)
    },
  })
  await expect
    .poll(() => seen.toSorted(), { timeout: 30_000 })
    .toEqual(['MESSAGE_INVALID ', 'MESSAGE_INVALID from somebody else', 'MESSAGE_INVALID of the future'])
  await reader.disconnect()
})

test('requests that are right only in part: taken at the doors, since they are read later, and split when they are', async () => {
  const kafka = await open('partial.')
  const options = { host: '127.0.0.1', port: 0, transport: kafka.transport, logger, clock: Date.now }
  const http = await startReceiver(options)
  onTestFinished(() => http.close())
  const grpc = await startGrpcReceiver({ ...options, ready: async () => true })
  onTestFinished(() => grpc.close())
  const now = BigInt(Date.now()) * 1_000_000n
  const record = (id: number, nanoseconds: bigint) => ({
    timeUnixNano: String(nanoseconds),
    spanId: Buffer.alloc(8, id),
    body: { stringValue: 'stock was counted' },
  })
  const requestOf = (first: number) =>
    encode(official.logs, {
      resourceLogs: [{ scopeLogs: [{ logRecords: [record(first, now), record(first + 1, 1n)] }] }],
    })
  const answer = await fetch(`${http.address.url}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: requestOf(1),
  })
  expect([answer.status, await answer.text()]).toEqual([200, ''])
  const client = new Client(grpc.address.url.replace('http://', ''), credentials.createInsecure())
  onTestFinished(() => client.close())
  const same = (bytes: Buffer) => bytes
  const exported = await new Promise<Buffer | undefined>((resolve, reject) =>
    client.makeUnaryRequest(
      '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
      same,
      same,
      requestOf(3),
      (error, answered) => (error === null ? resolve(answered) : reject(error)),
    ),
  )
  expect(exported).toHaveLength(0)
  expect(await storedLogs(fixture.store, 2)).toEqual({ rows: 2, distinct: 2 })
  const letters = 'SELECT signal, code, count() AS records FROM dead_letter GROUP BY ALL'
  await expect
    .poll(() => fixture.store.query(letters), { timeout: 20_000 })
    .toEqual([{ signal: 'logs', code: 'TIME_OUT_OF_RANGE', records: 2 }])
})

test('partitions that go from one consumer to another and back', { timeout: 120_000 }, async () => {
  const bodies = logRequests(24, RECORDS, 5, Date.now())
  const first = await open('moved.')
  const send = async (from: number, to: number) => {
    for (const body of bodies.slice(from, to)) {
      await first.transport.send(logsRequest(body))
      await sleep(50)
    }
  }
  await send(0, 6)
  const second = await fixture.open('moved.')
  await send(6, 12)
  // A repeat may come to the consumer that did not store the first one.
  for (const body of bodies.slice(0, 12)) await first.transport.send(logsRequest(body))
  await send(12, 18)
  await second.close()
  await send(18, 24)
  await expectOnce(bodies.length)
})

test('a broker that is killed in traffic: senders send again, nothing is lost or there twice', {
  timeout: 300_000,
}, async () => {
  const kafka = await open('broker.')
  const bodies = logRequests(30, RECORDS, 6, Date.now())
  const attempts: number[] = []
  const senders = [0, 1, 2].map(async (sender) => {
    for (let i = sender; i < bodies.length; i += 3) {
      attempts.push(await sendUntilTaken(kafka.transport, bodies[i] as Buffer))
      await sleep(30)
    }
  })
  await sleep(300)
  await fixture.broker.kill()
  await sleep(1_000)
  await fixture.broker.start()
  await Promise.all(senders)
  expect(attempts).toHaveLength(bodies.length)
  await expectOnce(bodies.length)
})

test('no connection to Kafka makes Node warn', () => {
  expect(warnings).toEqual([])
})

function startConsumer(prefix: string, kill?: NonNullable<ConsumerTask['kill']>) {
  const task: ConsumerTask = {
    broker: fixture.broker.address,
    store: fixture.store.url,
    prefix,
    ...(kill === undefined ? {} : { kill }),
  }
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'kafka-consumer.ts'), JSON.stringify(task)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  const ended = new Promise<string | number | null>((done) =>
    child.once('exit', (code, signal) => done(signal ?? code)),
  )
  return { ended, stop: () => child.kill('SIGTERM') }
}
