import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectKafka } from '../../ingest/kafka/connect.ts'
import { surveyKafka } from '../../ingest/kafka/survey.ts'
import { createKafkaTransport } from '../../ingest/transport/kafka.ts'
import { configSchema } from '../../schemas/config.ts'
import { makeCertificate } from '../peers/certificate.ts'
import { freePort } from '../peers/free-port.ts'
import { type KafkaBroker, startKafkaBroker } from '../peers/kafka-broker.ts'

const logger = pino({ level: 'silent' })
const folder = mkdtempSync(join(tmpdir(), 'postflight-kafka-security-'))
let broker: KafkaBroker
let address: string
let cert: string

beforeAll(async () => {
  const made = await makeCertificate(folder, 'broker', 'IP:127.0.0.1')
  cert = made.cert
  const port = await freePort()
  address = `127.0.0.1:${port}`
  broker = await startKafkaBroker({
    secured: { port, ...made, username: 'postflight', password: 'right' },
  })
})
afterAll(async () => {
  await broker?.close()
  rmSync(folder, { recursive: true, force: true })
})

const settings = (password: string, ca: string) =>
  configSchema.parse({
    kafka: {
      brokers: [address],
      tls: { enabled: true, ca },
      sasl: { mechanism: 'plain', username: 'postflight', password },
    },
  })

it('a request goes into Kafka over TLS, with a password, and doctor sees it wait', async () => {
  const config = settings('right', cert)
  const connection = await connectKafka({ config, logger, clock: Date.now })
  try {
    await createKafkaTransport(connection).send({
      signal: 'logs',
      contentType: 'application/json',
      body: Buffer.from('{"resourceLogs":[]}'),
      sender: 'test',
      receivedAt: Date.now(),
    })
  } finally {
    await connection.close()
  }
  const topics = await surveyKafka(config.kafka, logger)
  expect(topics).toEqual([
    { topic: 'postflight.logs', partitions: 4, waiting: 1 },
    { topic: 'postflight.traces', partitions: 4, waiting: 0 },
    { topic: 'postflight.metrics', partitions: 4, waiting: 0 },
  ])
})

it('a wrong password is refused, and told without itself', async () => {
  const refused = connectKafka({ config: settings('wrong', cert), logger, clock: Date.now })
  await expect(refused).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.not.stringContaining('wrong'),
  })
})

it('a broker whose certificate nobody vouches for is refused', async () => {
  const refused = connectKafka({ config: settings('right', ''), logger, clock: Date.now })
  await expect(refused).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
})
