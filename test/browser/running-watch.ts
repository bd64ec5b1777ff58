import { pino } from 'pino'
import { createDelivery } from '../../analytics/alerts/delivery.ts'
import { receiversOf } from '../../analytics/alerts/receivers/receivers.ts'
import { createMonitor } from '../../analytics/monitor/monitor.ts'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { type RunningApi, startApi } from '../../api/server.ts'
import { openBench, type Route, sendTraffic } from '../integration/report-fixture.ts'
import { openHook } from '../integration/report-hook.ts'

const MINUTE = 60_000
const MINUTES_SINCE = 12

export interface RunningWatch {
  readonly api: RunningApi
  /** Address of the page of the watch that has found something. */
  readonly path: string
  /** Another look, as of now, after more traffic. */
  goOn(): Promise<void>
  close(): Promise<void>
}

/** A release that fails more often, watched as it runs by the real monitor, which has paged a receiver that answers and one that does not. */
export async function openRunningWatch(): Promise<RunningWatch> {
  const [hook, away] = [await openHook(), await openHook()]
  await away.close()
  const bench = await openBench({
    api: { port: 0 },
    alerts: {
      slack: [{ name: 'payments', url: hook.url }],
      webhooks: [{ name: 'archive', url: away.url }],
    },
  })
  const start = Math.floor(Date.now() / MINUTE) * MINUTE - MINUTES_SINCE * MINUTE
  const pay: Route = { route: 'POST /pay', perMinute: 240, seconds: 0.05, errorShare: 0.01 }
  const list: Route = { route: 'GET /items', perMinute: 120, seconds: 0.03, errorShare: 0.002 }
  const send = (version: string, from: number, to: number, routes: readonly Route[]) =>
    sendTraffic(bench.store, {
      service: 'checkout',
      environment: 'production',
      version,
      from,
      to,
      routes,
      seed: from / MINUTE,
    })
  const bad = [{ ...pay, errorShare: 0.08, exceptions: { CardRefused: 0.05 } }, list]
  await send('2.6.0', start - 60 * MINUTE, start, [pay, list])
  let now = start
  const tell = (version: string, startedAt: number) =>
    recordDeployment(
      bench.store,
      {
        service: 'checkout',
        environment: 'production',
        version,
        startedAt: new Date(startedAt).toISOString(),
        status: 'succeeded',
        attributes: {},
      },
      () => now,
    )
  await tell('2.6.0', start - 300 * MINUTE)
  await tell('2.7.0', start)
  await send('2.7.0', start, start + MINUTES_SINCE * MINUTE, bad)
  const logger = pino({ level: 'silent' })
  const shared = { ...bench, publicUrl: 'http://127.0.0.1', clock: () => now, logger }
  const monitor = createMonitor(shared)
  const delivery = createDelivery({
    ...shared,
    receivers: receiversOf(bench.config),
    rules: bench.config.alerts,
    random: () => 0.5,
    process: 'browser-test',
  })
  for (const minute of [1, 4, 8, MINUTES_SINCE]) {
    now = start + minute * MINUTE
    await monitor.look()
    await delivery.deliver()
  }
  const api = await startApi({ ...bench, clock: Date.now, logger })
  return {
    api,
    path: '/releases/checkout/2.7.0/watch?environment=production',
    goOn: async () => {
      const until = now + MINUTE
      await send('2.7.0', now, until, bad)
      now = until
      await monitor.look()
    },
    close: async () => {
      await api.close()
      await bench.close()
      await hook.close()
    },
  }
}
