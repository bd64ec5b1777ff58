import type { ICustomPartitioner, Kafka, Message, ProducerBatch, ProducerConfig } from 'kafkajs'
import { expect, it } from 'vitest'
import { Outbox } from './outbox.ts'

const TOPIC = 'postflight.logs'
const PARTITIONS = [0, 1].map((partitionId) => ({ partitionId, leader: partitionId }))

/** A client that sends a batch as often as it wants to, and has a partition for each message at each attempt, as kafkajs has. */
function clientOf(attempts: number): { kafka: Kafka; producers: number; taken: Set<string> } {
  const client = { kafka: {} as Kafka, producers: 0, taken: new Set<string>() }
  const producer = (config?: ProducerConfig) => {
    client.producers++
    const { createPartitioner } = config as { createPartitioner: ICustomPartitioner }
    const partitionOf = createPartitioner()
    return {
      connect: async () => {},
      disconnect: async () => {},
      sendBatch: async ({ topicMessages = [] }: ProducerBatch) => {
        for (let attempt = 1; attempt <= attempts; attempt++) {
          for (const { topic, messages } of topicMessages)
            for (const message of messages as (Message & { key: string })[]) {
              partitionOf({ topic, partitionMetadata: PARTITIONS as never, message })
              client.taken.add(message.key)
            }
        }
        return []
      },
    }
  }
  client.kafka = { producer } as unknown as Kafka
  return client
}

const message = (key: string) => ({ key, value: Buffer.from('x'), headers: {} }) as never

it('a batch that its client sends again is not acknowledged, and the next one has a producer of its own', async () => {
  const client = clientOf(2)
  const outbox = new Outbox({ kafka: client.kafka, onAnswer: () => {}, maxPendingBytes: 1e6 })
  const both = [outbox.send(TOPIC, message('a')), outbox.send(TOPIC, message('b'))]
  for (const one of await Promise.allSettled(both))
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'BROKER_UNREACHABLE' } })
  await expect(outbox.send(TOPIC, message('a'))).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
  expect(client.producers).toBe(2)
  await outbox.close()
})

it('a client that never answers holds up nobody for longer than senders wait, nor the end', async () => {
  const never = () => new Promise<never>(() => {})
  let sends = 0
  const producer = () => ({
    connect: async () => {},
    disconnect: never,
    sendBatch: () => (++sends === 1 ? never() : Promise.resolve([])),
  })
  const outbox = new Outbox({
    kafka: { producer } as unknown as Kafka,
    onAnswer: () => {},
    maxPendingBytes: 1e6,
    answerWithin: 100,
  })
  await expect(outbox.send(TOPIC, message('a'))).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
  await outbox.send(TOPIC, message('b'))
  await outbox.close()
})

it('a request that its sender repeats is sent again', async () => {
  const client = clientOf(1)
  const outbox = new Outbox({ kafka: client.kafka, onAnswer: () => {}, maxPendingBytes: 1e6 })
  const request = message('a')
  await outbox.send(TOPIC, request)
  await outbox.send(TOPIC, request)
  expect(client.producers).toBe(1)
  expect([...client.taken]).toEqual(['a'])
  await outbox.close()
})
