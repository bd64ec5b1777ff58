import { describe, expect, it } from 'vitest'
import { BUILT_IN_SIGNALS } from '../../schemas/signals/signals.ts'
import { decisionOf, isSoundAtEnd } from './decision.ts'
import { halfAtAllLooks, halfAtOneLook, ratioBounds, type SeriesStanding } from './series-watch.ts'

/** Events of so many requests, or of so many minutes, where before there were `before` of one. */
function decided(id: string, value: number, size: number, before: number) {
  const signal = BUILT_IN_SIGNALS.find((one) => one.id === id)
  if (signal === undefined) throw new Error(`no signal ${id}`)
  const after = value / size
  const variance = 0.01 + 1 / (value + 0.5)
  const standing: SeriesStanding = { logE: -1, since: 0, before, after, variance, value, size, none: false }
  const bounds = (half: number) => ratioBounds(before, after, half)
  const interval = bounds(halfAtAllLooks(variance))
  return {
    now: decisionOf(signal, -1, 0.1, 0.001, interval, standing, 3600).decided,
    atEnd: isSoundAtEnd(signal, bounds(halfAtOneLook(variance)), standing),
  }
}

describe('what a watch has shown to be no worse', () => {
  it('is not what never failed in a few requests', () => {
    expect(decided('errors.server', 0, 3, 0.004)).toEqual({ now: 'open', atEnd: false })
    expect(decided('errors.server', 0, 300, 0.0002)).toEqual({ now: 'open', atEnd: false })
    expect(decided('errors.server', 2, 30_000, 0.0002)).toEqual({ now: 'not_worse', atEnd: true })
    expect(decided('errors.server', 0, 10_000, 0.0002)).toEqual({ now: 'not_worse', atEnd: true })
  })

  it('is not traffic of which a tenth is left', () => {
    expect(decided('traffic.requests', 600, 60, 100)).toEqual({ now: 'open', atEnd: false })
    expect(decided('traffic.requests', 6_000, 60, 100)).toEqual({ now: 'not_worse', atEnd: true })
    // More of it is no harm.
    expect(decided('traffic.requests', 60_000, 60, 100)).toEqual({ now: 'not_worse', atEnd: true })
  })
})
