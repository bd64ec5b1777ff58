import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../schemas/store/client.ts'
import { freePorts } from '../peers/free-port.ts'
import { type Audit, audit } from './audit.ts'
import { type Killing, killInTraffic } from './killing.ts'
import { type Part, SupervisedCommand } from './process.ts'
import { Senders } from './senders.ts'

/** Postflight as it is started at first: receiver and writer in one process, the embedded store in its child. */
export async function killsDirect(killing: Killing): Promise<Audit> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-kills-'))
  const [otlp, api, clickhouse] = (await freePorts(3)) as [number, number, number]
  const dataDir = join(folder, 'data')
  const receiver = new SupervisedCommand('receiver', [
    ...['up', '--dataDir', dataDir, '--otlp.port', `${otlp}`, '--otlp.grpcPort', '0', '--api.port', `${api}`],
    ...['--clickhouse.port', `${clickhouse}`],
  ])
  receiver.start()
  await receiver.recover()
  const store = openStore({ url: `http://127.0.0.1:${clickhouse}` })
  const storePart: Part = {
    name: 'store',
    async kill() {
      const status = await readFile(join(dataDir, 'engine', 'status'), 'utf8')
      process.kill(Number(/^PID: (\d+)/m.exec(status)?.[1]), 'SIGKILL')
      // Its parent says that it is of no use without it, and ends.
      await receiver.ended()
    },
    recover: () => receiver.recover(),
  }
  const senders = new Senders({
    url: `http://127.0.0.1:${otlp}`,
    connections: 8,
    random: killing.random,
    firstId: 1,
  })
  try {
    await killInTraffic([receiver, storePart], senders, killing)
    return await audit(store, senders)
  } finally {
    await senders.stop()
    await store.close()
    await receiver.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
