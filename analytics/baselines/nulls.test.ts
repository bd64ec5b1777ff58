import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quietMoments } from './nulls.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const FIRST = Date.UTC(2026, 0, 5)

describe('quiet moments', () => {
  const times = fc.array(
    fc.integer({ min: 0, max: 42 * DAY }).map((offset) => FIRST + offset),
    { maxLength: 12 },
  )
  it('keep away from deployments and alerts, and lie inside what was seen', () => {
    fc.assert(
      fc.property(times, times, (starts, alerts) => {
        const deployments = [...starts].sort((a, b) => a - b)
        const excluded = alerts.map((from) => ({ from, to: from + 3 * HOUR }))
        const watch = 2 * HOUR
        const last = FIRST + 42 * DAY
        const moments = quietMoments({
          first: FIRST,
          last,
          watch,
          beforeMinutes: 1440,
          deployments,
          excluded,
        })
        for (const { at, previous } of moments) {
          expect(at - watch).toBeGreaterThanOrEqual(FIRST)
          expect(at + watch).toBeLessThanOrEqual(last)
          expect(deployments.filter((start) => start > at - watch && start < at + watch)).toEqual([])
          expect(excluded.filter(({ from, to }) => from < at + watch && to > at)).toEqual([])
          expect(previous).toBe(deployments.findLast((start) => start < at))
        }
      }),
    )
  })

  it('go round the clock', () => {
    const moments = quietMoments({
      first: FIRST,
      last: FIRST + 42 * DAY,
      watch: 2 * HOUR,
      beforeMinutes: 1440,
      deployments: [],
      excluded: [],
    })
    expect(new Set(moments.map(({ at }) => (at / HOUR) % 24)).size).toBe(24)
  })
})
