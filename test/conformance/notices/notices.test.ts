import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readArgocd } from '../../../api/notices/argocd.ts'
import { readCdevent } from '../../../api/notices/cdevents.ts'
import { cloudEventData } from '../../../api/notices/cloud-event.ts'
import { readGithub } from '../../../api/notices/github.ts'
import { readGitlab } from '../../../api/notices/gitlab.ts'
import { signatureMatches, tokenMatches } from '../../../api/notices/signature.ts'
import type { Notice } from '../../../api/notices/told.ts'
import { PostflightError } from '../../../schemas/errors.ts'
import { noticesSchema } from '../../../schemas/notices.ts'
import { argocdPayload, COMMIT, cdevent, githubPayload, gitlabPayload } from './payloads.ts'

const START = Date.UTC(2026, 0, 1, 12)
const told = { start: START, version: '2.7.0' }
const none = noticesSchema.parse({})
const only = (notice: Notice) => {
  expect(notice.kind).toBe('news')
  const [news, ...others] = notice.kind === 'news' ? notice.news : []
  expect(others).toEqual([])
  return news
}
const minutes = (count: number) => new Date(START + count * 60_000).toISOString()

describe('what each sender tells, by default', () => {
  it('GitHub', () => {
    expect(only(readGithub('deployment', githubPayload(told), none))).toMatchObject({
      service: 'checkout',
      environment: 'production',
      version: 'v2.7.0',
      attributes: { commit: COMMIT, repository: 'acme/checkout', author: 'octo' },
      source: { kind: 'github', status: 'queued', deployment: 'acme/checkout#42', at: minutes(0) },
    })
    expect(only(readGithub('deployment_status', githubPayload(told, 'success', 6), none))).toMatchObject({
      source: { status: 'succeeded', at: minutes(6), link: expect.stringContaining('/actions/runs/1') },
    })
  })

  it('GitLab, whose times are local', () => {
    expect(only(readGitlab('Deployment Hook', gitlabPayload(told, 'running', 1), none))).toMatchObject({
      service: 'checkout',
      environment: 'production',
      version: '2.7.0',
      attributes: { commit: COMMIT },
      source: { status: 'in_progress', at: minutes(1), deployment: 'acme/checkout#15' },
    })
  })

  it('Argo CD, with the tag of the service’s own image', () => {
    expect(only(readArgocd(argocdPayload(told, 'Succeeded', 5), none))).toMatchObject({
      service: 'checkout',
      environment: 'production',
      version: '2.7.0',
      finishedAt: minutes(5),
      source: { status: 'succeeded', at: minutes(5), startedAt: minutes(1) },
    })
  })

  it('CDEvents, with the tag of the artifact', () => {
    for (const predicate of ['deployed', 'upgraded', 'published', 'rolledback'])
      expect(only(readCdevent(cdevent(told, predicate, 7), none))).toMatchObject({
        service: 'checkout',
        environment: 'production',
        version: '2.7.0',
        isRollback: predicate === 'rolledback',
        source: { status: 'succeeded', at: minutes(7) },
      })
    expect(readCdevent(cdevent(told, 'removed'), none)).toEqual({
      kind: 'removal',
      from: [{ service: 'checkout', environment: 'production' }],
      at: minutes(0),
    })
  })
})

