import { afterAll, beforeAll, expect, it } from 'vitest'
import { computeReport } from '../../analytics/jobs/report.ts'
import { verifyReport } from '../../analytics/jobs/verify-report.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { allDeployments, storeDeployments } from '../../analytics/releases/stored-deployments.ts'
import { type Bench, openBench, sendTraffic } from './report-fixture.ts'

const MINUTE = 60_000
const T0 = Math.floor(Date.now() / MINUTE - 600) * MINUTE
const NOW = T0 + 130 * MINUTE

let bench: Bench
beforeAll(async () => {
  bench = await openBench({ analysis: { beforeMinutes: 60, watchMinutes: 40 } })
  const send = (service: string, version: string, from: number, to: number, seconds: number) =>
    sendTraffic(bench.store, {
      service,
      environment: 'prod',
      version,
      from: T0 + from * MINUTE,
      to: T0 + to * MINUTE,
      routes: [{ route: 'GET /', perMinute: 40, seconds }],
      seed: from + service.length,
    })
  await send('checkout', '1.0.0', 0, 60, 0.1)
  await send('checkout', '1.1.0', 60, 110, 0.1)
  // Whoever calls checkout gets slower with its release, though checkout itself does not.
  await send('gateway', '5', 0, 60, 0.2)
  await send('gateway', '5', 60, 110, 0.5)
  await send('bystander', '5', 0, 110, 0.2)
  await bench.store.insert(
    'otel_traces',
    Array.from({ length: 30 }, (_, i) => {
      const trace = `f${i}`.padStart(32, '0')
      const of = (service: string, span: string, parent: string, kind: string) => ({
        Timestamp: new Date(T0 + (70 + i) * MINUTE).toISOString(),
        TraceId: trace,
        SpanId: span,
        ParentSpanId: parent,
        SpanName: 'GET /',
        SpanKind: kind,
        ServiceName: service,
        ResourceAttributes: {
          'service.version': service === 'gateway' ? '5' : '1.1.0',
          'deployment.environment.name': 'prod',
        },
        SpanAttributes: {},
        Duration: 1e8,
        StatusCode: 'Unset',
      })
      const id = (n: number) => `e${n}${i}`.padStart(16, '0')
      return [of('gateway', id(1), '', 'Client'), of('checkout', id(2), id(1), 'Internal')]
    }).flat(),
  )
  await discoverDeployments(bench.store, NOW)
})
afterAll(() => bench.close())

const report = async () => {
  const deployment = (await allDeployments(bench.store)).find(({ version }) => version === '1.1.0')
  if (deployment === undefined) throw new Error('not discovered')
  return await computeReport(bench.store, bench.catalogue, bench.config, deployment, NOW)
}
const ofGateway = (from: Awaited<ReturnType<typeof report>>) =>
  from.verdicts.find(
    ({ signal, dimension }) => signal === 'latency.server' && dimension === 'gateway (caller)',
  )

it('finds damage next door, and blames nobody who has a release of their own to blame', async () => {
  const alone = await report()
  expect(ofGateway(alone)).toMatchObject({ word: 'regressed', criticality: 'minor' })
  expect(alone.state).toBe('regressed')
  expect(alone.headline).toContain('gateway (caller)')
  expect(alone.verdicts.some(({ dimension }) => dimension.startsWith('bystander'))).toBe(false)
  const verified = await verifyReport(bench.store, bench.catalogue, bench.config, alone, NOW)
  expect(verified.outcome).toBe('same')

  const [checkout] = (await allDeployments(bench.store)).filter(({ version }) => version === '1.1.0')
  if (checkout === undefined) throw new Error('not discovered')
  const own = {
    ...checkout,
    id: 'gateway-6',
    service: 'gateway',
    version: '6',
    startedAt: new Date(T0 + 58 * MINUTE).toISOString(),
  }
  await storeDeployments(bench.store, [own], NOW)
  const shared = await report()
  expect(ofGateway(shared)?.criticality).toBe('info')
  expect(shared.state).not.toBe('regressed')
  expect(shared.alsoMoved?.map(({ summary }) => summary).join()).toContain('gateway 6 was deployed')
})
