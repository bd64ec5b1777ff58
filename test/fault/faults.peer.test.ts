import { expect, onTestFinished, test } from 'vitest'
import { seededRandom } from '../bench/ingest-load.ts'
import type { Audit } from './audit.ts'
import { killsDirect } from './kills-direct.ts'
import { killsKafka } from './kills-kafka.ts'
import { storeAway } from './store-away.ts'
import { faultsOfNetworkAndDisk } from './weather.ts'

/** The short form of `npm run test:fault`. */
const LASTS = 900_000

function expectNothingLostOrTwice(found: Audit): void {
  expect(found).toMatchObject({ lost: 0, duplicates: 0, rollupMismatch: 0 })
  expect(found.acknowledged).toBeGreaterThan(1_000)
  expect(found.deadLettered).toBeGreaterThan(0)
}

/** What was done is told only if the test fails. */
function told(): (what: string) => void {
  const log: string[] = []
  onTestFinished(({ task }) => {
    if (task.result?.state === 'fail') console.error(log.join(', '))
  })
  return (what) => log.push(what)
}

test('receiver and embedded store killed in traffic', { timeout: LASTS }, async () => {
  expectNothingLostOrTwice(await killsDirect({ kills: 4, random: seededRandom(1), onKill: told() }))
})

test('receiver, consumers, store and broker killed in traffic', { timeout: LASTS }, async () => {
  expectNothingLostOrTwice(await killsKafka({ kills: 5, random: seededRandom(2), onKill: told() }))
})

/** Longer than consumers may be silent before their group gives their partitions to others (20 s). */
const AWAY = 24_000

test('a store that is away behind Kafka: all is taken, doctor shows what waits, and it is stored', {
  timeout: LASTS,
}, async () => {
  const found = await storeAway({ lasts: AWAY, random: seededRandom(4), onEvent: told() })
  expectNothingLostOrTwice(found)
})

test('connections cut, a slow store and a full disk', { timeout: LASTS }, async () => {
  const random = seededRandom(3)
  expectNothingLostOrTwice(await faultsOfNetworkAndDisk({ random, lasts: 4_000, onFault: told() }))
})
