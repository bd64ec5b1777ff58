import { parseArgs } from 'node:util'
import { seededRandom } from '../bench/ingest-load.ts'
import type { Audit } from './audit.ts'
import { killsDirect } from './kills-direct.ts'
import { killsBrokers, killsKafka } from './kills-kafka.ts'
import { storeAway } from './store-away.ts'
import { faultsOfNetworkAndDisk } from './weather.ts'

/**
 * Kills (SIGKILL) of every part in the middle of traffic, cut connections, a slow store and a full disk, with senders that
 * retry; then what was acknowledged is compared with what is stored. Exit code 1 if anything is lost or there twice.
 */
const { values } = parseArgs({
  options: {
    /** In all, shared by those of direct, kafka and brokers that are asked for. */
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    /** Seconds that each fault of the network and the disk lasts. */
    seconds: { type: 'string', default: '15' },
    /** Minutes that the store is away behind Kafka. */
    minutes: { type: 'string', default: '1' },
    /** Of direct, kafka, brokers, away, network. */
    only: { type: 'string', default: 'direct,kafka,network' },
    json: { type: 'boolean', default: false },
  },
})
const only = values.only.split(',')
const kills = Number(values.kills)
const minutes = Number(values.minutes)
if (!(kills >= 0) || !(Number(values.seconds) > 0) || !(minutes > 0))
  throw new Error('--kills, --seconds and --minutes take numbers')
const random = seededRandom(Number(values.seed))
const begun = performance.now()

function say(text: string): void {
  process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(0).padStart(5)} s  ${text}\n`)
}

let done = 0
const onKill = (name: string) => say(`kill ${++done} of ${kills}: ${name}`)
const killing = only.filter((name) => ['direct', 'kafka', 'brokers'].includes(name))
const killsOf = (name: string): number => {
  const at = killing.indexOf(name)
  return Math.floor((kills * (at + 1)) / killing.length) - Math.floor((kills * at) / killing.length)
}
const scenarios: Record<string, () => Promise<Audit>> = {
  direct: () => killsDirect({ kills: killsOf('direct'), random, onKill }),
  kafka: () => killsKafka({ kills: killsOf('kafka'), random, onKill }),
  brokers: () => killsBrokers({ kills: killsOf('brokers'), random, onKill }),
  away: () => storeAway({ random, lasts: minutes * 60_000, onEvent: say }),
  network: () => faultsOfNetworkAndDisk({ random, lasts: Number(values.seconds) * 1000, onFault: say }),
}

const total = { kills: 0, acknowledged: 0, lost: 0, duplicates: 0, deadLettered: 0, rollupMismatch: 0 }
for (const name of only) {
  const scenario = scenarios[name]
  if (scenario === undefined) throw new Error(`--only ${name}: expected some of ${Object.keys(scenarios)}`)
  const found = await scenario()
  say(`${name}: ${JSON.stringify(found)}`)
  for (const [key, value] of Object.entries(found)) total[key as keyof Audit] += value
}
total.kills = done
if (values.json) process.stdout.write(`${JSON.stringify(total)}\n`)
else for (const [key, value] of Object.entries(total)) process.stdout.write(`${key.padEnd(16)}${value}\n`)
process.exitCode = total.lost + total.duplicates + total.rollupMismatch === 0 ? 0 : 1
