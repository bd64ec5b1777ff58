import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildReport, computeReport } from '../../analytics/jobs/report.ts'
import { readReport } from '../../analytics/jobs/stored-reports.ts'
import { verifyReport } from '../../analytics/jobs/verify-report.ts'
import { watchPlan } from '../../analytics/plan/watch-plan.ts'
import { signalSeries } from '../../analytics/queries/signal-series.ts'
import { signalTrend } from '../../analytics/queries/signal-trend.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { configSchema } from '../../schemas/config.ts'
import { reportSchema } from '../../schemas/contracts/report.ts'
import { verificationSchema } from '../../schemas/contracts/verification.ts'
import { watchPlanSchema } from '../../schemas/contracts/watch-plan.ts'
import { type Bench, openBench, type Route, sendTraffic } from './report-fixture.ts'

const HOUR = 3_600_000
// Within the retention: older rows are dropped as they come.
const T0 = Math.floor(Date.now() / HOUR - 96) * HOUR
const pay: Route = { route: 'POST /pay', perMinute: 12, seconds: 0.2 }
const list: Route = { route: 'GET /items', perMinute: 20, seconds: 0.04 }

describe('reports over real cells', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await openBench({ analysis: { beforeMinutes: 360, watchMinutes: 60 } })
    const common = { service: 'checkout', environment: 'prod' }
    const send = (version: string, hour: number, hours: number, routes: readonly Route[]) =>
      sendTraffic(bench.store, {
        ...common,
        version,
        from: T0 + hour * HOUR,
        to: T0 + (hour + hours) * HOUR,
        routes,
        seed: hour + 1,
      })
    await send('1.0.0', 0, 6, [pay, list])
    // Nothing but the version changes.
    await send('1.1.0', 6, 6, [pay, list])
    // One route gets slower, and a new exception comes.
    await send('1.2.0', 12, 6, [{ ...pay, seconds: 0.4, exceptions: { PaymentDeclined: 0.04 } }, list])
    // Back to how it was.
    await send('1.3.0', 18, 6, [pay, list])
    // Traffic moves to the slow route, which is as slow as ever.
    await send('1.4.0', 24, 6, [
      { ...pay, perMinute: 30 },
      { ...list, perMinute: 5 },
    ])
  })
  afterAll(() => bench.close())

  const NOW = T0 + 48 * HOUR
  const reportOf = async (version: string, now = NOW) => {
    const deployment = (await allDeployments(bench.store)).find((one) => one.version === version)
    if (deployment === undefined) throw new Error(`no deployment of ${version}`)
    return await buildReport(bench.store, bench.catalogue, bench.config, deployment, now)
  }

  it('discovers each version once, in order', async () => {
    const found = await discoverDeployments(bench.store, NOW)
    expect(found.map((one) => [one.version, one.previousVersion, one.status])).toEqual([
      ['1.0.0', null, 'succeeded'],
      ['1.1.0', '1.0.0', 'succeeded'],
      ['1.2.0', '1.1.0', 'succeeded'],
      ['1.3.0', '1.2.0', 'succeeded'],
      ['1.4.0', '1.3.0', 'succeeded'],
    ])
    expect(await discoverDeployments(bench.store, NOW)).toEqual([])
  })

  it('calls the first version a baseline', async () => {
    const report = await reportOf('1.0.0')
    expect(report.state).toBe('no_data')
    expect(report.baselineVersion).toBeNull()
    expect(report.provisional).toBe(false)
    expect(report.headline).toContain('first version')
  })

  it('does not blame a quiet release', async () => {
    const report = await reportOf('1.1.0')
    expect(report.counts.regressed).toBe(0)
    expect(report.baselineVersion).toBe('1.0.0')
    expect(['healthy', 'inconclusive']).toContain(report.state)
  })

  it('finds a slow route and a new exception, with example traces', async () => {
    const report = reportSchema.parse(await reportOf('1.2.0'))
    expect(report.state).toBe('regressed')
    expect(report.provisional).toBe(false)
    const slow = report.verdicts.find((v) => v.signal === 'latency.server' && v.dimension === 'POST /pay')
    expect(slow?.word).toBe('regressed')
    expect(slow?.effectRatio).toBeGreaterThan(1.7)
    expect(slow?.effectRatio).toBeLessThan(2.3)
    expect(slow?.interval[0]).toBeLessThan(2)
    expect(slow?.interval[1]).toBeGreaterThan(2)
    expect(slow?.exemplars.length).toBe(3)
    expect(slow?.exemplars[0]?.value).toBeGreaterThan(0.3)
    // The levels that the effect is between, whatever the statistic: not the p95 of both sides beside an effect on the median.
    const { statistic, before, after } = slow?.compared ?? { statistic: '', before: 0, after: 0 }
    expect(statistic).toMatch(/^(p50|p95|geometric mean)$/)
    expect(after / before / (slow?.effectRatio ?? 0)).toBeCloseTo(1, 2)
    const other = report.verdicts.find((v) => v.signal === 'latency.server' && v.dimension === 'GET /items')
    expect(other?.word).not.toBe('regressed')
    const thrown = report.verdicts.find((v) => v.signal === 'exceptions.rate' && v.dimension !== '')
    expect(thrown).toMatchObject({ word: 'regressed', fact: 'new', dimension: 'PaymentDeclined: failed' })
    expect(thrown?.exemplars.map(({ value }) => value)).toEqual([null, null, null])
    expect(report.headline).toContain('POST /pay answers')
    expect(report.headline).toContain('new exception PaymentDeclined')
    expect(await readReport(bench.store, report.deployment.id)).toEqual(report)
  })

  it('says that it got better', async () => {
    const report = await reportOf('1.3.0')
    const faster = report.verdicts.find((v) => v.signal === 'latency.server' && v.dimension === 'POST /pay')
    expect(faster?.word).toBe('improved')
    expect(report.counts.regressed).toBe(0)
  })

  it('does not blame a change of the traffic mix, and shows it', async () => {
    const report = await reportOf('1.4.0')
    expect(report.verdicts.filter((v) => v.word === 'regressed')).toEqual([])
    const whole = report.verdicts.find((v) => v.signal === 'latency.server' && v.dimension === '')
    expect(whole?.mix?.mix).toBeGreaterThan(0.03)
    expect(Math.abs(whole?.mix?.rate ?? 1)).toBeLessThan(0.01)
  })

  it('computes a stored report again to the same numbers, and says what changed if it cannot', async () => {
    const stored = await reportOf('1.2.0', T0 + 13 * HOUR + 300_000)
    const verify = () => verifyReport(bench.store, bench.catalogue, bench.config, stored, NOW)
    expect(stored.receipt?.inputs.telemetry).toMatch(/^[0-9a-f]{64}$/)
    const same = verificationSchema.parse(await verify())
    expect(same).toMatchObject({ outcome: 'same', changedInputs: [], differences: [] })
    expect(same.compared).toBeGreaterThan(100)
    // A number that somebody changed is found.
    const forged = structuredClone(stored)
    const [slow] = forged.verdicts
    if (slow === undefined) throw new Error('no verdict')
    slow.pValue = 0.5
    const other = await verifyReport(bench.store, bench.catalogue, bench.config, forged, NOW)
    expect(other.outcome).toBe('differs')
    expect(other.differences.map(({ field }) => field)).toEqual(['pValue'])
    // Of a report that was made before an upgrade it is not known whether its inputs have changed: they are digested otherwise.
    const old = structuredClone(stored)
    if (old.receipt === undefined) throw new Error('no receipt')
    old.method = old.receipt.method = 'report@1 of another time'
    old.receipt.inputs.quietPast = '0'.repeat(64)
    const upgraded = await verifyReport(bench.store, bench.catalogue, bench.config, old, NOW)
    expect(upgraded).toMatchObject({ outcome: 'method_changed', changedInputs: [] })
    // Telemetry that came afterwards is another input, and is said to be.
    await sendTraffic(bench.store, {
      service: 'checkout',
      environment: 'prod',
      version: '1.2.0',
      from: T0 + 12.5 * HOUR,
      to: T0 + 12.6 * HOUR,
      routes: [list],
      seed: 99,
    })
    const late = await verify()
    expect(late.outcome).toBe('inputs_changed')
    expect(late.changedInputs).toEqual(['telemetry'])
    expect(late.differences.length).toBeGreaterThan(0)
    const settings = configSchema.parse({ ...bench.config, analysis: { timeZone: 'Europe/Berlin' } })
    const elsewhere = await verifyReport(bench.store, bench.catalogue, settings, stored, NOW)
    expect(elsewhere.changedInputs).toContain('settings')
  })

  it('says how long a watch and how large a canary it takes to see a change', async () => {
    const of = { service: 'checkout', environment: 'prod' }
    const at = T0 + 12 * HOUR
    const plan = watchPlanSchema.parse(await watchPlan(bench.store, bench.catalogue, bench.config, of, at))
    expect(plan.moments['15']).toBeGreaterThan(0)
    const latency = plan.signals.find((row) => row.signal === 'latency.server' && row.dimension === '')
    const seen = (minutes: number) => latency?.detectable[minutes] ?? Number.NaN
    for (const minutes of [15, 30, 60, 120]) {
      expect(seen(minutes)).toBeGreaterThan(1.02)
      expect(seen(minutes)).toBeLessThan(2)
    }
    // A larger canary shows smaller changes. (A longer watch need not: of long windows the time before has few.)
    expect(latency?.detectableBeside['0.5'] ?? Number.NaN).toBeLessThan(
      latency?.detectableBeside['0.05'] ?? Number.NaN,
    )
    // A larger change is seen no later.
    const large = await watchPlan(bench.store, bench.catalogue, bench.config, { ...of, change: 3 }, at)
    const sooner = large.signals.find((row) => row.signal === 'latency.server' && row.dimension === '')
    expect(sooner?.minutes ?? Number.NaN).toBeLessThanOrEqual(latency?.minutes ?? 1e9)
    expect(sooner?.change).toBe(3)
    // The same traffic is split in the same way each time.
    expect(await watchPlan(bench.store, bench.catalogue, bench.config, of, at)).toEqual(plan)
    const nothing = await watchPlan(
      bench.store,
      bench.catalogue,
      bench.config,
      { service: 'nobody', environment: 'prod' },
      at,
    )
    expect(nothing.signals).toEqual([])
    expect(nothing.notes[0]).toContain('no telemetry')
    // Ten minutes after the very first request.
    const early = await watchPlan(bench.store, bench.catalogue, bench.config, of, T0 + 10 * 60_000)
    expect(early.signals.every(({ minutes }) => minutes === null)).toBe(true)
    expect(early.notes.join('\n')).toContain('no quiet window yet')
    expect(plan.notes.join('\n')).not.toContain('no quiet window yet')
  })

  it('is provisional until the watch window has closed', async () => {
    const deployment = (await allDeployments(bench.store)).find((one) => one.version === '1.2.0')
    if (deployment === undefined) throw new Error('no deployment')
    const at = (minutes: number) =>
      computeReport(bench.store, bench.catalogue, bench.config, deployment, T0 + 12 * HOUR + minutes * 60_000)
    const first = await at(1)
    expect(first).toMatchObject({ provisional: true, state: 'watching' })
    const soon = await at(20)
    expect(soon).toMatchObject({ provisional: true, state: 'regressed' })
    expect((await at(62)).provisional).toBe(false)
  })

  it('draws series and trends', async () => {
    const series = await signalSeries(bench.store, bench.catalogue, {
      service: 'checkout',
      environment: 'prod',
      signal: 'latency.server',
      dimension: 'POST /pay',
      from: T0 + 11 * HOUR,
      to: T0 + 13 * HOUR,
      byVersion: true,
    })
    expect(series.lines.map((line) => line.version)).toEqual(['1.1.0', '1.2.0'])
    expect(series.lines[0]?.points).toHaveLength(60)
    const median = series.lines[1]?.points.map((point) => point.quantiles?.p50 ?? 0).sort()[30]
    expect(median).toBeGreaterThan(0.33)
    expect(median).toBeLessThan(0.48)
    const trend = await signalTrend(
      bench.store,
      bench.catalogue,
      'checkout',
      'prod',
      'latency.server',
      'POST /pay',
    )
    expect(trend.points.map((point) => point.version)).toEqual(['1.1.0', '1.2.0', '1.3.0', '1.4.0'])
    expect(trend.points[1]?.value).toBeGreaterThan((trend.points[0]?.value ?? 0) * 1.5)
    // Interval and value are of the same statistic.
    expect(trend.points[1]?.low).toBeLessThan(trend.points[1]?.value ?? 0)
    expect(trend.points[1]?.high).toBeGreaterThan(trend.points[1]?.value ?? 0)
  })
})
