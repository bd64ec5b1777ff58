import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { acknowledge } from '../../analytics/alerts/acknowledge.ts'
import { createDelivery, type DeliveryOptions } from '../../analytics/alerts/delivery.ts'
import { GIVE_UP, LEASE } from '../../analytics/alerts/lane.ts'
import { listNotifications } from '../../analytics/alerts/outbox.ts'
import { type Receiver, SendError } from '../../analytics/alerts/receiver.ts'
import { listAlerts, storeIncident } from '../../analytics/alerts/stored-alerts.ts'
import { createMute, endMute } from '../../analytics/alerts/stored-mutes.ts'
import { storeDeployments } from '../../analytics/releases/stored-deployments.ts'
import { alertFindings } from '../../deploy/cli/doctor-alerts.ts'
import { alertsSchema } from '../../schemas/alerts.ts'
import type { Incident } from '../../schemas/contracts/alert.ts'
import { firingIncident } from './report-alert-fixture.ts'
import { type Bench, openBench, seeded } from './report-fixture.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const NOON = Math.floor(Date.now() / DAY) * DAY + DAY / 2
const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** A receiver in memory: what it takes, and how it fails, is the test's. */
interface Ear extends Receiver {
  /** Event, alert and revision of all that it was sent, taken or not. */
  readonly heard: string[]
  readonly ids: string[]
  /** Called for each message; throws for what it does not take. */
  answer: (message: string) => Promise<void> | void
}

function ear(name: string, changes: Partial<Receiver> = {}): Ear {
  const own: Ear = {
    name,
    events: new Set(['firing', 'acknowledged', 'resolved']),
    heartbeat: false,
    deduplicates: false,
    repeatEvery: null,
    render: () => ({ contentType: '', body: '' }),
    ...changes,
    heard: [],
    ids: [],
    answer: () => {},
    send: async (notice) => {
      const message =
        notice.kind === 'alert'
          ? `${notice.event} ${notice.alert.id} ${notice.alert.revision}${notice.update ? ' update' : ''}`
          : `${notice.id}`
      own.heard.push(message)
      own.ids.push(notice.id)
      await own.answer(message)
      return 'thanks'
    },
  }
  return own
}

const away = () => {
  throw new SendError('unavailable', 'nobody there')
}

