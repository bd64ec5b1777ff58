import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '../bench/ingest-load.ts'
import { type KafkaSystem, startKafkaSystem } from './kafka-system.ts'
import { killBrokers } from './kills-kafka.ts'

const TOPICS = ['postflight.logs', 'postflight.traces', 'postflight.metrics', 'postflight.dead-letter']
let system: KafkaSystem

beforeAll(async () => {
  system = await startKafkaSystem(3)
})
afterAll(() => system?.close())

test('topics are made with a copy on each broker, two of which must have a message', async () => {
  const admin = new kafkajs.Kafka({
    brokers: system.brokers.map(({ address }) => address),
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin()
  await admin.connect()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: TOPICS })
    for (const { name, partitions } of topics) {
      expect(partitions).toHaveLength(name.endsWith('dead-letter') ? 1 : 4)
      for (const { replicas } of partitions) expect(replicas.toSorted()).toEqual([1, 2, 3])
    }
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: TOPICS.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
    })
    expect(resources).toHaveLength(TOPICS.length)
    for (const { configEntries } of resources) {
      const settings = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]))
      expect(settings.get('min.insync.replicas')).toBe('2')
      expect(settings.get('cleanup.policy')).toBe('delete')
      expect(settings.get('retention.ms')).toBe(String(72 * 3_600_000))
      // The largest request that the doors take fits.
      expect(Number(settings.get('max.message.bytes'))).toBeGreaterThan(20 * 2 ** 20)
    }
  } finally {
    await admin.disconnect()
  }
})

test('brokers killed in traffic, one at a time: nothing is lost or there twice', {
  timeout: 240_000,
}, async () => {
  const killed: string[] = []
  const found = await killBrokers(system, {
    kills: 3,
    random: seededRandom(7),
    onKill: (name) => killed.push(name),
  })
  expect(killed).toEqual(['broker 1', 'broker 2', 'broker 3'])
  expect(found).toMatchObject({ lost: 0, duplicates: 0, rollupMismatch: 0 })
  expect(found.acknowledged).toBeGreaterThan(1_000)
  expect(found.deadLettered).toBeGreaterThan(0)
})
