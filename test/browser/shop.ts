import { pino } from 'pino'
import { newItem, storeItems } from '../../analytics/alerts/outbox.ts'
import { storeIncident } from '../../analytics/alerts/stored-alerts.ts'
import { buildReport } from '../../analytics/jobs/report.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { type RunningApi, startApi } from '../../api/server.ts'
import { alertThat, noticeThat } from '../integration/report-alert-fixture.ts'
import { type Bench, openBench, type Route, sendTraffic } from '../integration/report-fixture.ts'

const HOUR = 3_600_000
const pay: Route = { route: 'POST /pay', perMinute: 24, seconds: 0.2 }
const list: Route = { route: 'GET /items', perMinute: 40, seconds: 0.04 }

export interface Shop {
  readonly bench: Bench
  readonly api: RunningApi
  close(): Promise<void>
}

/**
 * A shop with a past, real reports of it, and the API over both: `checkout` 2.6.0 is quiet, 2.7.0/β regresses (a slower route and a new
 * exception), and `cart` has just been deployed, so its report is provisional.
 */
export async function openShop(settings: object = {}): Promise<Shop> {
  const bench = await openBench({
    analysis: { beforeMinutes: 240, watchMinutes: 60 },
    api: { port: 0 },
    ...settings,
  })
  const now = Math.floor(Date.now() / 60_000) * 60_000
  const from = Math.floor(now / HOUR - 12) * HOUR
  const send = (service: string, version: string, start: number, end: number, routes: readonly Route[]) =>
    sendTraffic(bench.store, {
      service,
      environment: 'prod',
      version,
      from: start,
      to: end,
      routes,
      seed: start / HOUR,
    })
  await send('checkout', '2.5.0', from, from + 4 * HOUR, [pay, list])
  await send('checkout', '2.6.0', from + 4 * HOUR, from + 8 * HOUR, [pay, list])
  await send('checkout', '2.7.0/β', from + 8 * HOUR, from + 11 * HOUR, [
    { ...pay, seconds: 0.4, exceptions: { PaymentDeclined: 0.05 } },
    list,
  ])
  await send('cart', '1.0.0', from + 8 * HOUR, now - 20 * 60_000, [list])
  await send('cart', '1.1.0', now - 20 * 60_000, now, [list])
  for (const deployment of await discoverDeployments(bench.store, now)) {
    await buildReport(bench.store, bench.catalogue, bench.config, deployment, now)
  }
  const alert = alertThat(now, {
    service: 'checkout',
    version: '2.7.0/β',
    environment: 'prod',
    reasons: [
      {
        signal: 'latency.server',
        dimension: 'POST /pay',
        summary: 'POST /pay answers 1.8x slower; trace 7d908bd4d6b5a84bba37f2226a504e0d',
      },
    ],
  })
  await storeIncident(bench.store, alert, now)
  const notice = { ...noticeThat('firing', now), alert }
  await storeItems(bench.store, [
    { ...newItem('slack:payments', notice, now), state: 'sent', answer: '200 ok', attempts: 1 },
    { ...newItem('email:leads', notice, now), answer: '451 Local error', attempts: 3 },
  ])
  const api = await startApi({
    store: bench.store,
    catalogue: bench.catalogue,
    config: bench.config,
    clock: Date.now,
    logger: pino({ level: 'warn' }),
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