// Each look asks the engine; on a machine with much else to do that takes its time.
describe('delivery', { timeout: 120_000 }, () => {
  let bench: Bench
  let now: number
  beforeAll(async () => {
    bench = await openBench()
  })
  afterAll(() => bench?.close())
  beforeEach(async () => {
    // Rows of long ago would be dropped for their age.
    now = NOON
    for (const table of ['alerts', 'alert_outbox', 'alert_acknowledgement', 'alert_mute', 'deployments'])
      await bench.store.command(`TRUNCATE TABLE ${table}`)
    // Emptied, it would still know the tokens of its inserts.
    const [made] = await bench.store.query<{ statement: string }>('SHOW CREATE TABLE alert_attempt')
    await bench.store.command('DROP TABLE alert_attempt SYNC')
    await bench.store.command(made?.statement ?? '')
  })
  const start = (
    receivers: readonly Receiver[],
    changes: Partial<DeliveryOptions> & { settings?: object } = {},
  ) =>
    createDelivery({
      store: bench.store,
      receivers,
      rules: { ...alertsSchema.parse({}), ...changes.settings },
      publicUrl: 'http://postflight.test',
      clock: () => now,
      random: seeded(1),
      process: 'one',
      logger: silent,
      ...changes,
    })
  const store = async (changes: Partial<Incident> = {}) => {
    now += 1
    await storeIncident(bench.store, firingIncident(now, changes), now)
  }
  const end = (changes: Partial<Incident> = {}) =>
    store({
      status: 'resolved',
      revision: 2,
      endsAt: new Date(now).toISOString(),
      resolution: 'rolled back',
      ...changes,
    })

  it('tells each receiver once of beginning, growth and end, however often it looks and is restarted', async () => {
    const pager = ear('pager', { deduplicates: true })
    const chat = ear('chat')
    await store()
    await start([pager, chat]).deliver()
    await start([pager, chat]).deliver()
    await store({ revision: 2 })
    await start([pager, chat]).deliver()
    // A chat hears of growth not more often than every ten minutes, the pager at once.
    expect(chat.heard).toEqual(['firing regression-1 1'])
    now += 10 * MINUTE
    await start([pager, chat]).deliver()
    await end({ revision: 3 })
    const delivery = start([pager, chat])
    await delivery.deliver()
    await delivery.deliver()
    const all = ['firing regression-1 1', 'firing regression-1 2 update', 'resolved regression-1 3']
    expect([pager.heard, chat.heard]).toEqual([all, all])
    const [alert] = (await listAlerts(bench.store)).items
    expect(alert?.deliveries).toContainEqual({
      receiver: 'chat',
      event: 'resolved',
      state: 'sent',
      revision: 3,
      at: new Date(now).toISOString(),
      answer: 'thanks',
      attempts: 1,
    })
  })

  it('does not wait with a worse severity, and never sends what is only watched', async () => {
    const chat = ear('chat')
    await store({ severity: 'note' })
    await start([chat]).deliver()
    await store({ severity: 'page', revision: 2 })
    await store({ id: 'regression-shadow', shadow: true })
    await start([chat]).deliver()
    expect(chat.heard).toEqual(['firing regression-1 1', 'firing regression-1 2 update'])
  })

  it('brings everything in order to a receiver that was away for two hours, what was replaced left out; others do not wait', async () => {
    const dead = ear('dead', { deduplicates: true })
    const alive = ear('alive', { deduplicates: true })
    dead.answer = away
    const delivery = start([dead, alive])
    const other = { id: 'regression-2', service: 'cart' }
    await store()
    await delivery.deliver()
    expect(alive.heard).toEqual(['firing regression-1 1'])
    for (let minute = 10; minute <= 120; minute += 10) {
      now += 10 * MINUTE
      if (minute === 10) await store(other)
      if (minute === 20) await store({ revision: 2 })
      if (minute === 40) await store({ revision: 3 })
      if (minute === 60) await end({ revision: 4 })
      if (minute === 80) await end({ ...other, revision: 2 })
      await delivery.deliver()
    }
    const attempts = dead.heard.length
    // Only the oldest is tried, once each time: a receiver that is away is not asked for each.
    expect(attempts).toBe(13)
    const slack = [{ name: 'x', url: 'http://x.test' }]
    expect(await alertFindings(alertsSchema.parse({ slack }), bench.store, now)).toMatchObject([
      {
        check: 'alerts to dead',
        level: 'problem',
        found: '4 waiting for 110 min, which the settings no longer have: nobody there',
      },
    ])
    const unread = alertsSchema.parse({ slack: [{ name: 'x', urlFile: 'nowhere.secret' }] })
    expect(await alertFindings(unread, bench.store, now)).toMatchObject([
      {
        level: 'problem',
        found: expect.stringMatching(/^alerts\.slack\.0\.urlFile: .*ENOENT.*'\/.*nowhere\.secret'/),
      },
      { check: 'alerts to dead' },
    ])
    expect(new Set(dead.heard)).toEqual(new Set(['firing regression-1 1', 'firing regression-2 1']))
    dead.answer = () => {}
    now += 3 * MINUTE
    await delivery.deliver()
    expect(dead.heard.slice(attempts)).toEqual([
      'firing regression-2 1',
      'firing regression-1 3',
      'resolved regression-1 4',
      'resolved regression-2 2',
    ])
    expect(alive.heard).toEqual([
      'firing regression-1 1',
      'firing regression-2 1',
      'firing regression-1 2 update',
      'firing regression-1 3 update',
      'resolved regression-1 4',
      'resolved regression-2 2',
    ])
  })

  it('does not let a receiver that hangs keep the others waiting', async () => {
    const hanging = ear('hanging')
    const alive = ear('alive')
    let release = () => {}
    hanging.answer = () => new Promise((done) => (release = done))
    await store()
    const delivery = start([hanging, alive])
    const both = delivery.deliver()
    await expect.poll(() => alive.heard, { timeout: 20_000 }).toEqual(['firing regression-1 1'])
    await store({ id: 'regression-2' })
    delivery.kick()
    await expect
      .poll(() => alive.heard, { timeout: 20_000 })
      .toEqual(['firing regression-1 1', 'firing regression-2 1'])
    expect(hanging.heard).toHaveLength(1)
    release()
    hanging.answer = () => {}
    await both
    await delivery.deliver()
    expect(hanging.heard).toEqual(['firing regression-1 1', 'firing regression-2 1'])
  })

  it('waits as long as a receiver asks, and longer each time by itself', async () => {
    const busy = ear('busy')
    busy.answer = () => {
      throw new SendError('unavailable', '429', { retryAfter: 600_000 })
    }
    await store()
    const delivery = start([busy])
    await delivery.deliver()
    now += 599_000
    await delivery.deliver()
    expect(busy.heard).toHaveLength(1)
    now += 2000
    busy.answer = away
    await delivery.deliver()
    const [item] = await listNotifications(bench.store)
    const wait = Date.parse(item?.nextAt ?? '') - now
    // The second wait: half of ten seconds to ten seconds.
    expect(wait).toBeGreaterThanOrEqual(5000)
    expect(wait).toBeLessThanOrEqual(10_000)
    expect(item).toMatchObject({ state: 'waiting', attempts: 2, answer: 'nobody there' })
  })

  it('gives up what is refused for good and what nobody took for a day, and tells no end of what was not heard', async () => {
    const strict = ear('strict')
    strict.answer = (message) => {
      if (message.includes('regression-1')) throw new SendError('refused', 'invalid_payload')
      away()
    }
    await store()
    await store({ id: 'regression-2' })
    const delivery = start([strict])
    await delivery.deliver()
    expect(strict.heard).toEqual(['firing regression-1 1', 'firing regression-2 1'])
    now += GIVE_UP + MINUTE
    await delivery.deliver()
    strict.answer = () => {}
    await end()
    await end({ id: 'regression-2' })
    await delivery.deliver()
    expect(strict.heard).toHaveLength(3)
    const states = (await listNotifications(bench.store)).map(({ subject, state }) => `${subject} ${state}`)
    expect(states.toSorted()).toEqual(['regression-1 given_up', 'regression-2 given_up'])
  })

  it('passes by an alert that a receiver fails over, and keeps that alert in order', async () => {
    const fragile = ear('fragile', { deduplicates: true })
    let mended = false
    fragile.answer = (message) => {
      if (message.includes('regression-1') && !mended) throw new SendError('failed', '500 oops')
    }
    const delivery = start([fragile])
    await store()
    await delivery.deliver()
    await end()
    await store({ id: 'regression-2' })
    for (let minute = 0; minute < 16; minute += 2) {
      now += 2 * MINUTE
      await delivery.deliver()
    }
    expect(fragile.heard).toContain('firing regression-2 1')
    expect(fragile.heard).not.toContain('resolved regression-1 2')
    mended = true
    const before = fragile.heard.length
    now += 3 * MINUTE
    await delivery.deliver()
    expect(fragile.heard.slice(before)).toEqual(['firing regression-1 1', 'resolved regression-1 2'])
  })

  it('repeats once what a process sent and died before it noted it, with the same id', async () => {
    const chat = ear('chat')
    await store()
    const dying: DeliveryOptions['store'] = {
      ...bench.store,
      query: bench.store.query.bind(bench.store),
      insert: async (table, rows, settings) => {
        // Killed: nothing of what comes after the first message is ever written.
        if (chat.heard.length > 0) throw new Error('killed')
        await bench.store.insert(table, rows, settings)
      },
    }
    await start([chat], { store: dying, process: 'first' }).deliver()
    expect(chat.heard).toHaveLength(1)
    // Others leave the attempt alone while it may still be under way.
    now += 1000
    await start([chat], { process: 'second' }).deliver()
    expect(chat.heard).toHaveLength(1)
    now += LEASE
    await start([chat], { process: 'second' }).deliver()
    await start([chat], { process: 'third' }).deliver()
    now += 60 * MINUTE
    await start([chat], { process: 'third' }).deliver()
    expect(chat.heard).toEqual(['firing regression-1 1', 'firing regression-1 1'])
    expect(new Set(chat.ids).size).toBe(1)
  })

  it('sends nothing again because the store was away for a moment after it', async () => {
    const chat = ear('chat')
    await store()
    let broken = true
    const shaky: DeliveryOptions['store'] = {
      ...bench.store,
      query: bench.store.query.bind(bench.store),
      insert: async (table, rows, settings) => {
        if (broken && chat.heard.length > 0) throw new Error('store away')
        await bench.store.insert(table, rows, settings)
      },
    }
    const delivery = start([chat], { store: shaky })
    await delivery.deliver()
    broken = false
    now += 10 * LEASE
    await delivery.deliver()
    expect(chat.heard).toHaveLength(1)
    expect((await listNotifications(bench.store))[0]?.state).toBe('sent')
  })

  it('sends each message once, whoever of several processes comes first', async () => {
    const chat = ear('chat')
    const processes = ['a', 'b', 'c'].map((process) => start([chat], { process }))
    for (let i = 0; i < 5; i++) {
      await store({ id: `regression-${i}` })
      await Promise.all(processes.map((one) => one.deliver()))
    }
    await Promise.all(processes.map((one) => one.deliver()))
    expect(chat.heard.toSorted()).toEqual(Array.from({ length: 5 }, (_, i) => `firing regression-${i} 1`))
  })

  it('is silent while a mute lasts, then tells what is still so; a mute ends by itself or by hand', async () => {
    const chat = ear('chat')
    const mute = { alertId: '', service: 'checkout', environment: '', reason: 'load test', by: 'Ada' }
    await createMute(bench.store, { ...mute, minutes: 30 }, now)
    await store()
    await store({ id: 'regression-2', service: 'cart' })
    const delivery = start([chat])
    await delivery.deliver()
    expect(chat.heard).toEqual(['firing regression-2 1'])
    expect(
      (await listAlerts(bench.store, { id: 'regression-1' }, { now })).items[0]?.mutedUntil,
    ).not.toBeNull()
    now += 31 * MINUTE
    await delivery.deliver()
    expect(chat.heard).toEqual(['firing regression-2 1', 'firing regression-1 1'])
    const { id } = await createMute(bench.store, { ...mute, minutes: 30 }, now)
    await store({ revision: 2, severity: 'page' })
    now += 15 * MINUTE
    await delivery.deliver()
    expect(chat.heard).toHaveLength(2)
    await endMute(bench.store, id, now)
    await delivery.deliver()
    expect(chat.heard.at(-1)).toBe('firing regression-1 2 update')
    await expect(
      createMute(bench.store, { ...mute, endsAt: new Date(now - 1).toISOString() }, now),
    ).rejects.toThrow(/expected a moment after/)
  })

  it('sends pages in quiet hours, the rest after them, and routes by what the settings say', async () => {
    const pager = ear('pager')
    const chat = ear('chat')
    now = NOON + 10.5 * 60 * MINUTE
    const settings = alertsSchema.parse({
      slack: [{ name: 'x', url: 'http://x.test' }],
      quietHours: [{ from: '22:00', to: '07:00', timeZone: 'Etc/GMT-1' }],
    })
    const rules = {
      ...settings,
      routes: [
        { services: [], environments: [], severities: ['page' as const], owners: [], receivers: ['pager'] },
        { services: ['check*'], environments: [], severities: [], owners: ['payments'], receivers: ['chat'] },
      ],
    }
    const delivery = start([pager, chat], { settings: rules })
    await store()
    await store({ id: 'regression-2', severity: 'ticket' })
    await store({ id: 'regression-3', service: 'stock' })
    await delivery.deliver()
    expect(pager.heard.toSorted()).toEqual(['firing regression-1 1', 'firing regression-3 1'])
    expect(chat.heard).toEqual(['firing regression-1 1'])
    // 07:00 an hour east of Greenwich.
    now = NOON + 18 * 60 * MINUTE - MINUTE
    await delivery.deliver()
    expect(chat.heard).toHaveLength(1)
    now += MINUTE
    await delivery.deliver()
    expect(chat.heard).toEqual(['firing regression-1 1', 'firing regression-2 1'])
  })

  it('tells those who know acknowledgement that somebody has taken it, once', async () => {
    const pager = ear('pager', { deduplicates: true })
    const simple = ear('simple', { events: new Set(['firing', 'resolved']) })
    const delivery = start([pager, simple])
    await store()
    await delivery.deliver()
    await acknowledge(bench.store, 'regression-1', 'Ada', now)
    await acknowledge(bench.store, 'regression-1', 'Ada', now + 5)
    await delivery.deliver()
    await delivery.deliver()
    expect(pager.heard).toEqual(['firing regression-1 1', 'acknowledged regression-1 1'])
    expect(simple.heard).toEqual(['firing regression-1 1'])
    expect((await listAlerts(bench.store)).items[0]?.acknowledged?.by).toBe('Ada')
    await expect(acknowledge(bench.store, 'nothing', 'Ada', now)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await end()
    await expect(acknowledge(bench.store, 'regression-1', 'Bo', now)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    })
  })

  it('repeats to those who want it while it fires, and for a while after the end', async () => {
    const alertmanager = ear('alertmanager', { deduplicates: true, repeatEvery: MINUTE })
    const delivery = start([alertmanager])
    await store()
    await delivery.deliver()
    now += 30_000
    await delivery.deliver()
    expect(alertmanager.heard).toHaveLength(1)
    now += 31_000
    await start([alertmanager]).deliver()
    expect(alertmanager.heard).toHaveLength(2)
    await end()
    await delivery.deliver()
    for (let minute = 0; minute < 30; minute += 3) {
      now += 3 * MINUTE
      await delivery.deliver()
    }
    // Once, and at 3, 6, 9 and 12 minutes.
    expect(alertmanager.heard.slice(2)).toEqual(Array(5).fill('resolved regression-1 2'))
  })

  it('gives signs of life only while the monitor does', async () => {
    const watch = ear('watch', { events: new Set(), heartbeat: true, repeatEvery: MINUTE })
    const chat = ear('chat')
    const delivery = start([watch, chat])
    const beat = () => store({ id: 'heartbeat', kind: 'heartbeat', updatedAt: new Date(now).toISOString() })
    await beat()
    await delivery.deliver()
    now += MINUTE
    await beat()
    await delivery.deliver()
    expect(watch.heard).toHaveLength(2)
    for (let minute = 0; minute < 4; minute++) {
      now += MINUTE
      await delivery.deliver()
    }
    // For two more minutes it may be only late.
    expect(watch.heard).toHaveLength(4)
    expect(chat.heard).toEqual([])
  })

  it('tells of deployments, and of their roll-back, those who keep a calendar of changes', async () => {
    const calendar = ear('calendar', { events: new Set(['deployment']) })
    const deployment = {
      id: 'd1',
      service: 'checkout',
      environment: 'live',
      version: '2.7.0',
      previousVersion: null,
      startedAt: new Date(now).toISOString(),
      finishedAt: null,
      source: 'api',
      status: 'succeeded',
      attributes: {},
    } as const
    const old = { ...deployment, id: 'd0', startedAt: new Date(now - 24 * 60 * MINUTE).toISOString() }
    await storeDeployments(bench.store, [old], now - 24 * 60 * MINUTE)
    await storeDeployments(bench.store, [deployment], now)
    const delivery = start([calendar])
    await delivery.deliver()
    await storeDeployments(bench.store, [{ ...deployment, status: 'rolled_back' }], now + 1)
    await delivery.deliver()
    await delivery.deliver()
    expect(calendar.heard).toEqual(['deployment-d1', 'deployment-d1/rolled-back'])
  })
})
