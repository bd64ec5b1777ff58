import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../analytics/stats/random.ts'
import { startAlertmanager } from './monitor-alertmanager.ts'
import { LiveLoad, type LiveService } from './monitor-live.ts'
import { GAUGES, startProcess, tellDeployment, writePast } from './monitor-process.ts'

export interface KillOutcome {
  readonly kills: number
  /** Notifications of Alertmanager about the incident. */
  readonly pages: number
  readonly resolves: number
  /** Revisions of the incident that the store has at the end. */
  readonly revisions: number
}

const BEFORE = 0.01
const LONGEST = 420

/**
 * Postflight (monitor, delivery, receiver and store) killed again and again at random moments from the first bad request on, the incident over when the old version has
 * taken over again: what people heard of it.
 * @param settle seconds with the old version before
 */
export async function measureKills(
  kills: number,
  settle: number,
  say: (text: string) => void,
): Promise<KillOutcome> {
  const random = seededRandom(30)
  const alertmanager = await startAlertmanager()
  const postflight = await startProcess(alertmanager.url)
  const service: LiveService = { name: 'checkout', version: '1.0', failures: BEFORE }
  const load = new LiveLoad([service], {
    otlpUrl: postflight.otlpUrl,
    perSecond: 50,
    gauges: GAUGES,
    seed: 2,
  })
  const of = (status: string) =>
    alertmanager.told().filter((told) => told.status === status && told.labels['service'] === service.name)
      .length
  try {
    await writePast(postflight.store, [service.name], 50, BEFORE)
    await tellDeployment(postflight.apiUrl, {
      service: service.name,
      version: '1.0',
      startedAt: new Date(Date.now() - 3 * 86_400_000).toISOString(),
    })
    load.start()
    await sleep(settle * 1000)
    service.version = '1.1'
    service.failures = 0.08
    const until = Date.now() + LONGEST * 1000
    for (let kill = 0; kill < kills; kill++) {
      // Up to half a minute once it is ready, so that some fall into the start, some into a look, some into a delivery.
      await sleep(1000 * (kill % 5 === 4 ? 30 * random() : 8 * random()))
      await postflight.command.kill()
      await postflight.command.recover()
      say(`kill ${kill + 1}: ${of('firing')} pages`)
    }
    while (Date.now() < until && of('firing') === 0) await sleep(500)
    service.version = '1.0'
    service.failures = BEFORE
    await tellDeployment(postflight.apiUrl, { service: service.name, version: '1.1', status: 'rolled_back' })
    const end = Date.now() + LONGEST * 1000
    while (Date.now() < end && of('resolved') === 0) await sleep(500)
    // Whatever would be sent twice is sent within the next rounds.
    await sleep(20_000)
    const [row] = await postflight.store.query<{ revisions: number }>(
      "SELECT max(JSONExtractUInt(alert_json, 'revision')) AS revisions FROM alerts WHERE service = 'checkout'",
    )
    return { kills, pages: of('firing'), resolves: of('resolved'), revisions: row?.revisions ?? 0 }
  } finally {
    await load.stop()
    await postflight.stop()
    await alertmanager.stop()
  }
}
