import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAlerts } from '../../analytics/alerts/alerts.ts'
import { listAlerts } from '../../analytics/alerts/stored-alerts.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import { reportThatIs } from './report-alert-fixture.ts'
import { type Bench, openBench } from './report-fixture.ts'

const MINUTE = 60_000
const silent = { info: () => {}, warn: () => {}, error: () => {} }

describe('incidents made from reports', () => {
  let bench: Bench
  let now = Date.now()
  let count = 0
  let report: Report
  const alerts = () =>
    createAlerts({
      store: bench.store,
      settings: { owners: { checkout: 'payments' } },
      publicUrl: 'http://postflight.test',
      clock: () => now,
      logger: silent,
    })
  const stored = async () => (await listAlerts(bench.store)).items
  beforeAll(async () => {
    bench = await openBench()
  })
  beforeEach(async () => {
    await bench.store.command('TRUNCATE TABLE alerts')
    count += 1
    report = reportThatIs('regressed', `d${count}`)
  })
  afterAll(() => bench?.close())

  it('are one a deployment, end when the report turns healthy, and do not start again', async () => {
    await alerts().onReport(report, now)
    await alerts().onReport(report, now)
    expect(await stored()).toMatchObject([
      { id: `regression-d${count}`, status: 'firing', revision: 1, owner: 'payments', severity: 'page' },
    ])
    now += MINUTE
    await alerts().onReport({ ...report, state: 'healthy' }, now)
    now += MINUTE
    await alerts().onReport(report, now)
    expect(await stored()).toMatchObject([{ status: 'resolved', revision: 2, resolution: 'healthy' }])
  })

  it('end when the next release takes over', async () => {
    await alerts().onReport(report, now)
    now += 1000
    const next = { ...report.deployment, id: 'next', version: '9', startedAt: new Date(now).toISOString() }
    await alerts().onRound([report.deployment, next])
    expect(await stored()).toMatchObject([{ status: 'resolved', resolution: 'superseded' }])
  })

  it('are not made of history', async () => {
    await alerts().onReport(report, now - 25 * 60 * MINUTE)
    expect(await stored()).toEqual([])
  })
})
