import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { openStore } from '../../schemas/store/client.ts'
import { freePort } from '../integration/cli-process.ts'
import { startKafkaBroker } from '../peers/kafka-broker.ts'
import { type Audit, audit } from './audit.ts'
import { type Killing, killInTraffic } from './killing.ts'
import { type Part, SupervisedCommand } from './process.ts'
import { Senders } from './senders.ts'

/** A receiver, Kafka, two consumers of one group and a store, each in a process of its own. */
export async function killsKafka(killing: Killing): Promise<Audit> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-kills-kafka-'))
  const opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  try {
    const broker = await startKafkaBroker()
    opened.defer(() => broker.close())
    const [otlp, api, clickhouse] = [await freePort(), await freePort(), await freePort()]
    const start = () =>
      startEmbedded({
        dataDir: join(folder, 'store'),
        port: clickhouse,
        logger: pino({ level: 'silent' }),
      })
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
    const common = [
      ...['--clickhouse.url', `http://127.0.0.1:${clickhouse}`, '--kafka.brokers', `[${broker.address}]`],
      ...['--dataDir', join(folder, 'data')],
    ]
    const commands = [
      new SupervisedCommand('receiver', [
        ...[
          'up',
          '--otlp.port',
          `${otlp}`,
          '--otlp.grpcPort',
          '0',
          '--api.port',
          `${api}`,
          '--kafka.consume',
          'false',
          ...common,
        ],
      ]),
      new SupervisedCommand('consumer', ['consume', ...common]),
      new SupervisedCommand('other consumer', ['consume', ...common]),
    ]
    for (const command of commands) {
      command.start()
      opened.defer(() => command.stop())
      await command.recover()
    }
    const brokerPart: Part = { name: 'broker', kill: () => broker.kill(), recover: () => broker.start() }
    const senders = new Senders({
      url: `http://127.0.0.1:${otlp}`,
      connections: 8,
      random: killing.random,
      firstId: 1,
    })
    opened.defer(() => senders.stop())
    await killInTraffic([...commands, storePart, brokerPart], senders, killing)
    const store = openStore({ url: `http://127.0.0.1:${clickhouse}` })
    opened.defer(() => store.close())
    return await audit(store, senders)
  } finally {
    await opened.disposeAsync()
  }
}
