import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { freePorts } from '../peers/free-port.ts'
import { type KafkaBroker, type KafkaOptions, startKafkaCluster } from '../peers/kafka-broker.ts'
import { type Part, SupervisedCommand } from './process.ts'

/** A receiver, Kafka, two consumers of one group and a store, each in a process of its own. */
export interface KafkaSystem {
  /** Receiver and consumers. */
  readonly commands: readonly SupervisedCommand[]
  readonly storePart: Part
  readonly brokers: readonly KafkaBroker[]
  /** Of the receiver's OTLP/HTTP door. */
  readonly otlpUrl: string
  /** Flags that any other command of Postflight needs to see this system. */
  readonly flags: readonly string[]
  readonly store: Store
  close(): Promise<void>
}

/**
 * @param nodes brokers of the cluster
 * @param settings more of each broker
 * @throws Error if a part does not start; nothing is left running then
 */
export async function startKafkaSystem(
  nodes: number,
  settings: KafkaOptions['settings'] = {},
): Promise<KafkaSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-kafka-system-'))
  const opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  try {
    const cluster = await startKafkaCluster(nodes, { settings })
    opened.defer(() => cluster.close())
    const [otlp, api, clickhouse] = (await freePorts(3)) as [number, number, number]
    const logger = pino({ level: 'silent' })
    const start = () => startEmbedded({ dataDir: join(folder, 'store'), port: clickhouse, logger })
    let embedded = await start()
    opened.defer(() => embedded.stop())
    const storePart: Part = {
      name: 'store',
      async kill() {
        process.kill(embedded.pid, 'SIGKILL')
        await embedded.exited
      },
      async recover() {
        embedded = await start()
      },
    }
    const url = `http://127.0.0.1:${clickhouse}`
    const addresses = cluster.brokers.map(({ address }) => address)
    const flags = [
      ...['--clickhouse.url', url, '--kafka.brokers', `[${addresses}]`],
      ...['--dataDir', join(folder, 'data')],
    ]
    const doors = ['--otlp.port', `${otlp}`, '--otlp.grpcPort', '0', '--api.port', `${api}`]
    const commands = [
      new SupervisedCommand('receiver', ['up', ...doors, '--kafka.consume', 'false', ...flags]),
      new SupervisedCommand('consumer', ['consume', ...flags]),
      new SupervisedCommand('other consumer', ['consume', ...flags]),
    ]
    for (const command of commands) {
      command.start()
      opened.defer(() => command.stop())
      await command.recover()
    }
    const store = openStore({ url })
    opened.defer(() => store.close())
    return {
      commands,
      storePart,
      brokers: cluster.brokers,
      otlpUrl: `http://127.0.0.1:${otlp}`,
      flags,
      store,
      close: () => opened.disposeAsync(),
    }
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

/** A broker as a part that may be killed. */
export function brokerPart(broker: KafkaBroker, name = 'broker'): Part {
  return { name, kill: () => broker.kill(), recover: () => broker.start() }
}
