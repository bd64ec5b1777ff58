import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import kafkajs from 'kafkajs'
import { mendRequestQueue } from '../../ingest/kafka/request-queue.ts'
import { freePort } from './free-port.ts'

/** A node of a real Apache Kafka, broker and controller (KRaft), in a folder that goes away with it. */
export interface KafkaBroker {
  /** host:port for clients. */
  readonly address: string
  readonly pid: number
  /** Ends it at once, as a crash would; what it had acknowledged stays. */
  kill(): Promise<void>
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>
  /** Ends it and deletes its data. */
  close(): Promise<void>
}

const POM = join(import.meta.dirname, 'kafka', 'pom.xml')
/** Any id: 16 bytes in base64url. */
const CLUSTER = 'cG9zdGZsaWdodC10ZXN0cw'
/** Milliseconds, of a start and of one look at it. */
const READY_WITHIN = 60_000
const LOOK_WITHIN = 5_000

const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/** A door of the broker for clients that show a password over TLS (SASL_SSL; PLAIN and both mechanisms of SCRAM). */
export interface SecuredDoor {
  readonly port: number
  /** Files in PEM. */
  readonly cert: string
  readonly key: string
  readonly username: string
  readonly password: string
}

export interface KafkaOptions {
  /** More lines of `server.properties`. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** A second door, of the first node. */
  readonly secured?: SecuredDoor | undefined
}

/** Several nodes, each broker and controller, of which a minority may be away. */
export interface KafkaCluster {
  readonly brokers: readonly KafkaBroker[]
  close(): Promise<void>
}

/**
 * Starts one broker on free ports.
 * @throws Error with the line that installs Java or Maven if they are missing
 */
export async function startKafkaBroker(options: KafkaOptions = {}): Promise<KafkaBroker> {
  const { brokers } = await startKafkaCluster(1, options)
  return brokers[0] as KafkaBroker
}

/**
 * Starts brokers on free ports; Kafka's own topics have a copy on each of them, up to three.
 * @throws Error with the line that installs Java or Maven if they are missing
 */