describe('names by the settings', () => {
  it('one repository may deploy several services, under other names of environments', () => {
    const settings = noticesSchema.parse({
      rules: [
        { from: ['acme/other'], services: ['other'] },
        { from: ['acme/*'], environments: ['prod*'], services: ['api', 'worker'], version: 'short_commit' },
      ],
      environments: { production: 'live' },
    })
    const notice = readGithub('deployment', githubPayload({ ...told, service: 'shop' }), settings)
    expect(
      notice.kind === 'news' &&
        notice.news.map(({ service, environment, version }) => [service, environment, version]),
    ).toEqual([
      ['api', 'live', COMMIT.slice(0, 7)],
      ['worker', 'live', COMMIT.slice(0, 7)],
    ])
  })

  it('what a pipeline puts into the payload of GitHub’s deployment comes first, also as text', () => {
    const payload = githubPayload(told)
    const own = { ...payload.deployment, payload: JSON.stringify({ service: 'cart', version: '9' }) }
    expect(only(readGithub('deployment', { ...payload, deployment: own }, none))).toMatchObject({
      service: 'cart',
      version: '9',
    })
  })

  it('a canary’s share is that of the payload, the labels or the custom data', () => {
    const payload = githubPayload(told)
    const own = { ...payload.deployment, payload: { canaryShare: 0.1 } }
    const event = cdevent(told, 'deployed')
    for (const [notice, canaryShare] of [
      [readGithub('deployment', { ...payload, deployment: own }, none), '0.1'],
      [
        readArgocd(
          { ...argocdPayload(told, 'Running'), labels: { 'postflight/canaryShare': '0.2', team: 'a' } },
          none,
        ),
        '0.2',
      ],
      [readCdevent({ ...event, customData: { canaryShare: '30%' } }, none), '30%'],
    ] as const)
      expect(only(notice)?.attributes).toMatchObject({ canaryShare })
    for (const customData of ['anything', 7, [1], null])
      expect(only(readCdevent({ ...event, customData }, none))?.attributes).not.toHaveProperty('canaryShare')
  })

  it('a branch is no version: the commit is', () => {
    const payload = githubPayload(told)
    const branch = { ...payload, deployment: { ...payload.deployment, ref: 'main' } }
    expect(only(readGithub('deployment', branch, none))?.version).toBe(COMMIT)
  })

  it('labels of an application of Argo CD say what it is', () => {
    const labels = {
      'app.kubernetes.io/name': 'pay',
      'app.kubernetes.io/version': '3.1',
      'postflight/environment': 'live',
    }
    expect(only(readArgocd({ ...argocdPayload(told, 'Running'), labels }, none))).toMatchObject({
      service: 'pay',
      version: '3.1',
      environment: 'live',
    })
  })

  it('environments that nobody cares for are let go', () => {
    const settings = noticesSchema.parse({ ignoredEnvironments: ['prod*'] })
    expect(readGithub('deployment', githubPayload(told), settings)).toMatchObject({ kind: 'ignored' })
  })
})

describe('what is not about a deployment', () => {
  it.each([
    ['a ping', readGithub('ping', { zen: 'x' }, none)],
    ['a push', readGithub('push', {}, none)],
    ['an inactive deployment', readGithub('deployment_status', githubPayload(told, 'inactive', 9), none)],
    ['a pipeline', readGitlab('Pipeline Hook', {}, none)],
    ['a build', readCdevent({ context: { type: 'dev.cdevents.build.finished.0.2.0' } }, none)],
  ])('%s is let go, with the reason', (_, notice) => {
    expect(notice).toMatchObject({ kind: 'ignored', reason: expect.stringMatching(/./) })
  })
})

