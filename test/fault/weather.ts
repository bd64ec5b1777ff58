import { execFileSync } from 'node:child_process'
import { appendFile, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { openStore } from '../../schemas/store/client.ts'
import { freePorts } from '../peers/free-port.ts'
import { type Audit, audit } from './audit.ts'
import { SupervisedCommand } from './process.ts'
import { Senders } from './senders.ts'
import { CALM, UnreliableProxy } from './unreliable-proxy.ts'

export interface Spell {
  /** Numbers between 0 and 1. */
  readonly random: () => number
  /** Milliseconds that each fault lasts. */
  readonly lasts: number
  readonly onFault: (name: string) => void
}

const STORE_SIZE = '400m'
/** Bytes: less than the store keeps free, so it refuses inserts, and enough for those under way. */
const NEARLY_FULL = 40_000_000
const RECORDS = 400
/** Milliseconds; requests wait for the store a while before they are refused. */
const STOPPED_WITHIN = 60_000
const LOOK_EVERY = 200

/**
 * Connections that are cut half-way, of senders and to the store; a store that is slow; a disk that is full.
 * @throws Error with the reason if no file system of a fixed size can be mounted: it takes root
 */
export async function faultsOfNetworkAndDisk({ random, lasts, onFault }: Spell): Promise<Audit> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-weather-'))
  const opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  try {
    mount(folder)
    opened.defer(async () => void execFileSync('umount', ['-l', folder]))
    const logger = pino({ level: 'silent' })
    const embedded = await startEmbedded({ dataDir: join(folder, 'store'), port: 0, logger })
    opened.defer(() => embedded.stop())
    const toStore = new UnreliableProxy(embedded.port, random)
    const storePort = await toStore.listen()
    opened.defer(() => toStore.close())
    const [otlp, api] = (await freePorts(2)) as [number, number]
    const receiver = new SupervisedCommand('receiver', [
      ...['up', '--clickhouse.url', `http://127.0.0.1:${storePort}`, '--dataDir', join(folder, 'data')],
      ...['--otlp.port', `${otlp}`, '--otlp.grpcPort', '0', '--api.port', `${api}`],
    ])
    receiver.start()
    opened.defer(() => receiver.stop())
    await receiver.recover()
    const toReceiver = new UnreliableProxy(otlp, random)
    const senders = new Senders({
      url: `http://127.0.0.1:${await toReceiver.listen()}`,
      connections: 8,
      random,
      firstId: 1,
    })
    opened.defer(() => toReceiver.close())
    opened.defer(() => senders.stop())
    await senders.acknowledge(RECORDS)

    onFault('connections of senders are cut')
    toReceiver.weather = { cut: 0.05, delay: 0 }
    await sleep(lasts)
    toReceiver.weather = CALM
    await senders.acknowledge(RECORDS)

    onFault('connections to the store are cut')
    toStore.weather = { cut: 0.05, delay: 0 }
    await sleep(lasts)
    toStore.weather = CALM
    await senders.acknowledge(RECORDS)

    onFault('the store is slow')
    toStore.weather = { cut: 0, delay: 3_000 }
    await sleep(lasts)
    toStore.weather = CALM
    await senders.acknowledge(RECORDS)
    if (toReceiver.cuts === 0 || toStore.cuts === 0) throw new Error('No connection was cut')

    onFault('the disk is full')
    const filler = join(folder, 'filler')
    const before = senders.repeated
    for (let waited = 0; waited < lasts || senders.repeated === before; waited += LOOK_EVERY) {
      if (waited > STOPPED_WITHIN) throw new Error('The full disk stopped nobody')
      // Again and again, for merges give some of it free.
      await fill(filler, NEARLY_FULL)
      await sleep(LOOK_EVERY)
    }
    // To the last byte once nothing is being written: the engine does not survive this in the middle of a part.
    await fill(filler, 0)
    await sleep(lasts)
    await rm(filler)
    await senders.acknowledge(RECORDS)

    await senders.stop()
    const store = openStore({ url: embedded.url })
    opened.defer(() => store.close())
    return await audit(store, senders)
  } finally {
    await opened.disposeAsync()
  }
}

/** Takes what is free on the disk of `file`, but for so many bytes. */
async function fill(file: string, left: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(file))
  await appendFile(file, Buffer.alloc(Math.max(0, bavail * bsize - left), 1)).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error
    },
  )
}

function mount(folder: string): void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${STORE_SIZE}`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch (error) {
    throw new Error(
      `A disk that gets full takes root: run as root, or in a namespace with 'unshare --map-root-user --mount npm run test:fault'`,
      { cause: error },
    )
  }
}
