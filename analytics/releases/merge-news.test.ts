import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Deployment, DeploymentSource } from '../../schemas/contracts/deployment.ts'
import { type DeploymentNews, mergeNews } from './merge-news.ts'
import { isSameVersion } from './same-version.ts'

const START = Date.UTC(2026, 0, 1)
const COMMIT = '4f1c2ab90d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a'
const at = (minutes: number) => new Date(START + minutes * 60_000).toISOString()

function news(
  kind: DeploymentSource['kind'],
  minutes: number,
  status: DeploymentSource['status'],
  told: Partial<DeploymentSource> & Partial<Omit<DeploymentNews, 'source'>> = {},
): DeploymentNews {
  const { service, environment, finishedAt, attributes, isRollback, ...source } = told
  const version = told.version ?? '2.7.0'
  return {
    service: service ?? 'checkout',
    environment: environment ?? 'production',
    version,
    finishedAt: finishedAt ?? null,
    attributes: attributes ?? {},
    isRollback: isRollback ?? false,
    source: {
      kind,
      id: `${status} ${minutes}`,
      deployment: kind === 'api' || kind === 'telemetry' ? null : `${kind}:1`,
      at: at(minutes),
      startedAt: null,
      status,
      version,
      link: null,
      ...source,
    },
  }
}

/** Tells one after the other, as they come in. */
function tell(all: readonly DeploymentNews[], known: readonly Deployment[] = []): Deployment[] {
  const kept = new Map(known.map((deployment) => [deployment.id, deployment]))
  for (const one of all) {
    const ordered = [...kept.values()].sort((a, b) => a.startedAt.localeCompare(b.startedAt))
    for (const deployment of mergeNews(ordered, one).changed) kept.set(deployment.id, deployment)
  }
  return [...kept.values()].sort((a, b) => a.startedAt.localeCompare(b.startedAt))
}

const seen = news('telemetry', 4, 'seen', { id: 'seen' })
const threeTell = [
  news('github', -20, 'queued', { version: 'v2.7.0', attributes: { commit: COMMIT } }),
  news('github', 0, 'in_progress', { version: 'v2.7.0', attributes: { commit: COMMIT } }),
  news('argocd', 2, 'in_progress'),
  news('argocd', 6, 'succeeded'),
  news('github', 7, 'succeeded', { version: 'v2.7.0', attributes: { commit: COMMIT } }),
]

describe('the same deployment told by several', () => {
  it('is one, with all who told, called as telemetry calls it', () => {
    const [only, ...others] = tell([...threeTell, seen])
    expect(others).toEqual([])
    expect(only).toMatchObject({
      version: '2.7.0',
      status: 'succeeded',
      source: 'api',
      startedAt: at(0),
      finishedAt: at(7),
      attributes: { commit: COMMIT },
    })
    expect(new Set(only?.sources?.map(({ kind }) => kind))).toEqual(
      new Set(['github', 'argocd', 'telemetry']),
    )
  })

  it('is the same whatever the order, and however often each is delivered', () => {
    const expected = tell([...threeTell, seen])
    const { id: _, ...rest } = expected[0] as Deployment
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...threeTell, seen], { minLength: 6 }),
        fc.array(fc.nat(5)),
        (order, again) => {
          const repeated = again.map((index) => order[index] as DeploymentNews)
          const told = tell([...order, ...repeated])
          expect(told).toHaveLength(1)
          expect(told[0]).toMatchObject(rest)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('changes nothing when it is delivered again', () => {
    const known = tell(threeTell)
    for (const one of threeTell) expect(mergeNews(known, one).changed).toEqual([])
  })

  it('goes by the commit where the versions are not alike', () => {
    const known = tell([
      news('telemetry', 1, 'seen', { version: 'build-77', attributes: { commit: COMMIT.slice(0, 10) } }),
    ])
    const told = tell(
      [news('github', 0, 'in_progress', { version: 'main', attributes: { commit: COMMIT } })],
      known,
    )
    expect(told).toHaveLength(1)
    expect(told[0]?.version).toBe('build-77')
  })
})

describe('different deployments', () => {
  it.each([
    ['another version', news('github', 3, 'succeeded', { version: '2.8.0', deployment: 'github:2' })],
    [
      'the same version, by the same sender, under another id',
      news('github', 3, 'succeeded', { deployment: 'github:2' }),
    ],
    ['the same version an hour later', news('gitlab', 75, 'succeeded')],
    ['another start that a pipeline names', news('api', 3, 'succeeded', { startedAt: at(3) })],
  ])('%s', (_, other) => {
    const first = news('github', 0, 'succeeded')
    const named = news('api', 0, 'succeeded', { startedAt: at(0) })
    expect(tell([first, named, other])).toHaveLength(2)
  })

  it('never meet across services or environments, which are read apart', () => {
    expect(mergeNews([], news('github', 0, 'succeeded')).deployment.previousVersion).toBeNull()
  })
})

describe('a pipeline that has no ids', () => {
  it('tells start and end of one, and a retry is no other', () => {
    const told = tell([
      news('api', 0, 'in_progress', { id: 'in_progress' }),
      news('api', 5, 'in_progress', { id: 'in_progress' }),
      news('api', 12, 'succeeded', { id: 'succeeded', attributes: { commit: 'abc' } }),
    ])
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ startedAt: at(0), status: 'succeeded', attributes: { commit: 'abc' } })
  })

  it('fixes the start, also against earlier sights and later telling', () => {
    const told = tell([
      seen,
      news('api', 10, 'succeeded', { startedAt: at(1) }),
      news('argocd', 6, 'succeeded'),
    ])
    expect(told).toMatchObject([{ startedAt: at(1) }])
  })
})

