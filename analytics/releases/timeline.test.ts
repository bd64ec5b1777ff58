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
