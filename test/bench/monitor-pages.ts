import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '../../schemas/store/client.ts'
import { median } from './median.ts'
import { startAlertmanager } from './monitor-alertmanager.ts'
import { LiveLoad, type LiveService } from './monitor-live.ts'
import { GAUGES, startProcess, tellDeployment, writePast } from './monitor-process.ts'

export interface PageTimes {
  /** Seconds from the first failed request of the new version until Alertmanager had notified, one a service; null: it never did. */
  readonly x5: readonly (number | null)[]
  readonly x2: readonly (number | null)[]
  readonly medianX5: number | null
  readonly medianX2: number | null
  /** Where the seconds went, by service: from the first failed request until the release was watched, its incident was found, and Alertmanager had notified. */
  readonly steps: readonly {
    readonly service: string
    readonly watched: number | null
    readonly found: number | null
    readonly told: number | null
  }[]
}

const PER_SECOND = 50
const BEFORE = 0.01
/** Seconds at most with the new version. */
const LONGEST = 480

/**
 * Services whose new version fails five times, or twice, as often as the old one, each at 50 requests a second: how long until somebody has been told.
 * @param settle seconds with the old version
 */
export async function measurePages(
  each: number,
  settle: number,
  say: (text: string) => void,
): Promise<PageTimes> {
  const alertmanager = await startAlertmanager()
  const postflight = await startProcess(alertmanager.url)
  const groups = { x5: 5, x2: 2 } as const
  const services = Object.keys(groups).flatMap((group) =>
    Array.from(
      { length: each },
      (_, i): LiveService => ({ name: `${group}-${i + 1}`, version: '1.0', failures: BEFORE }),
    ),
  )
  const load = new LiveLoad(services, {
    otlpUrl: postflight.otlpUrl,
    perSecond: PER_SECOND,
    gauges: GAUGES,
    seed: 1,
  })
  try {
    await writePast(
      postflight.store,
      services.map(({ name }) => name),
      PER_SECOND,
      BEFORE,
    )
    for (const { name } of services)
      await tellDeployment(postflight.apiUrl, {
        service: name,
        version: '1.0',
        startedAt: new Date(Date.now() - 3 * 86_400_000).toISOString(),
      })
    load.start()
    await sleep(settle * 1000)
    for (const service of services) {
      service.version = '1.1'
      service.failures = BEFORE * groups[service.name.slice(0, 2) as keyof typeof groups]
    }
    const seconds = (service: string): number | null => {
      const told = alertmanager
        .told()
        .find(
          ({ status, labels }) =>
            status === 'firing' && labels['service'] === service && labels['version'] === '1.1',
        )
      const first = load.firstFailure.get(`${service} 1.1`)
      return told === undefined || first === undefined ? null : (told.at - first) / 1000
    }
    const until = Date.now() + LONGEST * 1000
    while (Date.now() < until && services.some(({ name }) => seconds(name) === null)) await sleep(500)
    const of = (group: string) =>
      services.filter(({ name }) => name.startsWith(group)).map(({ name }) => seconds(name))
    const [x5, x2] = [of('x5'), of('x2')]
    say(`1 % -> 5 %: ${x5.map(text).join(', ')}; 1 % -> 2 %: ${x2.map(text).join(', ')}`)
    const steps = await stepsOf(postflight.store, load.firstFailure, seconds)
    for (const { service, watched, found, told } of steps)
      say(`${service}: watched after ${text(watched)}, found after ${text(found)}, told after ${text(told)}`)
    return { x5, x2, medianX5: medianOf(x5), medianX2: medianOf(x2), steps }
  } finally {
    await load.stop()
    await postflight.stop()
    await alertmanager.stop()
  }
}

async function stepsOf(
  store: Store,
  firstFailure: ReadonlyMap<string, number>,
  told: (service: string) => number | null,
): Promise<PageTimes['steps']> {
  const rows = await store.query<{ service: string; opened: number; found: number }>(
    `SELECT service, toUnixTimestamp64Milli(minIf(events.at, kind = 'opened')) AS opened, toUnixTimestamp64Milli(minIf(events.at, kind = 'incident')) AS found
    FROM watch_events AS events INNER JOIN (SELECT DISTINCT deployment_id, service FROM watches WHERE version = '1.1') AS watched USING (deployment_id)
    GROUP BY service ORDER BY service`,
  )
  return rows.map(({ service, opened, found }) => {
    const first = firstFailure.get(`${service} 1.1`)
    const since = (at: number) => (at > 0 && first !== undefined ? (at - first) / 1000 : null)
    return { service, watched: since(opened), found: since(found), told: told(service) }
  })
}

function text(seconds: number | null): string {
  return seconds === null ? 'never' : `${seconds.toFixed(0)} s`
}

/** Who was never told counts as later than all others. */
function medianOf(times: readonly (number | null)[]): number | null {
  const middle = median(times.map((time) => time ?? Number.POSITIVE_INFINITY))
  return Number.isFinite(middle) ? middle : null
}
