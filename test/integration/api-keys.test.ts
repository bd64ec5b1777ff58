import { request } from 'node:http'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storeIncident } from '../../analytics/alerts/stored-alerts.ts'
import { createAuthenticator, type RunningApi, startApi } from '../../api/server.ts'
import type { CreatedKey } from '../../schemas/contracts/key.ts'
import { firingIncident } from './report-alert-fixture.ts'
import { type Bench, openBench } from './report-fixture.ts'

const silent = pino({ level: 'silent' })

/** What fetch will not send: a Host of one's own. */
function askAs(url: string, headers: Record<string, string>, method = 'GET', body = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

describe('keys', () => {
  let bench: Bench
  let open: RunningApi
  let closed: RunningApi
  let admin: CreatedKey
  const start = (settings: object) =>
    startApi({
      store: bench.store,
      catalogue: bench.catalogue,
      config: { ...bench.config, ...settings },
      clock: Date.now,
      logger: silent,
    })

  beforeAll(async () => {
    bench = await openBench({ api: { port: 0 } })
    open = await start({})
  })
  afterAll(async () => {
    await open.close()
    await closed?.close()
    await bench.close()
  })

  const auth = (key: string) => ({ authorization: `Bearer ${key}` })
  const create = async (name: string, scopes: string[]): Promise<CreatedKey> => {
    const answer = await fetch(`${closed.url}/api/v1/keys`, {
      method: 'POST',
      headers: { ...auth(admin.key), 'content-type': 'application/json' },
      body: JSON.stringify({ name, scopes }),
    })
    expect(answer.status).toBe(201)
    return (await answer.json()) as CreatedKey
  }
  const status = async (path: string, key: string, method = 'GET') =>
    (await fetch(`${closed.url}${path}`, { method, headers: auth(key) })).status

  it('are refused a start without one, on any wider door', async () => {
    for (const settings of [
      { auth: { required: true } },
      { api: { ...bench.config.api, host: '0.0.0.0' } },
      { otlp: { ...bench.config.otlp, host: '::' } },
    ]) {
      await expect(start(settings)).rejects.toMatchObject({
        code: 'KEYS_REQUIRED',
        hint: expect.stringContaining('postflight keys create --name ci --scopes ingest,write'),
      })
    }
  })

  it('are shown once and stored as a hash', async () => {
    const answer = await fetch(`${open.url}/api/v1/keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"root","scopes":["admin"]}',
    })
    admin = (await answer.json()) as CreatedKey
    expect(admin.key).toMatch(/^pf_/)
    const listed = await (await fetch(`${open.url}/api/v1/keys`)).text()
    const secret = admin.key.split('_').slice(2).join('_')
    expect(listed).toContain(admin.id)
    expect(listed).not.toContain(secret)
    expect(listed).not.toContain('hash')
    const stored = JSON.stringify(await bench.store.query('SELECT * FROM api_keys'))
    expect(stored).toContain(admin.id)
    expect(stored).not.toContain(secret)
    closed = await start({ auth: { required: true } })
  })

  it('open what their scopes say, and nothing else', async () => {
    const [reader, writer, sender] = await Promise.all([
      create('reader', ['read']),
      create('writer', ['write']),
      create('sender', ['ingest']),
    ])
    expect((await fetch(`${closed.url}/api/v1/services`)).status).toBe(401)
    expect((await fetch(`${closed.url}/metrics`)).status).toBe(401)
    expect((await fetch(`${closed.url}/api/openapi.json`)).status).toBe(401)
    expect((await fetch(`${closed.url}/healthz`)).status).toBe(200)
    expect(await status('/api/v1/services', reader.key)).toBe(200)
    expect(await status('/api/v1/deployments', reader.key, 'POST')).toBe(403)
    expect(await status('/api/v1/deployments', writer.key, 'POST')).toBe(400)
    expect(await status('/api/v1/services', writer.key)).toBe(200)
    expect(await status('/api/v1/services', sender.key)).toBe(403)
    expect(await status('/api/v1/keys', writer.key)).toBe(403)
    expect(await status('/api/v1/services', `${reader.key.slice(0, -1)}!`)).toBe(401)
    const other = await fetch(`${closed.url}/api/v1/services`, {
      headers: { 'x-postflight-key': reader.key },
    })
    expect(other.status).toBe(200)
    const door = createAuthenticator({
      store: bench.store,
      config: { ...bench.config, auth: { required: true } },
      clock: Date.now,
    })
    expect((await door.authenticate(auth(sender.key), 'ingest')).kind).toBe('ok')
    expect((await door.authenticate(auth(reader.key), 'ingest')).kind).toBe('forbidden')
    expect((await door.authenticate({}, 'ingest')).kind).toBe('unauthenticated')
  })

  it('are dead as soon as they are revoked, with the sessions they opened', async () => {
    const key = await create('short-lived', ['read'])
    const page = await fetch(`${closed.url}/login`)
    const token = /name="_csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? ''
    const cookies = page.headers.getSetCookie()
    expect(cookies[0]).toMatch(/HttpOnly/i)
    const jar = cookies.map((cookie) => cookie.split(';')[0]).join('; ')
    const form = (fields: Record<string, string>, cookie: string) =>
      fetch(`${closed.url}/login`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields),
      })
    expect((await form({ key: key.key }, jar)).status).toBe(403)
    expect((await form({ key: key.key, _csrf: token }, '')).status).toBe(403)
    expect((await form({ key: 'pf_wrong', _csrf: token }, jar)).status).toBe(401)
    const elsewhere = await form({ key: key.key, _csrf: token, to: '//evil.example/' }, jar)
    expect(elsewhere.headers.get('location')).toBe('/')
    const session = elsewhere.headers
      .getSetCookie()
      .find((cookie) => cookie.startsWith('postflight_session='))
    expect(session).toMatch(/HttpOnly/)
    expect(session).toMatch(/SameSite=Strict/)
    expect(session).not.toContain(key.key)
    const cookie = session?.split(';')[0] ?? ''
    const withCookie = async () =>
      (await fetch(`${closed.url}/`, { headers: { cookie }, redirect: 'manual' })).status
    expect(await withCookie()).toBe(200)
    const forged = cookie.replace(/\.\d+\./, '.9999999999999.')
    expect((await fetch(`${closed.url}/`, { headers: { cookie: forged } })).status).toBe(401)
    expect(await status('/api/v1/services', key.key)).toBe(200)
    expect(await status(`/api/v1/keys/${key.id}`, admin.key, 'DELETE')).toBe(200)
    expect(await status('/api/v1/services', key.key)).toBe(401)
    expect(await withCookie()).toBe(401)
    expect(await status('/api/v1/keys/000000000000', admin.key, 'DELETE')).toBe(404)
  })

  it('show forms to those that may write alone, and a way out to all', async () => {
    const at = Date.now()
    await storeIncident(bench.store, firingIncident(at), at)
    const told = { service: 'shown', environment: 'prod', version: '1', status: 'succeeded' }
    const json = { ...auth(admin.key), 'content-type': 'application/json' }
    const sent = { method: 'POST', headers: json, body: JSON.stringify(told) }
    expect((await fetch(`${closed.url}/api/v1/deployments`, sent)).status).toBe(201)
    const watch = '/releases/shown/1/watch'
    const read = async (url: string, path: string, headers = {}) =>
      await (await fetch(`${url}${path}`, { headers })).text()
    const [reader, writer] = [await create('looks', ['read']), await create('acts', ['write'])]
    for (const [path, form] of [
      ['/alerts', 'action="/alerts/acknowledge"'],
      [watch, `action="${watch}/mark"`],
    ] as const) {
      const [seen, done] = [
        await read(closed.url, path, auth(reader.key)),
        await read(closed.url, path, auth(writer.key)),
      ]
      expect(seen).not.toContain('<form')
      expect(seen).toContain('the scope <code>write</code>')
      expect(done).toContain(form)
      expect(done).not.toContain('the scope <code>write</code>')
      // Where no key is needed, there is nothing to log out of.
      expect(await read(open.url, path)).toContain(form)
      expect(await read(open.url, path)).not.toContain('href="/logout"')
      for (const page of [seen, done]) expect(page).toContain('<a href="/logout">Log out</a>')
    }
    // Pages that are kept for all readers, too; but not those that nobody has logged in for.
    expect(await read(closed.url, '/', auth(reader.key))).toContain('href="/logout"')
    expect(await read(closed.url, '/signals', auth(reader.key))).toContain('href="/logout"')
    expect(await read(closed.url, '/login')).not.toContain('href="/logout"')
    // Nor those that say that a key may not, whose reader wants to show another one.
    const refused = await fetch(`${closed.url}/alerts/acknowledge`, {
      method: 'POST',
      headers: { ...auth(reader.key), accept: 'text/html' },
    })
    expect(refused.status).toBe(403)
    expect(await refused.text()).toContain('<a href="/logout">Log out</a>')
  })

  it('send browsers to the log-in, and back to where they were going', async () => {
    const answer = await fetch(`${closed.url}/alerts`, {
      headers: { accept: 'text/html' },
      redirect: 'manual',
    })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/login?to=%2Falerts')
  })

  it('are not needed on loopback, where other sites are kept out all the same', async () => {
    const { port } = new URL(open.url)
    const url = `${open.url}/api/v1/deployments`
    expect(await askAs(url, { host: `localhost:${port}` })).toBe(200)
    expect(await askAs(url, { host: `rebound.example:${port}` })).toBe(403)
    const json = { 'content-type': 'application/json', host: `127.0.0.1:${port}` }
    const body = '{"service":"a","version":"1"}'
    expect(await askAs(url, { ...json, origin: 'https://evil.example' }, 'POST', body)).toBe(403)
    expect(await askAs(url, { ...json, 'sec-fetch-site': 'cross-site' }, 'POST', body)).toBe(403)
    expect(await askAs(url, { ...json, origin: `http://127.0.0.1:${port}` }, 'POST', body)).toBe(201)
  })

  it('slow down who guesses', async () => {
    const answers = []
    for (let i = 0; i < 40; i++) answers.push(await fetch(`${closed.url}/api/v1/services`))
    expect(answers.at(-1)?.status).toBe(429)
    expect(Number(answers.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await status('/api/v1/services', admin.key)).toBe(200)
  })
})

it('says which port is taken', async () => {
  const bench = await openBench({ api: { port: 0 } })
  const options = { ...bench, clock: Date.now, logger: silent }
  const first = await startApi(options)
  const port = Number(new URL(first.url).port)
  const config = { ...bench.config, api: { ...bench.config.api, port } }
  await expect(startApi({ ...options, config })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  await first.close()
  await bench.close()
})
