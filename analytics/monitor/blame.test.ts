import { describe, expect, it } from 'vitest'
import { seededRandom } from '../stats/random.ts'
import { type BlameInput, blameOf, type Place } from './blame.ts'

const SINCE = 1_800_000_000
const NOW = SINCE + 600

/** Two hours before and ten minutes since, 1,000 requests a minute. */
function place(kind: Place['kind'], before: number, after: number, more: Partial<Place> = {}): Place {
  const random = seededRandom(Math.round(1e6 * after) + 3)
  const failed = Array.from({ length: 130 }, (_, i) => {
    const time = SINCE - 7200 + 60 * i
    const mean = 1000 * (time < SINCE ? before : after)
    return { time, events: Math.round(mean + Math.sqrt(mean) * (2 * random() - 1)), exposure: 1000 }
  })
  return {
    kind,
    name: `the ${kind}`,
    failed,
    slow: [],
    levels: new Map(),
    deployment: null,
    loadedByRelease: false,
    ...more,
  }
}

const input = (places: readonly Place[], more: Partial<BlameInput> = {}): BlameInput => ({
  service: 'checkout',
  version: '2',
  startedAt: SINCE - 60,
  now: NOW,
  lead: { signal: 'errors.server', kind: 'ratio', ratio: 5, since: SINCE },
  places,
  deployments: [],
  ...more,
})

describe('the blame', () => {
  it('is the release’s where nothing else has changed', () => {
    const quiet = (['old version', 'callee', 'neighbour', 'host'] as const).map((kind) =>
      place(kind, 0.01, 0.01),
    )
    expect(blameOf(input(quiet))).toMatchObject({
      of: 'release',
      summary: expect.stringContaining('does not show it'),
    })
  })

  it.each(['old version', 'callee', 'neighbour', 'dependency'] as const)(
    'is elsewhere where the %s shows it too',
    (kind) => {
      expect(blameOf(input([place(kind, 0.01, 0.05)]))).toMatchObject({
        of: 'elsewhere',
        summary: expect.stringContaining('probably not this release'),
      })
    },
  )

  it('is elsewhere where a host has become busy, by its gauges', () => {
    const levels = Array.from({ length: 130 }, (_, i) => ({
      time: SINCE - 7200 + 60 * i,
      mean: (i < 120 ? 0.3 : 0.9) + 0.01 * (i % 3),
    }))
    const host = place('host', 0, 0, { failed: [], levels: new Map([['CPU of the host', levels]]) })
    expect(blameOf(input([host])).summary).toMatch(
      /the host the host got worse in the same minutes \(CPU of the host up \d/,
    )
  })

  it('stays with the release where it asks more of what has become worse', () => {
    expect(blameOf(input([place('callee', 0.01, 0.05, { loadedByRelease: true })]))).toMatchObject({
      of: 'release',
    })
  })

  it('is elsewhere where a single instance has all of it', () => {
    const instances = [0.19, 0.01, 0.01, 0.01].map((share, i) =>
      place('instance', 0.01, share, { name: `pod-${i}` }),
    )
    expect(blameOf(input(instances)).summary).toContain('only instance pod-0')
    const nameless = instances.map((one) => (one.name === 'pod-0' ? { ...one, name: '(other)' } : one))
    expect(blameOf(input(nameless)).of).toBe('release')
    const rest = place('instance', 0.01, 0.12, { name: '(other)' })
    expect(blameOf(input([...instances, rest])).of).toBe('release')
    const all = [0.06, 0.05, 0.05].map((share, i) => place('instance', 0.01, share, { name: `pod-${i}` }))
    expect(blameOf(input(all)).of).toBe('release')
  })

  it('is shared with another deployment of the same window, which is likelier if it is nearer, is called, and is worse itself', () => {
    const stock = {
      id: 'x',
      service: 'stock',
      version: '7',
      startedAt: SINCE - 30,
      relation: 'callee' as const,
    }
    const worse = place('callee', 0.01, 0.05, { name: 'stock', deployment: stock })
    const late = { startedAt: SINCE - 3600, deployments: [stock] }
    expect(blameOf(input([worse], late))).toMatchObject({
      of: 'shared',
      likelier: { service: 'stock', version: '7' },
    })
    expect(
      blameOf(input([], { deployments: [{ ...stock, startedAt: SINCE - 1200, relation: 'callee' }] })),
    ).toMatchObject({ of: 'release' })
    expect(
      blameOf(input([place('callee', 0.01, 0.01)], { deployments: [{ ...stock, startedAt: SINCE - 200 }] })),
    ).toMatchObject({ of: 'shared', likelier: null })
    // What began before a deployment is not its doing.
    expect(blameOf(input([], { deployments: [{ ...stock, startedAt: SINCE + 300 }] }))).toMatchObject({
      of: 'release',
    })
  })
})