describe('what cannot be read', () => {
  const errorsOf = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      expect(error).toBeInstanceOf(PostflightError)
      const { code, details } = error as PostflightError
      expect(code).toBe('INVALID_REQUEST')
      return details['errors'] as { field: string; expected: string; got: string }[]
    }
    throw new Error('it was read')
  }

  it('says which field, what was expected and what was got', () => {
    const payload = githubPayload(told, 'success')
    const bad = { ...payload, deployment: { ...payload.deployment, sha: 'x', environment: 7 } }
    expect(errorsOf(() => readGithub('deployment_status', bad, none))).toEqual([
      { field: 'body.deployment.sha', expected: 'a commit', got: '"x"' },
      { field: 'body.deployment.environment', expected: 'string', got: '7' },
    ])
    expect(
      errorsOf(() =>
        readGitlab('Deployment Hook', { ...gitlabPayload(told, 'success'), status_changed_at: 'now' }, none),
      )[0]?.field,
    ).toBe('body.status_changed_at')
    expect(errorsOf(() => readCdevent({ context: {} }, none)).map(({ field }) => field)).toContain(
      'body.context.type',
    )
    expect(
      errorsOf(() => readArgocd({ ...argocdPayload(told, 'Running'), images: [], revision: '' }, none))[0]
        ?.expected,
    ).toContain('version')
  })

  it.each(['300', '-1', 'abc', 3])(
    'a canary’s share of %j is refused by each that can tell of one',
    (share) => {
      const payload = githubPayload(told)
      const github = { ...payload, deployment: { ...payload.deployment, payload: { canaryShare: share } } }
      const argocd = {
        ...argocdPayload(told, 'Running'),
        labels: { 'postflight/canaryShare': String(share) },
      }
      const cdevents = { ...cdevent(told, 'deployed'), customData: { canaryShare: share } }
      for (const [read, field, got] of [
        [() => readGithub('deployment', github, none), 'body.deployment.payload.canaryShare', share],
        [() => readArgocd(argocd, none), 'body.labels.postflight/canaryShare', String(share)],
        [() => readCdevent(cdevents, none), 'body.customData.canaryShare', share],
      ] as const)
        expect(errorsOf(read)).toEqual([
          { field, expected: expect.stringMatching(/^a share above 0/), got: JSON.stringify(got) },
        ])
    },
  )

  it('is never anything but such an error, whatever comes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const read of [
          () => readGithub('deployment', value, none),
          () => readGitlab('Deployment Hook', value, none),
          () => readArgocd(value, none),
          () => readCdevent(value, none),
          () =>
            cloudEventData(
              { 'content-type': 'application/cloudevents+json' },
              Buffer.from(JSON.stringify(value)),
            ),
        ]) {
          try {
            read()
          } catch (error) {
            expect(error).toBeInstanceOf(PostflightError)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('CloudEvents over HTTP', () => {
  const data = cdevent(told, 'deployed')
  const event = { specversion: '1.0', id: '1', source: '/a', type: data.context.type, data }
  const send = (type: string, body: unknown, headers = {}) =>
    cloudEventData({ 'content-type': type, ...headers }, Buffer.from(JSON.stringify(body)))

  it('come in binary and structured mode, in batches and in Base64', () => {
    expect(send('application/json', data, { 'ce-specversion': '1.0', 'ce-type': event.type })).toEqual([data])
    expect(send('application/cloudevents+json; charset=utf-8', event)).toEqual([data])
    expect(send('application/cloudevents-batch+json', [event, event])).toEqual([data, data])
    const { data: _, ...rest } = event
    const encoded = { ...rest, data_base64: Buffer.from(JSON.stringify(data)).toString('base64') }
    expect(send('application/cloudevents+json', encoded)).toEqual([data])
  })

  it('are refused without a version, or with another', () => {
    expect(() => send('application/json', data)).toThrow('ce-specversion')
    expect(() => send('application/cloudevents+json', { ...event, specversion: '0.3' })).toThrow(
      'specversion',
    )
    expect(() => send('application/cloudevents-batch+json', event)).toThrow('body')
  })
})

it('a signature is that of the very bytes', () => {
  const body = Buffer.from('{"a": 1}')
  const signed = (secret: string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  expect(signatureMatches('s', body, signed('s'))).toBe(true)
  for (const wrong of [signed('t'), '', undefined, signed('s').slice(0, -1), signed('s').toUpperCase()])
    expect(signatureMatches('s', body, wrong)).toBe(false)
  expect(signatureMatches('s', Buffer.from('{"a":1}'), signed('s'))).toBe(false)
  expect([tokenMatches('t', 't'), tokenMatches('t', 'tt'), tokenMatches('t', ['t'])]).toEqual([
    true,
    false,
    false,
  ])
})
