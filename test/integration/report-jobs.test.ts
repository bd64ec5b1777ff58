import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAlerts } from '../../analytics/alerts/alerts.ts'
import { createDelivery } from '../../analytics/alerts/delivery.ts'
import { receiversOf } from '../../analytics/alerts/receivers/receivers.ts'
import { listAlerts, storeIncident } from '../../analytics/alerts/stored-alerts.ts'
import { APPEARANCE_METHOD, loadCalibrations } from '../../analytics/baselines/calibrations.ts'
import { compareReleases } from '../../analytics/jobs/compare-releases.ts'
import { computeReport } from '../../analytics/jobs/report.ts'
import { createAnalysis } from '../../analytics/jobs/scheduler.ts'
import { readReport } from '../../analytics/jobs/stored-reports.ts'
import { listReleases, listServices } from '../../analytics/releases/list-services.ts'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { allDeployments, listDeployments } from '../../analytics/releases/stored-deployments.ts'
import { alertsSchema } from '../../schemas/alerts.ts'
import { firingIncident } from './report-alert-fixture.ts'
import { type Bench, openBench, type Route, seeded, sendTraffic } from './report-fixture.ts'
import { type Hook, openHook } from './report-hook.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const T0 = Math.floor(Date.now() / HOUR - 72) * HOUR
const pay: Route = { route: 'POST /pay', perMinute: 15, seconds: 0.2 }
const list: Route = { route: 'GET /items', perMinute: 25, seconds: 0.04 }
const slow: Route = { ...pay, seconds: 0.5 }
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

