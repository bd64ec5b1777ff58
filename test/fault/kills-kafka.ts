import { type Audit, audit } from './audit.ts'
import { brokerPart, startKafkaSystem } from './kafka-system.ts'
import { type Killing, killInTraffic } from './killing.ts'
import { Senders } from './senders.ts'

/**
 * Kills of receiver, both consumers, store and brokers in traffic.
 * @param nodes brokers of the cluster; of several each is killed in turn while the others go on
 */
export async function killsKafka(killing: Killing, nodes = 1): Promise<Audit> {
  await using system = await startKafkaSystem(nodes)
  const { commands, storePart, brokers, otlpUrl, store } = system
  const senders = new Senders({ url: otlpUrl, connections: 8, random: killing.random, firstId: 1 })
  try {
    const brokerParts = brokers.map((broker, i) =>
      brokerPart(broker, nodes === 1 ? 'broker' : `broker ${i + 1}`),
    )
    const parts = nodes === 1 ? [...commands, storePart, ...brokerParts] : brokerParts
    await killInTraffic(parts, senders, killing)
    return await audit(store, senders)
  } finally {
    await senders.stop()
  }
}
