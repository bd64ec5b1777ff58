import { afterAll, beforeAll, expect, it } from 'vitest'
import { computeReport } from '../../analytics/jobs/report.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { type Bench, openBench, sendTraffic } from './report-fixture.ts'

const MINUTE = 60_000
const T0 = Math.floor(Date.now() / MINUTE - 600) * MINUTE
const sdk = (version: string) => ({ 'telemetry.sdk.language': 'nodejs', 'telemetry.sdk.version': version })

let bench: Bench
beforeAll(async () => {
  bench = await openBench({ analysis: { beforeMinutes: 60, watchMinutes: 30 } })
  const send = (service: string, version: string, from: number, to: number, route: string, more: object) =>
    sendTraffic(bench.store, {
      service,
      environment: 'prod',
      version,
      from: T0 + from * MINUTE,
      to: T0 + to * MINUTE,
      routes: [{ route, perMinute: 20, seconds: 0.1 }],
      seed: from + 1,
      ...more,
    })
  await send('shop', '1.0.0', 0, 60, 'GET /users/:id', { resource: sdk('1.30.0') })
  await send('shop', '1.1.0', 60, 100, 'GET /users/{id}', { resource: sdk('2.0.0') })
  await send('stock', '7', 0, 50, 'GET /stock', {})
  await send('stock', '8', 50, 100, 'GET /stock', {})
  await discoverDeployments(bench.store, T0 + 120 * MINUTE)
})
afterAll(() => bench.close())

it('says what else changed around a release', async () => {
  const deployment = (await allDeployments(bench.store)).find(({ version }) => version === '1.1.0')
  if (deployment === undefined) throw new Error('not discovered')
  const report = await computeReport(
    bench.store,
    bench.catalogue,
    bench.config,
    deployment,
    T0 + 120 * MINUTE,
  )
  expect(report.alsoMoved).toEqual([
    {
      kind: 'instrumentation',
      at: null,
      summary: expect.stringContaining('SDK nodejs 1.30.0 to 2.0.0'),
    },
    {
      kind: 'instrumentation',
      at: null,
      summary: expect.stringContaining('GET /users/:id (now GET /users/{id})'),
    },
    {
      kind: 'deployment',
      at: new Date(T0 + 50 * MINUTE).toISOString(),
      summary: expect.stringMatching(/^stock 8 was deployed at /),
    },
  ])
  expect(report.state).not.toBe('regressed')
})