describe('the analysis, look by look', () => {
  let bench: Bench
  let hook: Hook
  let now = T0
  const clock = () => now
  const start = () => {
    const settings = alertsSchema.parse({
      webhooks: [{ name: 'team', url: hook.url, secret: 'hush' }],
      mutedEnvironments: ['staging'],
    })
    const shared = { store: bench.store, publicUrl: 'http://postflight.test', clock, logger: silent }
    const alerts = createAlerts({ ...shared, settings })
    const delivery = createDelivery({
      ...shared,
      receivers: receiversOf({ ...bench.config, alerts: settings }),
      rules: settings,
      random: seeded(1),
      process: `${now}`,
    })
    const analysis = createAnalysis({
      store: bench.store,
      catalogue: bench.catalogue,
      config: bench.config,
      clock,
      logger: silent,
      onReport: alerts.onReport,
      onRound: async (deployments) => {
        await alerts.onRound(deployments)
        await delivery.deliver()
      },
    })
    return { alerts, analysis }
  }
  const send = (
    version: string,
    minute: number,
    minutes: number,
    routes: readonly Route[],
    environment = 'live',
  ) =>
    sendTraffic(bench.store, {
      service: 'checkout',
      environment,
      version,
      from: T0 + minute * MINUTE,
      to: T0 + (minute + minutes) * MINUTE,
      routes,
      seed: minute + version.length,
    })
  const reportOf = async (version: string) => {
    const found = (await allDeployments(bench.store)).findLast((one) => one.version === version)
    if (found === undefined) throw new Error(`no deployment of ${version}`)
    return await readReport(bench.store, found.id)
  }

  beforeAll(async () => {
    bench = await openBench({ analysis: { beforeMinutes: 120, watchMinutes: 60, warmUpMinutes: 2 } })
    hook = await openHook()
  })
  afterAll(async () => {
    await hook?.close()
    await bench?.close()
  })

  it('watches a canary side by side, pages once, and is final when the watch window closes', async () => {
    let { analysis } = start()
    await send('1.0.0', 0, 181, [pay, list])
    // From minute 180 on a canary serves beside it.
    await send('2.0.0', 180, 1, [slow, list])
    now = T0 + 181 * MINUTE
    await analysis.round()
    expect(await reportOf('2.0.0')).toMatchObject({ state: 'watching', provisional: true })
    expect(hook.bodies).toEqual([])

    await send('1.0.0', 181, 39, [pay, list])
    await send('2.0.0', 181, 39, [slow, list])
    now = T0 + 220 * MINUTE
    await analysis.round()
    const provisional = await reportOf('2.0.0')
    expect(provisional).toMatchObject({ state: 'regressed', provisional: true, design: 'side_by_side' })
    expect(provisional.adoption.share).toBeGreaterThan(0.35)
    expect(provisional.adoption.instances).toBe(1)
    expect(hook.bodies).toHaveLength(1)
    const told = JSON.parse(hook.bodies[0] ?? '')
    expect(told.event).toBe('firing')
    expect(told.alert.summary).toContain('POST /pay answers')
    expect(told.alert.link).toBe('http://postflight.test/releases/checkout/2.0.0?environment=live')
    expect(hook.headers[0]?.['webhook-signature']).toMatch(/^v1,/)

    // A restart, and the end of the window: nothing is told twice.
    analysis = start().analysis
    await send('1.0.0', 220, 80, [pay, list])
    await send('2.0.0', 220, 80, [slow, list])
    now = T0 + 300 * MINUTE
    await analysis.round()
    expect(await reportOf('2.0.0')).toMatchObject({ state: 'regressed', provisional: false })
    await analysis.round()
    expect(hook.bodies).toHaveLength(1)
  })

  it('resolves the alert when the release is rolled back', async () => {
    const { analysis } = start()
    await send('1.0.0', 300, 40, [pay, list])
    now = T0 + 340 * MINUTE
    await analysis.round()
    const [undone] = (await allDeployments(bench.store)).filter((one) => one.version === '2.0.0')
    expect(undone?.status).toBe('rolled_back')
    expect((await reportOf('2.0.0')).state).toBe('rolled_back')
    expect(hook.bodies.map((body) => JSON.parse(body).event)).toEqual(['firing', 'resolved'])
    const { items } = await listAlerts(bench.store)
    expect(items).toHaveLength(1)
    expect(items[0]).toMatchObject({ status: 'resolved' })
    expect(items[0]?.deliveries.map(({ event, state }) => `${event} ${state}`).toSorted()).toEqual([
      'firing sent',
      'resolved sent',
    ])
  })

  it('cuts the watch window at the next deployment, and knows a return to an older version', async () => {
    const { analysis } = start()
    await send('3.0.0', 340, 20, [pay, list])
    await send('3.0.1', 360, 30, [pay, list])
    await send('3.0.0', 390, 60, [pay, list])
    now = T0 + 450 * MINUTE
    await analysis.round()
    const all = await allDeployments(bench.store, { service: 'checkout', environment: 'live' })
    expect(all.map((one) => [one.version, one.previousVersion, one.status])).toEqual([
      ['1.0.0', null, 'succeeded'],
      ['2.0.0', '1.0.0', 'rolled_back'],
      ['3.0.0', '2.0.0', 'succeeded'],
      ['3.0.1', '3.0.0', 'rolled_back'],
      ['3.0.0', '3.0.1', 'succeeded'],
    ])
    expect(all.at(-1)?.attributes).toEqual({ rollback: 'true', rolledBack: '3.0.1' })
    const { items } = await listDeployments(bench.store, { version: '3.0.0' }, { limit: 10, offset: 0 })
    expect(items.at(-1)?.state).toBe('superseded')
    const undone = await reportOf('3.0.1')
    expect(undone).toMatchObject({
      state: 'rolled_back',
      headline: '3.0.1 of checkout was rolled back; nothing was shown to be worse.',
    })
    expect((await analysis.round()).discovered).toBe(0)

    // Of what the monitor alone has seen, the report tells as well.
    const at = Date.parse(undone.deployment.startedAt) + 5 * MINUTE
    const summary = 'checkout 3.0.1: a quarter of POST /pay fails'
    await storeIncident(
      bench.store,
      { ...firingIncident(at, { summary }), id: 'regression-3.0.1', deploymentId: undone.deployment.id },
      at,
    )
    const again = (asOf: number) =>
      computeReport(bench.store, bench.catalogue, bench.config, undone.deployment, asOf)
    expect((await again(now)).headline).toBe(
      '3.0.1 of checkout was rolled back after the alert "a quarter of POST /pay fails"; by itself this report shows nothing worse.',
    )
    expect((await again(at - MINUTE)).headline).not.toContain('alert')
    await bench.store.command(
      "ALTER TABLE alerts DELETE WHERE id = 'regression-3.0.1' SETTINGS mutations_sync = 2",
    )
  })

  it('judges the past at once, in order, and pages nobody for it', async () => {
    const { analysis } = start()
    const routes = [pay, list]
    await send('1', 0, 900, routes, 'history')
    await send('2', 900, 240, [slow, list], 'history')
    await send('3', 1140, 240, routes, 'history')
    await send('', 0, 60, routes, 'nameless')
    now = T0 + 72 * HOUR
    // The first look sees data arrive; once they stay as they are, the past is complete.
    await analysis.round()
    now += 3 * MINUTE
    await analysis.round()
    expect((await reportOf('1')).state).toBe('no_data')
    const found = await reportOf('2')
    expect(found).toMatchObject({ state: 'regressed', provisional: false, design: 'before_after' })
    expect(found.notes.join(' ')).toContain('nobody is alerted')
    const back = await reportOf('3')
    expect(back.counts.regressed).toBe(0)
    expect(back.counts.improved).toBeGreaterThan(0)
    expect((await listAlerts(bench.store)).items).toHaveLength(1)
    // Telemetry without a version is counted, but it is no release.
    expect((await allDeployments(bench.store, { service: 'checkout', environment: 'nameless' })).length).toBe(
      0,
    )
    const services = await listServices(bench.store)
    expect(services.find((one) => one.environment === 'nameless')).toMatchObject({
      version: null,
      deployments: 0,
    })
    const releases = await listReleases(bench.store, { environment: 'history' })
    expect(releases.map((release) => release.version)).toEqual(['1', '2', '3'])
  })

  it('keeps quiet moments, and reports say how many they rest on', async () => {
    const rows = await bench.store.query<{ moments: number; statistics: number }>(
      "SELECT uniqExactIf(time, signal = '') AS moments, countIf(signal != '') AS statistics FROM nulls FINAL WHERE environment = 'history'",
    )
    expect(rows[0]?.moments).toBeGreaterThan(0)
    expect(rows[0]?.statistics).toBeGreaterThan(0)
  })

  it('calibrates what was not there before by quiet moments that had none either', async () => {
    const of = { service: 'shop', environment: 'quiet-past' }
    const signal = bench.catalogue.signals.find(({ id }) => id === 'exceptions.rate')
    if (signal === undefined) throw new Error('no exceptions.rate')
    // Levels that move three times as far as the model says, and one kind that came up by itself.
    const rows = Array.from({ length: 300 }, (_, i) => ({
      ...of,
      signal: signal.id,
      dimension: i === 0 ? 'Odd' : `kind ${i % 5}`,
      window_minutes: 60,
      time: new Date(T0 - i * HOUR).toISOString(),
      statistic: i === 0 ? 4 : 3 * Math.sin(i),
      standard_error: 1,
      method: i === 0 ? APPEARANCE_METHOD : 'placebo-before-after@2',
      updated_at: new Date(T0).toISOString(),
    }))
    const load = () => loadCalibrations(bench.store, bench.catalogue, of, T0 + 2 * HOUR, Date.now())
    await bench.store.insert('nulls', rows.slice(1))
    expect((await load()).of(signal, true)).toBeUndefined()
    await bench.store.insert('nulls', rows.slice(0, 1))
    const { of: calibrationOf } = await load()
    expect(calibrationOf(signal, false)).toMatchObject({ count: 299 })
    expect(calibrationOf(signal, false)?.scale).toBeGreaterThan(2)
    const appeared = calibrationOf(signal, true)
    expect(appeared?.count).toBe(1)
    // (4^2 + 4) / (1 + 4): one such kind already asks for twice the evidence.
    expect(appeared?.scale).toBeCloseTo(2)
  })

  it('compares any two releases, and swapping them turns every sign', async () => {
    const compare = (a: string, b: string) =>
      compareReleases(bench.store, bench.catalogue, bench.config, 'checkout', 'history', a, b)
    const there = await compare('1', '2')
    const back = await compare('2', '1')
    const find = (of: typeof there) =>
      of.verdicts.find((v) => v.signal === 'latency.server' && v.dimension === 'POST /pay')
    expect(find(there)?.word).toBe('regressed')
    expect(find(back)?.word).toBe('improved')
    expect((find(there)?.effectRatio ?? 0) * (find(back)?.effectRatio ?? 0)).toBeCloseTo(1, 1)
    await expect(compare('1', '9')).rejects.toMatchObject({ code: 'RELEASE_NOT_FOUND' })
  })

  it('records what a pipeline tells as one deployment with what the telemetry showed', async () => {
    const before = await allDeployments(bench.store, { service: 'checkout', environment: 'history' })
    const seen = before.find((one) => one.version === '3')
    const told = {
      service: 'checkout',
      environment: 'history',
      version: '3',
      startedAt: new Date(Date.parse(seen?.startedAt ?? '') - 4 * MINUTE).toISOString(),
      status: 'succeeded' as const,
      attributes: { commit: 'abc' },
    }
    const recorded = await recordDeployment(bench.store, told, clock)
    expect(recorded).toMatchObject({
      id: seen?.id,
      source: 'api',
      previousVersion: '2',
      startedAt: told.startedAt,
    })
    now += MINUTE
    expect((await recordDeployment(bench.store, told, clock)).id).toBe(seen?.id)
    const { analysis } = start()
    await analysis.round()
    const after = await allDeployments(bench.store, { service: 'checkout', environment: 'history' })
    expect(after.map((one) => one.id)).toEqual(before.map((one) => one.id))
  })
})
