import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingForHealth } from '../../analytics/gate/health.ts'
import { buildReport } from '../../analytics/jobs/report.ts'
import { verifyReport } from '../../analytics/jobs/verify-report.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { reportPage } from '../../api/pages/report.ts'
import { reportSchema } from '../../schemas/contracts/report.ts'
import { type Bench, openBench, type Route, sendTraffic } from './report-fixture.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
// Within the retention: older rows are dropped as they come.
const T0 = Math.floor(Date.now() / HOUR - 96) * HOUR
const NOW = T0 + 48 * HOUR
const pay: Route = { route: 'POST /pay', perMinute: 24, seconds: 0.2 }
const list: Route = { route: 'GET /items', perMinute: 20, seconds: 0.04 }
const slow = (route: Route, times: number): Route => ({ ...route, seconds: route.seconds * times })

describe('an incident in the window after a release', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await openBench({ analysis: { beforeMinutes: 240, watchMinutes: 90 } })
    const send = (version: string, minute: number, minutes: number, routes: readonly Route[]) =>
      sendTraffic(bench.store, {
        service: 'checkout',
        environment: 'prod',
        version,
        from: T0 + minute * MINUTE,
        to: T0 + (minute + minutes) * MINUTE,
        routes,
        seed: minute + 1,
      })
    await send('1.0.0', 0, 360, [pay, list])
    // Nothing but the version changes, and 25 minutes later all is slow for half an hour.
    await send('1.1.0', 360, 25, [pay, list])
    await send('1.1.0', 385, 30, [slow(pay, 3), slow(list, 3)])
    await send('1.1.0', 415, 305, [pay, list])
    // One route is slower from the start on, and the same happens.
    await send('1.2.0', 720, 25, [slow(pay, 2), list])
    await send('1.2.0', 745, 30, [slow(pay, 6), slow(list, 3)])
    await send('1.2.0', 775, 200, [slow(pay, 2), list])
    await discoverDeployments(bench.store, NOW)
  })
  afterAll(() => bench.close())

  const reportOf = async (version: string, now = NOW) => {
    const deployment = (await allDeployments(bench.store)).find((one) => one.version === version)
    if (deployment === undefined) throw new Error(`no deployment of ${version}`)
    return reportSchema.parse(await buildReport(bench.store, bench.catalogue, bench.config, deployment, now))
  }
  const minuteOf = (time: string | undefined) => (Date.parse(time ?? '') - T0) / MINUTE

  it('is not the release’s when it began later and is over: its minutes are left out, and that is said', async () => {
    const report = await reportOf('1.1.0')
    expect(report.counts.regressed).toBe(0)
    // Whose doing it was is not shown either: no claim of health.
    expect(report.state).toBe('inconclusive')
    const routes = report.verdicts.filter((v) => v.signal === 'latency.server' && v.dimension !== '')
    expect(routes).toHaveLength(2)
    for (const { episode, word, effectRatio, after, needs, summary } of routes) {
      expect(Math.abs(minuteOf(episode?.from) - 385)).toBeLessThanOrEqual(2)
      expect(Math.abs(minuteOf(episode?.to) - 415)).toBeLessThanOrEqual(2)
      expect(episode?.ratio).toBeGreaterThan(2.5)
      expect(episode?.ratio).toBeLessThan(3.6)
      expect(word).toBe('inconclusive')
      expect(effectRatio).toBeCloseTo(1, 1)
      expect(after.minutes).toBeLessThan(60)
      expect(needs).toMatchObject({ moreMinutes: null, reason: expect.stringContaining('are over') })
      expect(summary).toMatch(/ was [\d.]+x from \d\d:\d\dZ to \d\d:\d\dZ, which began later/)
    }
    const incident = report.alsoMoved?.find(({ kind }) => kind === 'incident')
    expect(incident?.summary).toMatch(/began 2[3-7] min after the release and is over: .*of POST \/pay \(/)
    expect(report.headline).toMatch(
      /^Nothing that lasts was shown to be worse in 1\.1\.0 .* was [\d.]+x from /,
    )
    expect(missingForHealth(report.verdicts, () => false)).toBeDefined()
    const page = reportPage({ report, series: new Map(), siblings: [], alert: undefined })
    expect(page).toContain('What else moved')
    expect(page).toMatch(/; was [\d.]+× from \d\d:\d\dZ to/)
    const verified = await verifyReport(bench.store, bench.catalogue, bench.config, report, NOW)
    expect(verified.outcome).toBe('same')
  })

  it('is not set apart while it lasts', async () => {
    const report = await reportOf('1.1.0', T0 + 420 * MINUTE)
    expect(report.provisional).toBe(true)
    expect(report.verdicts.every(({ episode }) => episode === null)).toBe(true)
  })

  it('hides nothing that the release did', async () => {
    const report = await reportOf('1.2.0')
    expect(report.state).toBe('regressed')
    const of = (dimension: string) =>
      report.verdicts.find((v) => v.signal === 'latency.server' && v.dimension === dimension)
    expect(of('POST /pay')?.word).toBe('regressed')
    expect(of('GET /items')).toMatchObject({ word: 'inconclusive', episode: { raised: true } })
    expect(report.headline).toContain('POST /pay answers')
    expect(report.headline).not.toContain('GET /items')
  })
})