describe('a start that is told days after telemetry showed the version', () => {
  const days = 1440
  const told = news('api', 5, 'succeeded', { startedAt: at(-3 * days) })

  it('is that of the deployment that telemetry showed', () => {
    const [only, ...others] = tell([seen, told])
    expect(others).toEqual([])
    expect(only).toMatchObject({ startedAt: at(-3 * days), source: 'api', status: 'succeeded' })
    expect(only?.id).toBe(tell([seen])[0]?.id)
    expect(tell([seen, told, told])).toHaveLength(1)
  })

  it.each([
    ['another version was deployed between', [news('api', -days, 'succeeded', { version: '2.6.9' }), seen]],
    [
      'that one was told already',
      [seen, news('github', 6, 'succeeded'), news('api', 7, 'succeeded', { startedAt: at(4) })],
    ],
    ['telemetry is older than the start', [news('telemetry', -4 * days, 'seen', { id: 'seen' })]],
  ])('is another one where %s', (_, known) => {
    expect(tell([...known, told]).filter(({ version }) => version === '2.7.0')).toHaveLength(2)
  })
})

describe('a rollback', () => {
  const older = news('github', -600, 'succeeded', { version: '2.6.0', deployment: 'github:0' })
  const newer = news('github', 0, 'succeeded')
  const back = news('github', 20, 'in_progress', { version: '2.6.0', deployment: 'github:2' })
  const backDone = news('github', 22, 'succeeded', { version: '2.6.0', deployment: 'github:2' })

  it('told as a deployment of the older version marks what it undid, once it has succeeded', () => {
    const begun = tell([older, newer, back])
    expect(begun.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'in_progress'])
    const done = tell([older, newer, back, backDone, backDone])
    expect(done.map(({ version, status }) => [version, status])).toEqual([
      ['2.6.0', 'succeeded'],
      ['2.7.0', 'rolled_back'],
      ['2.6.0', 'succeeded'],
    ])
    expect(done[2]?.attributes).toMatchObject({ rollback: 'true', rolledBack: '2.7.0' })
  })

  it('may come soon after the older version was deployed: done, another begun, and told again', () => {
    const quick = [
      news('api', 0, 'succeeded', { version: '2.6.0' }),
      news('api', 8, 'succeeded', { version: '2.7.0' }),
      news('api', 12, 'in_progress', { version: '2.6.0' }),
      news('api', 14, 'succeeded', { version: '2.6.0' }),
    ]
    const all = tell(quick)
    expect(all.map(({ version, status }) => [version, status])).toEqual([
      ['2.6.0', 'succeeded'],
      ['2.7.0', 'rolled_back'],
      ['2.6.0', 'succeeded'],
    ])
    expect(all[2]).toMatchObject({ startedAt: at(12), attributes: { rollback: 'true', rolledBack: '2.7.0' } })
    // Of another pipeline, whose end is told late while the next one has begun, it is still the end.
    const late = tell([...quick.slice(0, 2), news('argocd', 9, 'succeeded', { version: '2.6.0' })])
    expect(late).toHaveLength(2)
  })

  it('stays, whatever late news of the deployment that it undid come in', () => {
    const late = news('argocd', 3, 'succeeded')
    expect(tell([older, newer, backDone, late])[1]?.status).toBe('rolled_back')
  })

  it('is one if the sender says so, also to a version that nobody knew', () => {
    const said = news('cdevents', 20, 'succeeded', { version: '2.5.9', isRollback: true })
    expect(tell([newer, said])[0]?.status).toBe('rolled_back')
  })
})

describe('the same version', () => {
  it.each([
    ['2.7.0', 'v2.7.0', true],
    [COMMIT, COMMIT.slice(0, 7), true],
    [COMMIT, COMMIT.slice(0, 6), false],
    ['20241125', '202411251', false],
    ['2.7.0', '2.7.0-rc1', false],
    ['video', 'ideo', false],
  ])('%s and %s: %s', (a, b, same) => {
    expect([isSameVersion(a, b), isSameVersion(b, a)]).toEqual([same, same])
  })
})
