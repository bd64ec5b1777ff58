import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDelivery } from '../../analytics/alerts/delivery.ts'
import { receiversOf } from '../../analytics/alerts/receivers/receivers.ts'
import { storeIncident } from '../../analytics/alerts/stored-alerts.ts'
import { type RunningApi, startApi } from '../../api/server.ts'
import { startCli } from './cli-process.ts'
import { firingIncident } from './report-alert-fixture.ts'
import { type Bench, openBench, seeded } from './report-fixture.ts'

const SECRET = 'hush-hush-4711'

describe('alerts over the API, the pages and the command line', { timeout: 120_000 }, () => {
  let bench: Bench
  let api: RunningApi
  let chat: Server
  let changes = 0
  let flags: string[]
  const texts: string[] = []
  beforeAll(async () => {
    chat = createServer((request, response) => {
      request.resume()
      request.on('end', () => {
        texts.push(request.url ?? '')
        response.writeHead(texts.length > 1 ? 403 : 200).end(texts.length > 1 ? `no ${SECRET}` : 'ok')
      })
    })
    await new Promise<void>((done) => chat.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(chat.address() as AddressInfo).port}/services/${SECRET}`
    const slack = [{ name: 'team', url }]
    bench = await openBench({ api: { port: 0 }, alerts: { slack } })
    await storeIncident(bench.store, firingIncident(Date.now()), Date.now())
    const delivery = createDelivery({
      store: bench.store,
      receivers: receiversOf(bench.config),
      rules: bench.config.alerts,
      publicUrl: 'http://postflight.test',
      clock: Date.now,
      random: seeded(1),
      process: 'one',
      logger: pino({ level: 'silent' }),
    })
    await delivery.deliver()
    api = await startApi({
      store: bench.store,
      catalogue: bench.catalogue,
      config: bench.config,
      clock: Date.now,
      logger: pino({ level: 'silent' }),
      onAlertChange: () => {
        changes += 1
      },
    })
    flags = ['--alerts.slack', JSON.stringify(slack)]
  }, 120_000)
  afterAll(async () => {
    await api?.close()
    await bench?.close()
    chat?.close()
  })
  const get = async (path: string) => {
    const answer = await fetch(`${api.url}${path}`)
    return {
      status: answer.status,
      text: await answer.text(),
      cookie: answer.headers.get('set-cookie') ?? '',
    }
  }
  const json = async (path: string) => JSON.parse((await get(path)).text)
  const post = async (path: string, body: object, method = 'POST') => {
    const answer = await fetch(`${api.url}/api/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const run = (...args: string[]) => startCli(process.cwd(), args).ended

  it('show what was sent to whom with its answer, and no secret', async () => {
    const { items } = await json('/api/v1/notifications?state=sent')
    expect(items).toMatchObject([
      { receiver: 'slack:team', event: 'firing', state: 'sent', answer: '200 ok' },
    ])
    expect((await json('/api/v1/alerts')).items[0].deliveries).toMatchObject([
      { receiver: 'slack:team', state: 'sent' },
    ])
    for (const path of [
      '/alerts',
      '/alerts/sent',
      '/alerts/preview?event=resolved',
      '/api/v1/notifications',
    ]) {
      const { status, text } = await get(path)
      expect(status).toBe(200)
      expect(text).not.toContain(SECRET)
      expect(text).toContain('slack:team')
    }
    expect((await get('/alerts/preview')).text).toContain('This is a test of Postflight')
  })

  it('acknowledge and mute through the API, and say what is wrong with a request', async () => {
    expect((await post('/alerts/regression-1/acknowledge', { by: 'Ada' })).body).toMatchObject({
      acknowledged: { by: 'Ada' },
    })
    expect((await post('/alerts/nothing/acknowledge', { by: 'Ada' })).status).toBe(404)
    expect((await post('/alerts/regression-1/acknowledge', {})).status).toBe(400)
    expect((await post('/mutes', { service: 'checkout' })).body).toMatchObject({ code: 'INVALID_REQUEST' })
    const { status, body } = await post('/mutes', { service: 'checkout', minutes: 30, reason: 'test' })
    expect(status).toBe(201)
    expect((await json('/api/v1/mutes')).items).toHaveLength(1)
    expect((await json('/api/v1/alerts')).items[0]).toMatchObject({
      acknowledged: { by: 'Ada' },
      mutedUntil: body['endsAt'],
    })
    const ended = await fetch(`${api.url}/api/v1/mutes/${String(body['id'])}`, { method: 'DELETE' })
    expect(ended.status).toBe(200)
    expect((await json('/api/v1/mutes')).items).toEqual([])
    expect(changes).toBe(3)
  })

  it('acknowledge and mute by the forms of the page, which other sites cannot send', async () => {
    const { text, cookie } = await get('/alerts')
    const token = /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''
    const send = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
      fetch(`${api.url}${path}`, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams({ alert: 'regression-1', by: 'Bo', ...form }),
      })
    expect((await send('/alerts/acknowledge', {})).status).toBe(403)
    const own = { cookie: cookie.split(';')[0] ?? '' }
    const taken = await send('/alerts/acknowledge', { _csrf: token }, own)
    expect([taken.status, taken.headers.get('location')]).toEqual([303, '/alerts#regression-1'])
    expect((await send('/alerts/mute', { _csrf: token, minutes: '60', reason: 'x' }, own)).status).toBe(303)
    const page = (await get('/alerts')).text
    expect(page).toContain('Acknowledged by Bo')
    expect(page).toContain('Muted until')
    expect((await send('/alerts/mute', { _csrf: token, minutes: '-1' }, own)).status).toBe(400)
  })

  it('are listed, muted, taken and tried from the command line', async () => {
    const at = ['--address', api.url]
    const [sent, muted, taken] = await Promise.all([
      run('notify', 'sent', '--json', ...at),
      run('mute', 'cart', '--for', '2h', '--by', 'Cy', '--json', ...at),
      run('acknowledge', 'regression-1', '--by', 'Cy', '--json', ...at),
    ])
    expect(JSON.parse(sent.out)[0]).toMatchObject({ receiver: 'slack:team' })
    expect(JSON.parse(muted.out)).toMatchObject({ service: 'cart', by: 'Cy' })
    expect(JSON.parse(taken.out)).toMatchObject({ acknowledged: { by: 'Cy' } })
    // This time the chat says no, with the secret in its answer.
    const [tried, preview] = await Promise.all([
      run('notify', 'test', 'slack:team', ...flags),
      run('notify', 'preview', '--event', 'resolved', ...flags),
    ])
    expect(tried.code).not.toBe(0)
    expect(tried.out).toBe('slack:team: not taken (403 no (secret))\n')
    expect(preview.out).toContain('Resolved (the test is over)')
    expect(preview.out).not.toContain(SECRET)
  })
})
