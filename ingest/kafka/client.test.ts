import { createServer } from 'node:net'
import kafkajs from 'kafkajs'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { configSchema } from '../../schemas/config.ts'
import { openKafka, reasonOf, within } from './client.ts'

it('brokers that are away are told as such, and nothing else is', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const { kafka } = configSchema.parse({ kafka: { brokers: [`127.0.0.1:${port}`] } })
  const admin = openKafka(kafka, pino({ level: 'silent' })).admin()
  const refused = await admin.connect().catch((error: unknown) => error)
  const late = await within(1, new Promise(() => {})).catch((error: unknown) => error)
  for (const error of [refused, late])
    expect(reasonOf(error, 'consuming')).toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringMatching(/^Kafka: consuming failed: /),
    })
  const broken = new TypeError('a fault of ours')
  const rebalanced = new kafkajs.KafkaJSProtocolError({ type: 'REBALANCE_IN_PROGRESS' } as never)
  for (const error of [broken, rebalanced]) expect(reasonOf(error, 'consuming')).toBe(error)
})
