import { setTimeout as sleep } from 'node:timers/promises'
import { startCli } from '../integration/cli-process.ts'
import { type Audit, audit } from './audit.ts'
import { type KafkaSystem, startKafkaSystem } from './kafka-system.ts'
import { Senders } from './senders.ts'

export interface Absence {
  /** Numbers between 0 and 1. */
  readonly random: () => number
  /** Milliseconds that the store is away. */
  readonly lasts: number
  readonly onEvent: (text: string) => void
}

const CONNECTIONS = 2
/** Milliseconds between two requests of a connection: a day of quiet traffic rather than a burst. */
const PAUSE = 500
const RECORDS = 200
const LOOKS = 10
/** The broker is not killed, and must not pass for dead when the machine is busy with something else. */
const PATIENT = { 'broker.session.timeout.ms': 60_000 }
/** Milliseconds that consumers may take to find the store again and to store what waits. */
const CAUGHT_UP_WITHIN = 300_000

/**
 * Behind Kafka the store goes away and comes back: senders are answered all the while, `postflight doctor` shows what waits,
 * and what waited is stored by the consumers that held it.
 * @throws Error if a request is refused, a consumer ends, or doctor does not show more and more, and nothing in the end
 */
export async function storeAway({ random, lasts, onEvent }: Absence): Promise<Audit> {
  const system = await startKafkaSystem(1, PATIENT)
  const { commands, storePart, otlpUrl, store } = system
  const senders = new Senders({ url: otlpUrl, connections: CONNECTIONS, random, firstId: 1, pause: PAUSE })
  try {
    await senders.acknowledge(RECORDS)
    onEvent('the store is killed')
    const starts = commands.map((command) => command.starts)
    const [repeated, gone] = [senders.repeated, performance.now()]
    await storePart.kill()
    let before = 0
    for (let look = 1; look <= LOOKS; look++) {
      await sleep(Math.max(0, gone + (lasts * look) / LOOKS - performance.now()))
      const waiting = await requestsWaiting(system)
      onEvent(`${waiting} requests wait, ${senders.acknowledged.size} records acknowledged`)
      if (waiting <= before) throw new Error(`doctor showed ${before} requests that wait, then ${waiting}`)
      before = waiting
    }
    if (senders.repeated > repeated) throw new Error(`${senders.repeated - repeated} requests were refused`)
    await storePart.recover()
    onEvent('the store is back')
    await senders.acknowledge(RECORDS)
    await senders.stop()
    const until = performance.now() + CAUGHT_UP_WITHIN
    while ((await requestsWaiting(system)) > 0)
      if (performance.now() > until) throw new Error('Not all is stored minutes after the store is back')
    onEvent('nothing waits any more')
    for (const [i, { name, starts: now }] of commands.entries())
      if (now !== starts[i]) throw new Error(`The ${name} ended while the store was away`)
    return await audit(store, senders)
  } finally {
    await senders.stop()
    await system.close()
  }
}

/** What `postflight doctor` says of the topics, in all. */
async function requestsWaiting({ flags }: KafkaSystem): Promise<number> {
  const { out } = await startCli(process.cwd(), ['doctor', '--json', ...flags]).ended
  const findings = JSON.parse(out) as { check: string; found: string }[]
  const topics = findings.filter(({ check }) => check.startsWith('topic '))
  if (topics.length === 0) throw new Error(`doctor says nothing of topics: ${out}`)
  return topics.reduce((sum, { found }) => sum + Number(/(\d+) requests not stored yet/.exec(found)?.[1]), 0)
}
