import { pino } from 'pino'
import { buildReport } from '../../analytics/jobs/report.ts'
import { storeDeployments } from '../../analytics/releases/stored-deployments.ts'
import { normalDraw } from '../../analytics/stats/normal-draw.ts'
import { seededRandom } from '../../analytics/stats/random.ts'
import { type RunningApi, startApi } from '../../api/server.ts'
import { bucketOf } from '../../schemas/histogram.ts'
import { type Bench, openBench } from './report-fixture.ts'

export const DAY = 86_400_000
const MINUTE = 60_000
const STEP = 10 * MINUTE
const DAYS = 91
export const NOW = Math.floor(Date.now() / DAY) * DAY + 2 * 3_600_000
const START = NOW - DAYS * DAY
/** Releases at noon of every seventh day; the eighth makes requests 30 % slower, the others 3 % each, which none of them shows. */
export const RELEASES = Array.from({ length: 12 }, (_, i) => ({
  version: `3.${i}.0`,
  at: Math.floor(START / DAY) * DAY + (i + 1) * 7 * DAY - 3 * DAY + DAY / 2,
  effect: i === 7 ? 1.3 : 1.03,
}))
/** Something that is no release: requests are twice as many from here on. */
export const SURGE = Math.floor(START / DAY) * DAY + 29 * DAY

export interface Quarter {
  readonly bench: Bench
  readonly api: RunningApi
  close(): Promise<void>
}

/** `checkout` over a quarter with twelve releases and their real reports, and the API over it. */
export async function openQuarter(): Promise<Quarter> {
  const bench = await openBench({ api: { port: 0 } })
  await bench.store.insert('signal_1m', rows())
  const deployments = RELEASES.map(({ version, at }, i) => ({
    id: `deployment-${i}`,
    service: 'checkout',
    environment: 'prod',
    version,
    previousVersion: i === 0 ? '2.9.0' : (RELEASES[i - 1]?.version ?? null),
    startedAt: new Date(at).toISOString(),
    finishedAt: new Date(at).toISOString(),
    source: 'api' as const,
    status: 'succeeded' as const,
    attributes: {},
  }))
  await storeDeployments(bench.store, deployments, NOW)
  for (const deployment of deployments) {
    await buildReport(bench.store, bench.catalogue, bench.config, deployment, NOW)
  }
  const api = await startApi({
    store: bench.store,
    catalogue: bench.catalogue,
    config: bench.config,
    clock: () => NOW,
    logger: pino({ level: 'silent' }),
  })
  return {
    bench,
    api,
    close: async () => {
      await api.close()
      await bench.close()
    },
  }
}

/** Server requests every ten minutes, as the views would add them up: a quiet night, a busy day, quiet weekends. */
function rows(): object[] {
  const random = seededRandom(7)
  const normal = () => normalDraw(random)
  const all: object[] = []
  let daily = 0
  for (let time = Math.ceil(START / STEP) * STEP; time < NOW; time += STEP) {
    const released = RELEASES.filter(({ at }) => at <= time)
    if (time % DAY === 0) daily = 0.01 * normal()
    const level = 0.12 * released.reduce((product, { effect }) => product * effect, 1) * Math.exp(daily)
    const weekend = [0, 6].includes(new Date(time).getUTCDay())
    const day = 1 + 0.4 * Math.sin((2 * Math.PI * (time % DAY)) / DAY)
    const count = Math.round(
      60 * day * (weekend ? 0.6 : 1) * (time >= SURGE ? 2 : 1) * Math.exp(0.05 * normal()),
    )
    const histogram: Record<number, number> = {}
    let sum = 0
    let squares = 0
    for (let i = 0; i < count; i++) {
      const seconds = level * Math.exp(0.5 * normal())
      sum += seconds
      squares += seconds * seconds
      const bucket = bucketOf(seconds)
      histogram[bucket] = (histogram[bucket] ?? 0) + 1
    }
    all.push({
      time: Math.floor(time / 1000),
      service: 'checkout',
      environment: 'prod',
      version: released.at(-1)?.version ?? '2.9.0',
      instance: 'checkout-1',
      measure: 'server.request',
      dimension: 'POST /pay',
      traffic: 'users',
      count,
      bad: 0,
      sum,
      sum_squares: squares,
      min: 0,
      max: 1,
      histogram,
    })
  }
  return all
}
