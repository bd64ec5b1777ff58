import { describe, expect, it } from 'vitest'
import { readTimeline } from './timeline.ts'

const MINUTE = 60
/** Presence from one minute to another, so many requests each. */
const on = (version: string, from: number, to: number, perMinute = 10) => ({
  version,
  from: from * MINUTE,
  to: to * MINUTE,
  count: (to - from) * perMinute,
})

describe('a timeline of versions', () => {
  it('has each version once when they follow each other', () => {
    const { takeovers, gone } = readTimeline([on('a', 0, 60), on('b', 60, 120)])
    expect(takeovers).toEqual([
      { version: 'a', at: 0, returned: false },
      { version: 'b', at: 3600, returned: false },
    ])
    expect([...gone.keys()]).toEqual(['a'])
  })
  it('sees a version that comes back after another served', () => {
    const { takeovers } = readTimeline([on('a', 0, 60), on('b', 60, 120), on('a', 120, 180)])
    expect(takeovers.at(-1)).toEqual({ version: 'a', at: 7200, returned: true })
  })
  it('does not take a quiet night for a return', () => {
    expect(readTimeline([on('a', 0, 60), on('a', 600, 660)]).takeovers).toHaveLength(1)
  })
  it('does not take a straggler for a return', () => {
    const { takeovers, gone } = readTimeline([on('a', 0, 60), on('b', 60, 200, 100), on('a', 130, 131, 1)])
    expect(takeovers.filter((takeover) => takeover.returned)).toEqual([])
    expect(gone.has('b')).toBe(false)
  })
  it('knows that a canary ended while the old version goes on, but not too soon', () => {
    const canary = (until: number) => readTimeline([on('a', 0, until), on('b', 30, 60)]).gone
    expect(canary(65).has('b')).toBe(false)
    expect(canary(75).get('b')?.by).toEqual(new Set(['a']))
  })
})

describe('a version that has left', () => {
  const isGone = (presences: Parameters<typeof readTimeline>[0], version = 'b') =>
    readTimeline(presences).gone.has(version)
  /** By minutes: what each version had. */
  const minutes = (counts: Readonly<Record<string, readonly number[]>>) =>
    Object.entries(counts).flatMap(([version, list]) =>
      list.flatMap((count, minute) => (count === 0 ? [] : [on(version, minute, minute + 1, count)])),
    )
  const times = (count: number, of: number) => Array.from({ length: count }, () => of)
  const quiet = (count: number) => times(count, 0)

  it('is known after two minutes where there is much traffic', () => {
    const undone = (waited: number) =>
      minutes({
        a: [...times(30, 3000), ...quiet(5), ...times(waited, 3000)],
        b: [...quiet(30), ...times(5, 3000)],
      })
    expect(isGone(undone(1))).toBe(false)
    expect(isGone(undone(2))).toBe(true)
  })

  it('is known as soon of a canary of a tenth, and by its own rate of a slow one', () => {
    const canary = (perMinute: number, waited: number) =>
      minutes({
        a: [...times(30, perMinute), ...times(10, 0.9 * perMinute), ...times(waited, perMinute)],
        b: [...quiet(30), ...times(10, 0.1 * perMinute)],
      })
    expect(isGone(canary(3000, 2))).toBe(true)
    // Two a minute, and no more than twenty of them seen.
    expect(isGone(canary(20, 2))).toBe(false)
    expect(isGone(canary(20, 10))).toBe(false)
    expect(isGone(canary(20, 90))).toBe(true)
  })

  it('is not known of one request in some minutes before there were enough without it', () => {
    const slow = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 1 : 0))
    const waited = (count: number) =>
      minutes({ a: [...slow, ...quiet(60), ...slow.slice(0, count)], b: [...quiet(60), ...slow] })
    expect(isGone(waited(7))).toBe(false)
    expect(isGone(waited(30))).toBe(true)
  })

  it('is not known of a job by the requests of one run', () => {
    const run = [...times(5, 5000), ...quiet(55)]
    const idle = quiet(60)
    // Each hour one of the two instances, whichever is free.
    const flips = (rest: number) =>
      minutes({
        a: [
          ...run,
          ...run,
          ...idle,
          ...run,
          ...idle,
          ...idle,
          ...Array.from({ length: rest }, () => run).flat(),
        ],
        b: [...idle, ...idle, ...run, ...idle, ...run, ...run],
      })
    expect(isGone(flips(1))).toBe(false)
    expect(isGone(flips(3))).toBe(false)
    expect(isGone(flips(100))).toBe(true)
  })

  it('is not told from silence of all', () => {
    const silent = minutes({
      a: [...times(30, 1500), ...times(10, 1500)],
      b: [...quiet(30), ...times(10, 1500)],
    })
    expect(isGone(silent)).toBe(false)
    // The old one's last batch, which came later.
    expect(isGone([...silent, on('a', 40, 41, 1500)])).toBe(false)
  })

  it('may be cut off alone as long as the others have no more than before', () => {
    const cut = (waited: number, rate: number) =>
      minutes({
        a: [...times(30, 3000), ...times(10, 1500), ...times(waited, rate)],
        b: [...quiet(30), ...times(10, 1500)],
      })
    expect(isGone(cut(5, 1500))).toBe(false)
    expect(isGone(cut(5, 3000))).toBe(true)
    expect(isGone(cut(12, 1500))).toBe(true)
  })

  it('may wait until users are let in', () => {
    const tried = (waited: number) =>
      minutes({
        a: [...times(30, 3000), ...times(3, 3000), ...times(waited, 3000)],
        b: [...quiet(30), ...times(3, 60)],
      })
    expect(isGone(tried(5))).toBe(false)
    expect(isGone(tried(12))).toBe(true)
  })

  it('is back when it has its share again, not by a straggler', () => {
    const again = (rate: number) =>
      readTimeline(
        minutes({
          a: [...times(30, 3000), ...times(10, 1500), ...times(4, 3000), ...times(2, 3000 - rate)],
          b: [...quiet(30), ...times(10, 1500), ...quiet(4), ...times(2, rate)],
        }),
      )
    expect(again(1500).back.get('b')).toBe(44 * MINUTE)
    expect(again(1500).gone.has('b')).toBe(false)
    expect(again(3).back.has('b')).toBe(false)
  })

  it('does not give the lead back by one request that came before the others of its minute', () => {
    const late = [
      on('a', 0, 60),
      on('b', 60, 120),
      { version: 'a', from: 120 * MINUTE, to: 120 * MINUTE + 5, count: 1 },
    ]
    expect(readTimeline(late).takeovers.filter(({ returned }) => returned)).toEqual([])
  })
})
