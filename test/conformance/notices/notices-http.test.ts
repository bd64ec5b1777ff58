import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { discoverDeployments } from '../../../analytics/releases/discover-deployments.ts'
import { allDeployments } from '../../../analytics/releases/stored-deployments.ts'
import { createAuthenticator, type RunningApi, startApi } from '../../../api/server.ts'
import type { Deployment } from '../../../schemas/contracts/deployment.ts'
import type { Problem } from '../../../schemas/contracts/problem.ts'
import { type Bench, openBench, sendTraffic } from '../../integration/report-fixture.ts'
import { argocdPayload, COMMIT, cdevent, githubPayload, gitlabPayload } from './payloads.ts'

const MINUTE = 60_000
const NOW = Math.floor(Date.now() / MINUTE) * MINUTE
const SECRET = 'hook-secret-3141'
const TOKEN = 'gitlab-token-2718'

interface Answer {
  readonly outcome: string
  readonly reason: string | null
  readonly deployments: Deployment[]
}

let bench: Bench
let api: RunningApi
let folder: string
const lines: string[] = []
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postflight-notices-'))
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`)
  bench = await openBench({
    api: { port: 0 },
    notices: {
      github: { secret: SECRET },
      gitlab: { tokenFile: join(folder, 'token') },
      rules: [{ from: ['service/checkout'], services: ['checkout'] }],
    },
  })
  api = await startApi({
    store: bench.store,
    catalogue: bench.catalogue,
    config: bench.config,
    clock: Date.now,
    logger: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
  })
})
afterAll(async () => {
  await api.close()
  await bench.close()
  rmSync(folder, { recursive: true, force: true })
})

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${api.url}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
const github = (event: string, payload: object, secret = SECRET) => {
  const body = JSON.stringify(payload)
  return post('/notices/github', body, {
    'x-github-event': event,
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  })
}
const gitlab = (payload: object, token = TOKEN) =>
  post('/notices/gitlab', JSON.stringify(payload), {
    'x-gitlab-event': 'Deployment Hook',
    'x-gitlab-token': token,
  })
const cdevents = (data: ReturnType<typeof cdevent>) =>
  post(
    '/notices/cdevents',
    JSON.stringify({
      specversion: '1.0',
      id: data.context.id,
      source: data.context.source,
      type: data.context.type,
      datacontenttype: 'application/json',
      data,
    }),
    { 'content-type': 'application/cloudevents+json' },
  )
const read = async (answer: Response): Promise<Answer> => {
  expect(answer.status).toBe(200)
  return (await answer.json()) as Answer
}
const known = (service: string) => allDeployments(bench.store, { service })

describe('one deployment, told by everybody', () => {
  const start = NOW - 15 * MINUTE
  const told = { start, version: '2.7.0' }

  it('is one, whose telemetry names it', async () => {
    const first = await read(await github('deployment', githubPayload(told)))
    expect(first).toMatchObject({
      outcome: 'recorded',
      deployments: [{ version: 'v2.7.0', status: 'in_progress' }],
    })
    // At once, as they come in.
    const answers = await Promise.all([
      github('deployment_status', githubPayload(told, 'in_progress', 1)),
      post('/notices/argocd', JSON.stringify(argocdPayload(told, 'Succeeded', 5))),
      cdevents(cdevent(told, 'upgraded', 5)),
      gitlab(gitlabPayload(told, 'success', 6)),
      github('deployment_status', githubPayload(told, 'success', 6)),
      post(
        '/deployments',
        JSON.stringify({ service: 'checkout', environment: 'production', version: '2.7.0' }),
      ),
    ])
    for (const answer of answers) expect(answer.ok).toBe(true)
    await sendTraffic(bench.store, {
      service: 'checkout',
      environment: 'production',
      version: '2.7.0',
      from: start + 3 * MINUTE,
      to: NOW,
      routes: [{ route: 'GET /', perMinute: 5, seconds: 0.1 }],
      seed: 1,
    })
    await discoverDeployments(bench.store, Date.now())
    const [only, ...others] = await known('checkout')
    expect(others).toEqual([])
    expect(only).toMatchObject({
      id: first.deployments[0]?.id,
      version: '2.7.0',
      status: 'succeeded',
      startedAt: new Date(start + MINUTE).toISOString(),
      attributes: { commit: COMMIT, application: 'checkout-production' },
    })
    expect(new Set(only?.sources?.map(({ kind }) => kind))).toEqual(
      new Set(['api', 'argocd', 'cdevents', 'github', 'gitlab', 'telemetry']),
    )
  })

  it('a redelivery changes nothing', async () => {
    const before = await known('checkout')
    for (const answer of [
      await github('deployment', githubPayload(told)),
      await github('deployment_status', githubPayload(told, 'in_progress', 1)),
      await gitlab(gitlabPayload(told, 'success', 6)),
      await cdevents(cdevent(told, 'upgraded', 5)),
    ])
      expect(await read(answer)).toMatchObject({ outcome: 'unchanged' })
    expect(await discoverDeployments(bench.store, Date.now())).toEqual([])
    expect(await known('checkout')).toEqual(before)
  })

  it('a rollback that is told marks what it undid', async () => {
    const of = { service: 'search', start: NOW - 300 * MINUTE }
    await read(await gitlab(gitlabPayload({ ...of, version: '1.0', number: 1 }, 'success')))
    await read(await gitlab(gitlabPayload({ ...of, version: '1.1', number: 2 }, 'success', 100)))
    const back = await read(await cdevents(cdevent({ ...of, version: '1.0' }, 'rolledback', 130)))
    expect(back.deployments[0]?.attributes).toMatchObject({ rollback: 'true', rolledBack: '1.1' })
    expect((await known('search')).map(({ version, status }) => [version, status])).toEqual([
      ['1.0', 'succeeded'],
      ['1.1', 'rolled_back'],
      ['1.0', 'succeeded'],
    ])
    const removed = await read(await cdevents(cdevent({ ...of, version: '1.0' }, 'removed', 200)))
    expect(removed.deployments[0]?.attributes).toHaveProperty('removedAt')
    expect(
      await read(await cdevents(cdevent({ ...of, service: 'nobody', version: '' }, 'removed'))),
    ).toMatchObject({
      outcome: 'ignored',
      reason: expect.stringContaining('No deployment'),
    })
  })
})

describe('who may tell', () => {
  const payload = githubPayload({ start: NOW, version: '9', service: 'evil' })

  it('only who knows the secret; nothing is recorded otherwise, and no secret is logged', async () => {
    expect((await github('deployment', payload, 'guess')).status).toBe(401)
    expect(
      (await post('/notices/github', JSON.stringify(payload), { 'x-github-event': 'deployment' })).status,
    ).toBe(401)
    expect(
      (await gitlab(gitlabPayload({ start: NOW, version: '9', service: 'evil' }, 'success'), 'guess')).status,
    ).toBe(401)
    expect(await known('evil')).toEqual([])
    expect(lines.join('')).not.toContain(SECRET)
    expect(lines.join('')).not.toContain(TOKEN)
  })

  it('a key with the scope write, where no secret is set; Flagger shows a key that reads in its metadata', async () => {
    const config = { ...bench.config, auth: { required: true } }
    const { keys } = createAuthenticator({ store: bench.store, config, clock: Date.now })
    const writer = await keys.create('argocd', ['write'])
    const reader = await keys.create('flagger', ['read'])
    const guarded = await startApi({ ...bench, config, clock: Date.now, logger: pino({ level: 'silent' }) })
    const send = async (path: string, body: object, key?: string) => {
      const headers = {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      }
      const answer = await fetch(`${guarded.url}/api/v1${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      return answer.status
    }
    const told = argocdPayload({ start: NOW, version: '9', service: 'guarded' }, 'Running')
    expect(await send('/notices/argocd', told)).toBe(401)
    expect(await send('/notices/argocd', told, reader.key)).toBe(403)
    expect(await known('guarded')).toEqual([])
    expect(await send('/notices/argocd', told, writer.key)).toBe(200)
    const hook = (key: string) => ({ name: 'nobody', namespace: 'production', metadata: { key } })
    expect(await send('/gates/flagger/confirm-promotion', hook('pf_wrong'))).toBe(401)
    expect(await send('/gates/flagger/confirm-promotion', hook(reader.key))).toBe(409)
    await guarded.close()
  })
})

describe('what cannot be taken', () => {
  it('says which field, what was expected and what was got', async () => {
    const answer = await gitlab({
      ...gitlabPayload({ start: NOW, version: '1' }, 'success'),
      deployment_id: 'x',
    })
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    const { errors, hint } = (await answer.json()) as Problem
    expect(errors).toEqual([{ field: 'body.deployment_id', expected: 'number', got: '"x"' }])
    expect(hint).toContain('body.deployment_id')
  })

  it('is refused where it is too large, no JSON, or another media type', async () => {
    expect((await post('/notices/argocd', `"${'x'.repeat(2 ** 20)}"`)).status).toBe(413)
    expect((await post('/notices/argocd', '{')).status).toBe(400)
    const form = await post('/notices/github', 'payload=%7B%7D', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(form.status).toBe(415)
    expect(((await form.json()) as Problem).hint).toContain('application/json')
    expect((await post('/notices/cdevents', '{}', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post('/notices/cdevents', '{}')).status).toBe(400)
  })

  it('is let go with its reason where it is about something else', async () => {
    expect(await read(await github('ping', { zen: 'Keep it logically awesome.' }))).toMatchObject({
      outcome: 'ignored',
      reason: 'GitHub can reach Postflight.',
    })
  })
})