export async function startKafkaCluster(nodes: number, options: KafkaOptions = {}): Promise<KafkaCluster> {
  const classPath = await kafkaClassPath()
  const places: Place[] = []
  for (let id = 1; id <= nodes; id++)
    places.push({ id, port: await freePort(), controllerPort: await freePort() })
  const made = await Promise.allSettled(
    places.map((place) =>
      newBroker(classPath, place, places, place.id === 1 ? options : { ...options, secured: undefined }),
    ),
  )
  const brokers = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const close = async () => void (await Promise.all(brokers.map((broker) => broker.close())))
  try {
    for (const one of made) if (one.status === 'rejected') throw one.reason
    // Together: a controller alone has no majority to start with.
    await Promise.all(brokers.map((broker) => broker.start()))
    return { brokers, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Place {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
}

async function newBroker(
  classPath: string,
  { id, port, controllerPort }: Place,
  places: readonly Place[],
  { settings, secured }: KafkaOptions,
): Promise<KafkaBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-kafka-'))
  const properties = join(folder, 'server.properties')
  const copies = Math.min(3, places.length)
  const lines = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': places.map((one) => `${one.id}@127.0.0.1:${one.controllerPort}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': 1,
    'auto.create.topics.enable': 'false',
    // Tests kill consumers: the group must notice soon.
    'group.min.session.timeout.ms': 1_000,
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 2_000,
    'broker.heartbeat.interval.ms': 500,
    'log.cleaner.dedupe.buffer.size': 16 * 2 ** 20,
    ...settings,
  }
  if (secured !== undefined) Object.assign(lines, await securedDoor(folder, secured, lines))
  await writeFile(
    properties,
    Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  await mkdir(join(folder, 'data'))
  const java = (heap: string, main: string, ...args: string[]) =>
    [`-Xmx${heap}`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classPath, main, ...args] as const
  await promisify(execFile)('java', [
    ...java('128m', 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', properties),
    ...(secured === undefined ? [] : scramUsers(secured)),
  ])
  const log = join(folder, 'broker.log')
  let child: ChildProcess | undefined
  const broker: KafkaBroker = {
    address: `127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0
    },
    async start() {
      const started = spawn(
        'sh',
        ['-c', 'exec java "$@" >>"$0" 2>&1', log, ...java('384m', 'kafka.Kafka', properties)],
        { stdio: 'ignore' },
      )
      child = started
      await ready(`127.0.0.1:${port}`, () => started.exitCode ?? started.signalCode, log)
    },
    async kill() {
      const running = child
      child = undefined
      if (running === undefined) return
      const ended = new Promise((done) => running.once('exit', done))
      running.kill('SIGKILL')
      await ended
    },
    async close() {
      await broker.kill()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
  return broker
}

/** Arguments of the storage tool that make the door's user known to the cluster under both mechanisms of SCRAM. */
function scramUsers({ username, password }: SecuredDoor): string[] {
  return SCRAM.flatMap((mechanism) => ['-S', `${mechanism}=[name=${username},password=${password}]`])
}

async function securedDoor(
  folder: string,
  { port, cert, key, username, password }: SecuredDoor,
  lines: { readonly listeners: string; readonly 'advertised.listeners': string },
): Promise<Record<string, string>> {
  const keyStore = join(folder, 'keystore.pem')
  await writeFile(keyStore, (await readFile(key, 'utf8')) + (await readFile(cert, 'utf8')))
  const listener = `SASL_SSL://127.0.0.1:${port}`
  const name = 'listener.name.sasl_ssl'
  return {
    listeners: `${lines.listeners},${listener}`,
    'advertised.listeners': `${lines['advertised.listeners']},${listener}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL',
    'sasl.enabled.mechanisms': ['PLAIN', ...SCRAM].join(','),
    [`${name}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
    ...Object.fromEntries(
      SCRAM.map((mechanism) => [
        `${name}.${mechanism.toLowerCase()}.sasl.jaas.config`,
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      ]),
    ),
    [`${name}.ssl.keystore.type`]: 'PEM',
    [`${name}.ssl.keystore.location`]: keyStore,
  }
}

async function ready(address: string, ended: () => unknown, log: string): Promise<void> {
  mendRequestQueue()
  const kafka = new kafkajs.Kafka({
    brokers: [address],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 1_000,
  })
  const until = performance.now() + READY_WITHIN
  for (;;) {
    const admin = kafka.admin()
    try {
      // kafkajs may wait for ever for a broker that is only half there.
      const { controller } = await Promise.race([
        admin.connect().then(() => admin.describeCluster()),
        sleep(LOOK_WITHIN, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer'))),
      ])
      void admin.disconnect().catch(() => {})
      if (controller !== null) return
    } catch {
      void admin.disconnect().catch(() => {})
    }
    if (ended() !== null || performance.now() > until) {
      const told = await readFile(log, 'utf8').catch(() => '')
      throw new Error(`Kafka did not start: ${told.slice(-2_000)}`)
    }
    await sleep(200)
  }
}

/** The jars of Kafka, fetched once by Maven into its own cache. */
export async function kafkaClassPath(): Promise<string> {
  const folder = join(tmpdir(), 'postflight-kafka-jars')
  const file = join(
    folder,
    `class-path-${(await promisify(execFile)('sha256sum', [POM])).stdout.slice(0, 16)}`,
  )
  if (!existsSync(file)) {
    await mkdir(folder, { recursive: true })
    const fresh = `${file}.${process.pid}`
    const line = ['-q', '-B', '-f', POM, 'dependency:build-classpath', `-Dmdep.outputFile=${fresh}`]
    await promisify(execFile)('mvn', line, { timeout: 300_000 }).catch((error: unknown) => {
      throw new Error(
        `Kafka's jars could not be fetched. With Java 17 and Maven installed (apt-get install openjdk-17-jdk-headless maven), run:\n  mvn ${line.join(' ')}`,
        { cause: error },
      )
    })
    await promisify(execFile)('mv', [fresh, file])
  }
  return (await readFile(file, 'utf8')).trim()
}
