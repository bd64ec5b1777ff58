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

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512'
const MECHANISMS: readonly Mechanism[] = ['plain', 'scram-sha-256', 'scram-sha-512']

const settings = (password: string, ca: string, mechanism: Mechanism = 'plain') =>
  configSchema.parse({
    kafka: {
      brokers: [address],
      tls: { enabled: true, ca },
      sasl: { mechanism, username: 'postflight', password },
    },
  })

it.each([...MECHANISMS.entries()])(
  'a request goes into Kafka over TLS, with a password, and doctor sees it wait (%i: %s)',
  async (before, mechanism) => {
    const config = settings('right', cert, mechanism)
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
    const { topics, consumers } = await surveyKafka(config.kafka, logger)
    expect(consumers).toBe(0)
    expect(topics).toEqual([
      { topic: 'postflight.logs', partitions: 4, waiting: before + 1 },
      { topic: 'postflight.traces', partitions: 4, waiting: 0 },
      { topic: 'postflight.metrics', partitions: 4, waiting: 0 },
    ])
  },
)

it.each(MECHANISMS)('a wrong password is refused, and told without itself (%s)', async (mechanism) => {
  const config = settings('wrong', cert, mechanism)
  const refused = connectKafka({ config, logger, clock: Date.now })
  await expect(refused).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.not.stringContaining('wrong'),
    hint: expect.stringContaining('POSTFLIGHT_KAFKA_SASL_PASSWORD'),
  })
})

it('a broker whose certificate nobody vouches for is refused', async () => {
  const refused = connectKafka({ config: settings('right', ''), logger, clock: Date.now })
  await expect(refused).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    hint: expect.stringContaining('kafka.tls.ca'),
  })
})

it('a broker that is only reached with a password is not reached without', async () => {
  const config = configSchema.parse({
    kafka: { brokers: [address], tls: { enabled: true, ca: cert } },
  })
  const refused = connectKafka({ config, logger, clock: Date.now })
  await expect(refused).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    hint: expect.stringContaining('a password (kafka.sasl)'),
  })
})
