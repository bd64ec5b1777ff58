import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAlerts } from '../../analytics/alerts/stored-alerts.ts'
import { Gates } from '../../analytics/gate/gates.ts'
import { createMonitor, type Monitor } from '../../analytics/monitor/monitor.ts'
import { readWatchEvents, readWatches } from '../../analytics/monitor/stored-watches.ts'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { allDeployments, storeDeployments } from '../../analytics/releases/stored-deployments.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import { type Bench, openBench, sendTraffic } from './report-fixture.ts'

const MINUTE = 60_000
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

describe('the monitor over real cells', { timeout: 120_000 }, () => {
  let bench: Bench
  let now = 0
  const start = Math.floor(Date.now() / MINUTE) * MINUTE - 30 * MINUTE
  const monitors = (): Monitor =>
    createMonitor({
      store: bench.store,
      catalogue: bench.catalogue,
      config: bench.config,
      clock: () => now,
      publicUrl: 'http://postflight.test',
      logger: silent,
    })
  const traffic = (
    service: string,
    version: string,
    from: number,
    to: number,
    errorShare: number,
    more = {},
  ) =>
    sendTraffic(bench.store, {
      service,
      environment: 'production',
      version,
      from,
      to,
      routes: [{ route: 'POST /pay', perMinute: 300, seconds: 0.05, errorShare, ...more }],
      // The same traffic whatever the time of day.
      seed: 70_000 + Math.round((from - start) / MINUTE),
    })
  const incidents = async () =>
    (await listAlerts(bench.store)).items.filter(({ kind }) => kind === 'regression')
  /** What happened, whether or not it was found in two steps. */
  const kindsOf = async (id: string) =>
    (await readWatchEvents(bench.store, id)).flatMap(({ kind }) =>
      kind === 'step' || kind === 'grown' ? [] : [kind],
    )
  /** On a busy machine a look leaves watches for the next one to open. */
  const lookAtAll = async (monitor: ReturnType<typeof monitors>) => {
    while ((await monitor.look()).waiting > 0);
  }
  const short = { watchMinutes: 10, steps: [5] }
  beforeAll(async () => {
    bench = await openBench({ monitor: { services: { banner: short, flyer: short } } })
    for (const service of ['checkout', 'stock'])
      await traffic(service, '1.0', start - 60 * MINUTE, start, 0.01)
  })
  afterAll(() => bench?.close())

  let incident: Alert | undefined
  it('pages for a regression once, whoever looks and however often', async () => {
    now = start
    for (const service of ['checkout', 'stock'])
      await recordDeployment(
        bench.store,
        {
          service,
          environment: 'production',
          version: '1.0',
          startedAt: new Date(start - 300 * MINUTE).toISOString(),
          status: 'succeeded',
          attributes: {},
        },
        () => now,
      )
    await traffic('checkout', '1.1', start, start + 3 * MINUTE, 0.08, { exceptions: { CardRefused: 0.06 } })
    await traffic('stock', '1.1', start, start + 3 * MINUTE, 0.01)
    now = start + 40_000
    await monitors().look()
    now = start + 3 * MINUTE
    // Another process each time: nothing is kept but what is stored.
    await Promise.all([monitors().look(), monitors().look()])
    await monitors().look()
    const [found, ...rest] = await incidents()
    incident = found
    expect(rest).toEqual([])
    expect(incident).toMatchObject({
      service: 'checkout',
      version: '1.1',
      status: 'firing',
      severity: 'page',
    })
    expect(incident?.summary).toContain('checkout 1.1: ')
    expect(incident?.reasons.map(({ signal }) => signal)).toContain('errors.server')
    expect(incident?.reasons.map(({ summary }) => summary).join('\n')).toMatch(
      /new exception .*CardRefused.*trace [0-9a-f]{32}/,
    )
    const deployment = (await allDeployments(bench.store)).find(
      ({ service, version }) => service === 'checkout' && version === '1.1',
    )
    const id = deployment?.id ?? ''
    const watch = (await readWatches(bench.store, [id])).get(id)
    expect(watch).toMatchObject({ state: 'regressed', baselineVersion: '1.0', share: 1 })
    expect(watch?.signals[0]).toMatchObject({ decided: 'worse' })
    expect(await kindsOf(id)).toEqual(['opened', 'incident'])
    // A gate that asks before there is a report.
    const gates = new Gates({ store: bench.store, config: bench.config, clock: () => now })
    const of = { service: 'checkout', environment: 'production', version: '1.1' }
    expect(await gates.open({ ...of, waitMinutes: 0, policy: {} })).toMatchObject({
      outcome: 'regressed',
      baselineVersion: '1.0',
      reportedAt: null,
    })
  })

  it('ends the incident when the old version has taken over again and all is as it was', async () => {
    const deployment = (await allDeployments(bench.store)).find(
      ({ service, version }) => service === 'checkout' && version === '1.1',
    )
    const id = deployment?.id ?? ''
    await traffic('checkout', '1.0', start + 3 * MINUTE, start + 12 * MINUTE, 0.01)
    await storeDeployments(
      bench.store,
      [{ ...(deployment as NonNullable<typeof deployment>), status: 'rolled_back' }],
      start + 3 * MINUTE,
    )
    const monitor = monitors()
    for (let at = start + 4 * MINUTE; at <= start + 12 * MINUTE; at += MINUTE) {
      now = at
      await monitor.look()
    }
    const [ended] = await incidents()
    expect(ended).toMatchObject({ id: incident?.id, status: 'resolved' })
    expect(ended?.resolution).toMatch(/^rolled back, and back to normal/)
    expect(await kindsOf(id)).toEqual(['opened', 'incident', 'rolled_back', 'back_to_normal', 'resolved'])
  })

  it('watches a quiet release without a word, notes its steps, and says when telemetry stops', async () => {
    await traffic('stock', '1.1', start + 3 * MINUTE, start + 14 * MINUTE, 0.01)
    now = start + 12 * MINUTE
    const monitor = monitors()
    await monitor.look()
    const deployment = (await allDeployments(bench.store)).find(
      ({ service, version }) => service === 'stock' && version === '1.1',
    )
    const id = deployment?.id ?? ''
    expect((await readWatches(bench.store, [id])).get(id)?.state).toBe('watching')
    now = start + 16 * MINUTE
    await monitor.look()
    expect((await readWatches(bench.store, [id])).get(id)?.silentSince).not.toBeNull()
    now = start + 26 * MINUTE
    await monitor.look()
    expect((await readWatches(bench.store, [id])).get(id)?.state).toBe('no_data')
    expect((await incidents()).find(({ service }) => service === 'stock')).toMatchObject({
      severity: 'ticket',
      status: 'firing',
    })
    // It stays open for as long as it lasts, whatever calm ends other incidents.
    for (now = start + 30 * MINUTE; now <= start + 60 * MINUTE; now += 10 * MINUTE) {
      await monitor.look()
      expect((await incidents()).find(({ service }) => service === 'stock')).toMatchObject({
        status: 'firing',
        revision: 1,
      })
    }
    await traffic('stock', '1.1', now, now + 2 * MINUTE, 0.01)
    now += 2 * MINUTE
    await monitor.look()
    expect((await incidents()).find(({ service }) => service === 'stock')).toMatchObject({
      status: 'resolved',
      resolution: 'telemetry is back',
    })
    expect((await readWatchEvents(bench.store, id)).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['opened', 'step', 'silent', 'back']),
    )
  })

  it('knows a rollback that only the telemetry shows from the moment at which the version was gone', async () => {
    await traffic('basket', '1.0', start - 60 * MINUTE, start, 0.01)
    await traffic('basket', '1.1', start, start + 3 * MINUTE, 0.1)
    await traffic('basket', '1.0', start + 3 * MINUTE, start + 16 * MINUTE, 0.01)
    now = start + 3 * MINUTE
    await monitors().look()
    now = start + 16 * MINUTE
    await discoverDeployments(bench.store, now)
    await monitors().look()
    const deployment = (await allDeployments(bench.store)).find(
      ({ service, version }) => service === 'basket' && version === '1.1',
    )
    const id = deployment?.id ?? ''
    const { state, rollback } = (await readWatches(bench.store, [id])).get(id) ?? {}
    expect(state).toBe('rolled_back')
    expect(rollback?.at).toBe(new Date(start + 3 * MINUTE).toISOString())
    const events = await readWatchEvents(bench.store, id)
    // Another process knows it from there, too, and tells nothing again.
    now += MINUTE
    await monitors().look()
    expect(await readWatchEvents(bench.store, id)).toEqual(expect.arrayContaining([...events]))
    expect((await readWatches(bench.store, [id])).get(id)?.rollback?.at).toBe(rollback?.at)
  })

  it('sees within three minutes that a canary is gone, by telemetry alone, and takes it back when it was a pause', async () => {
    const both = async (from: number, to: number, canary: boolean) => {
      await traffic('labels', '1.0', from, to, 0.01)
      if (canary) await traffic('labels', '1.1', from, to, 0.2)
    }
    await traffic('labels', '1.0', start - 60 * MINUTE, start, 0.01)
    await both(start, start + 4 * MINUTE, true)
    const monitor = monitors()
    now = start + 4 * MINUTE
    await monitor.look()
    const deployment = (await allDeployments(bench.store)).find(
      ({ service, version }) => service === 'labels' && version === '1.1',
    )
    const id = deployment?.id ?? ''
    const standing = async () => (await readWatches(bench.store, [id])).get(id)
    const fired = async () => (await incidents()).find(({ service }) => service === 'labels')?.status
    expect(await fired()).toBe('firing')
    // Twice the traffic: the old version has taken over.
    await traffic('labels', '1.0', start + 4 * MINUTE, start + 12 * MINUTE, 0.01, { perMinute: 600 })
    for (now = start + 4 * MINUTE + 20_000; now <= start + 7 * MINUTE; now += 20_000) await monitor.look()
    expect(await standing()).toMatchObject({
      state: 'rolled_back',
      rollback: { at: new Date(start + 4 * MINUTE).toISOString() },
    })
    for (now = start + 7 * MINUTE; now <= start + 12 * MINUTE; now += MINUTE) await monitor.look()
    expect(await fired()).toBe('resolved')
    await both(start + 12 * MINUTE, start + 16 * MINUTE, true)
    for (now = start + 13 * MINUTE; now <= start + 16 * MINUTE; now += MINUTE) await monitor.look()
    expect(await standing()).toMatchObject({ state: 'regressed', rollback: null })
    expect(await fired()).toBe('firing')
    expect(await kindsOf(id)).toEqual([
      'opened',
      'incident',
      'rolled_back',
      'back_to_normal',
      'resolved',
      'returned',
      'reopened',
    ])
  })

  it('ends it also where what is left after the rollback may be chance', async () => {
    await traffic('refund', '1.0', start - 60 * MINUTE, start, 0.01)
    await traffic('refund', '1.1', start, start + 3 * MINUTE, 0.1, { exceptions: { LedgerLocked: 0.09 } })
    now = start + 3 * MINUTE
    const monitor = monitors()
    await monitor.look()
    const id = async () =>
      (await allDeployments(bench.store)).find(
        ({ service, version }) => service === 'refund' && version === '1.1',
      )
    const deployment = await id()
    await storeDeployments(
      bench.store,
      [{ ...(deployment as NonNullable<typeof deployment>), status: 'rolled_back' }],
      now,
    )
    // A bit more than before: of 300 requests a minute five fail, not three. And it has the new exception, too.
    const left = { exceptions: { LedgerLocked: 0.015 } }
    await traffic('refund', '1.0', start + 3 * MINUTE, start + 9 * MINUTE, 0.016, left)
    for (now += MINUTE; now <= start + 9 * MINUTE; now += MINUTE) await monitor.look()
    const ended = (await incidents()).find(({ service }) => service === 'refund')
    expect(ended?.resolution).toMatch(/^rolled back, and back to normal/)
  })

  it('watches who is called for the first time while the watch runs, from then on', async () => {
    const called = (from: number, to: number, errorShare: number) =>
      traffic('pricing', '3', from, to, errorShare)
    await traffic('cart', '1.0', start - 60 * MINUTE, start, 0.01)
    await called(start - 60 * MINUTE, start + 20 * MINUTE, 0.01)
    await traffic('cart', '1.1', start, start + 26 * MINUTE, 0.01)
    const spans = (i: number) => {
      const at = new Date(start + 12 * MINUTE + i * 10_000).toISOString()
      const span = (service: string, version: string, id: number, parent: string, kind: string) => ({
        Timestamp: at,
        TraceId: `c${i}`.padStart(32, '0'),
        SpanId: `${id}${i}`.padStart(16, 'a'),
        ParentSpanId: parent,
        SpanName: 'price',
        SpanKind: kind,
        ServiceName: service,
        ResourceAttributes: { 'service.version': version, 'deployment.environment.name': 'production' },
        SpanAttributes: {},
        Duration: 1e7,
        StatusCode: 'Unset',
      })
      return [
        span('cart', '1.1', 1, '', 'Client'),
        span('pricing', '3', 2, `1${i}`.padStart(16, 'a'), 'Internal'),
      ]
    }
    await bench.store.insert('otel_traces', Array.from({ length: 30 }, (_, i) => spans(i)).flat())
    await called(start + 20 * MINUTE, start + 26 * MINUTE, 0.2)
    const monitor = monitors()
    now = start + 11 * MINUTE
    await monitor.look()
    const deployment = (await allDeployments(bench.store)).find(
      ({ service, version }) => service === 'cart' && version === '1.1',
    )
    const id = deployment?.id ?? ''
    now = start + 21 * MINUTE
    await monitor.look()
    const joined = (await readWatchEvents(bench.store, id)).filter(({ kind }) => kind === 'joined')
    expect(joined.map(({ summary }) => summary)).toEqual([
      'pricing, which it calls, was not known before and is watched too',
    ])
    now = start + 26 * MINUTE
    await monitor.look()
    const evidence = async () =>
      (await readWatches(bench.store, [id]))
        .get(id)
        ?.signals.find(({ service, signal }) => service === 'pricing' && signal === 'errors.server')
    const first = await evidence()
    expect(first?.relation).toBe('callee')
    expect(first?.decided).toBe('worse')
    expect(Date.parse(first?.since ?? '')).toBeGreaterThanOrEqual(start + 20 * MINUTE)
    // Another process makes the same of it.
    now += 1_000
    await monitors().look()
    expect((await evidence())?.logE).toBeCloseTo(first?.logE ?? 0, 6)
    expect((await readWatchEvents(bench.store, id)).filter(({ kind }) => kind === 'joined')).toHaveLength(1)
  })

  it('ends the watch of what was superseded, or whose time was over, while no monitor was there', async () => {
    for (const service of ['search', 'banner'])
      await traffic(service, '1.0', start - 60 * MINUTE, start + MINUTE, 0.01)
    await traffic('search', '1.1', start, start + 5 * MINUTE, 0.01)
    await traffic('banner', '1.1', start, start + 13 * MINUTE, 0.01)
    now = start + 4 * MINUTE
    await lookAtAll(monitors())
    await traffic('search', '1.2', start + 5 * MINUTE, start + 13 * MINUTE, 0.01)
    now = start + 13 * MINUTE
    const other = monitors()
    await lookAtAll(other)
    const idOf = async (service: string, version: string) =>
      (await allDeployments(bench.store)).find((one) => one.service === service && one.version === version)
        ?.id ?? ''
    const ids = [await idOf('search', '1.1'), await idOf('search', '1.2'), await idOf('banner', '1.1')]
    const watches = await readWatches(bench.store, ids)
    expect(ids.map((id) => watches.get(id)?.state)).toEqual(['superseded', 'watching', 'inconclusive'])
    expect(await kindsOf(ids[0] as string)).toEqual(['opened', 'superseded'])
    expect(await kindsOf(ids[2] as string)).toEqual(['opened', 'closed'])
    // What is over stays so: nothing is opened again.
    const again = monitors()
    await lookAtAll(again)
    expect((await again.look()).watching).toBe((await other.look()).watching)
  })

  it('judges a watch that nobody has looked at since long before its end by its own time', async () => {
    await traffic('flyer', '1.0', start - 60 * MINUTE, start, 0.01)
    await traffic('flyer', '1.1', start, start + 11 * MINUTE, 0.01)
    now = start + 4 * MINUTE
    await lookAtAll(monitors())
    // Half an hour later it fails, and then it is silent.
    await traffic('flyer', '1.1', start + 15 * MINUTE, start + 30 * MINUTE, 0.5)
    const idOf = (await allDeployments(bench.store)).find(
      ({ service, version }) => service === 'flyer' && version === '1.1',
    )?.id
    for (now = start + 30 * MINUTE; now <= start + 50 * MINUTE; now += 20 * MINUTE)
      await lookAtAll(monitors())
    const watch = (await readWatches(bench.store, [idOf ?? ''])).get(idOf ?? '')
    expect(watch).toMatchObject({ state: 'inconclusive', silentSince: null })
    expect(watch?.signals.filter(({ decided }) => decided === 'worse')).toEqual([])
    expect((await incidents()).filter(({ service }) => service === 'flyer')).toEqual([])
    expect(await kindsOf(idOf ?? '')).toEqual(['opened', 'closed'])
  })

  it('says of an exception that had been there long before that it is back', async () => {
    const threeDays = 3 * 1440 * MINUTE
    await traffic('returns', '0.9', start - threeDays, start - threeDays + 5 * MINUTE, 0.01, {
      exceptions: { LabelExpired: 0.05 },
    })
    await traffic('returns', '1.0', start - 60 * MINUTE, start, 0.01)
    await traffic('returns', '1.1', start, start + 4 * MINUTE, 0.01, {
      exceptions: { LabelExpired: 0.05, LabelUnknown: 0.05 },
    })
    now = start + 4 * MINUTE
    await monitors().look()
    const said = (await incidents()).find(({ service }) => service === 'returns')?.reasons ?? []
    const about = (name: string) => said.find(({ dimension }) => dimension.includes(name))?.summary
    expect(about('LabelExpired')).toMatch(/^exception .*LabelExpired.* is back \(.*trace [0-9a-f]{32}/)
    expect(about('LabelUnknown')).toMatch(/^new exception .*LabelUnknown.*trace [0-9a-f]{32}/)
  })
})
