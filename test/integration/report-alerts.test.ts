import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alertmanager } from '../../analytics/alerts/alertmanager.ts'
import { BACKOFF, createAlerts } from '../../analytics/alerts/alerts.ts'
import type { Receiver } from '../../analytics/alerts/receiver.ts'
import { listAlerts } from '../../analytics/alerts/stored-alerts.ts'
import { webhook } from '../../analytics/alerts/webhook.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import { firingAlert, reportThatIs } from './report-alert-fixture.ts'
import { type Bench, openBench } from './report-fixture.ts'
import { type Hook, openHook } from './report-hook.ts'

const MINUTE = 60_000
const silent = { info: () => {}, warn: () => {}, error: () => {} }

describe.each([
  ['webhook', (url: string): Receiver => webhook({ name: 'team', url, secret: 's' })],
  ['alertmanager', (url: string): Receiver => alertmanager(`${url}/`)],
])('the %s receiver', (name, make) => {
  let hook: Hook
  beforeAll(async () => {
    hook = await openHook()
  })
  afterAll(() => hook.close())

  it('sends the alert as JSON, with its state', async () => {
    const receiver = make(hook.url)
    const now = Date.now()
    await receiver.send(firingAlert(now), now)
    await receiver.send({ ...firingAlert(now), status: 'resolved', endsAt: new Date(now).toISOString() }, now)
    const [firing, resolved] = hook.bodies.map((body) => JSON.parse(body))
    expect(hook.headers[0]?.['content-type']).toBe('application/json')
    if (name === 'alertmanager') {
      expect(hook.paths).toEqual(['/api/v2/alerts', '/api/v2/alerts'])
      expect(firing[0].labels).toEqual(resolved[0].labels)
      expect(Date.parse(firing[0].endsAt)).toBeGreaterThan(now)
      expect(Date.parse(resolved[0].endsAt)).toBe(now)
    } else {
      expect([firing.event, resolved.event]).toEqual(['firing', 'resolved'])
      expect(firing.alert.reasons).toHaveLength(1)
      expect(hook.headers[0]?.['x-postflight-delivery']).not.toBe(hook.headers[1]?.['x-postflight-delivery'])
    }
  })

  it('fails with what the receiver said', async () => {
    hook.status = 503
    await expect(make(hook.url).send(firingAlert(Date.now()), Date.now())).rejects.toThrow('503 not now')
    hook.status = 200
  })

  it('fails when nobody listens', async () => {
    await expect(make('http://127.0.0.1:1').send(firingAlert(Date.now()), Date.now())).rejects.toThrow()
  })
})

describe('alerts, kept in the store', () => {
  let bench: Bench
  let hook: Hook
  let now = Date.now()
  let count = 0
  let report: Report
  const alerts = (receiver: (url: string) => Receiver) =>
    createAlerts({
      store: bench.store,
      receivers: [receiver(hook.url)],
      mutedEnvironments: ['staging'],
      publicUrl: 'http://postflight.test',
      clock: () => now,
      logger: silent,
    })
  const team = (url: string) => webhook({ name: 'team', url, secret: '' })
  const events = () => hook.bodies.map((body) => JSON.parse(body).event)
  beforeAll(async () => {
    bench = await openBench()
  })
  beforeEach(async () => {
    await bench.store.command('TRUNCATE TABLE alerts')
    hook = await openHook()
    count += 1
    report = reportThatIs('regressed', `d${count}`)
    return () => hook.close()
  })
  afterAll(() => bench?.close())

  it('retries what was refused, waiting longer each time, across restarts, and then never again', async () => {
    hook.status = 500
    await alerts(team).onReport(report, now)
    expect(hook.bodies).toHaveLength(1)
    now += 1000
    await alerts(team).deliver()
    expect(hook.bodies).toHaveLength(1)
    now += BACKOFF[0]
    await alerts(team).deliver()
    expect(hook.bodies).toHaveLength(2)
    expect((await listAlerts(bench.store)).items[0]?.deliveries[0]).toMatchObject({
      ok: false,
      attempts: 2,
      error: '500 not now',
    })
    hook.status = 200
    now += BACKOFF[1]
    await alerts(team).deliver()
    now += 24 * 60 * MINUTE
    await alerts(team).deliver()
    expect(events()).toEqual(['firing', 'firing', 'firing'])
    expect((await listAlerts(bench.store)).items[0]?.deliveries[0]).toMatchObject({ ok: true, attempts: 3 })
  })

  it('gives up after the last attempt', async () => {
    hook.status = 500
    await alerts(team).onReport(report, now)
    for (const wait of [...BACKOFF, 3_600_000, 3_600_000]) {
      now += wait
      await alerts(team).deliver()
    }
    expect(hook.bodies).toHaveLength(BACKOFF.length + 1)
  })

  it('tells once that it is over when the report turns healthy, and does not start again', async () => {
    await alerts(team).onReport(report, now)
    now += MINUTE
    await alerts(team).onReport({ ...report, state: 'healthy' }, now)
    now += MINUTE
    await alerts(team).onReport(report, now)
    expect(events()).toEqual(['firing', 'resolved'])
  })

  it('resolves when the next release takes over', async () => {
    await alerts(team).onReport(report, now)
    now += 1000
    const next = { ...report.deployment, id: 'next', version: '9', startedAt: new Date(now).toISOString() }
    await alerts(team).onRound([report.deployment, next])
    expect(events()).toEqual(['firing', 'resolved'])
  })

  it('pages nobody for history or a muted environment', async () => {
    await alerts(team).onReport(report, now - 25 * 60 * MINUTE)
    const muted = { ...report, deployment: { ...report.deployment, environment: 'staging' } }
    await alerts(team).onReport(muted, now)
    expect(hook.bodies).toEqual([])
  })

  it('repeats a firing alert to Alertmanager each minute, until it ends', async () => {
    await alerts(alertmanager).onReport(report, now)
    now += 30_000
    await alerts(alertmanager).deliver()
    expect(hook.bodies).toHaveLength(1)
    now += 31_000
    await alerts(alertmanager).deliver()
    expect(hook.bodies).toHaveLength(2)
    now += 1000
    await alerts(alertmanager).onReport({ ...report, state: 'healthy' }, now)
    now += 5 * MINUTE
    await alerts(alertmanager).deliver()
    expect(hook.bodies).toHaveLength(3)
    expect(JSON.parse(hook.bodies[2] ?? '')[0].endsAt).toBe(new Date(now - 5 * MINUTE).toISOString())
  })
})
