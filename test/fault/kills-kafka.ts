import { type Audit, audit } from './audit.ts'
import { brokerPart, type KafkaSystem, startKafkaSystem } from './kafka-system.ts'
import { type Killing, killInTraffic } from './killing.ts'
import type { Part } from './process.ts'
import { Senders } from './senders.ts'

/** Receiver, both consumers, store and the one broker are killed in turn. */
export async function killsKafka(killing: Killing): Promise<Audit> {
  const system = await startKafkaSystem(1)
  try {
    const brokers = system.brokers.map((broker) => brokerPart(broker))
    return await kill([...system.commands, system.storePart, ...brokers], system, killing)
  } finally {
    await system.close()
  }
}

/** Of three brokers, each of which has every message, one after the other is killed while the others go on. */
export async function killsBrokers(killing: Killing): Promise<Audit> {
  const system = await startKafkaSystem(3)
  try {
    return await killBrokers(system, killing)
  } finally {
    await system.close()
  }
}

export async function killBrokers(system: KafkaSystem, killing: Killing): Promise<Audit> {
  const parts = system.brokers.map((broker, i) => brokerPart(broker, `broker ${i + 1}`))
  return await kill(parts, system, killing)
}

async function kill(parts: readonly Part[], system: KafkaSystem, killing: Killing): Promise<Audit> {
  const { otlpUrl: url, store } = system
  const senders = new Senders({ url, connections: 8, random: killing.random, firstId: 1 })
  try {
    await killInTraffic(parts, senders, killing)
    return await audit(store, senders)
  } finally {
    await senders.stop()
  }
}
