import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOUR, hoursOf, plan, type Span } from './plan.ts'

const DAY = 24 * HOUR
const hours = (...rows: [hour: number, rows: number][]) => new Map(rows.map(([at, n]) => [at * HOUR, n]))

describe('what is still to be counted', () => {
  it('is joined to days, and cut where rows are many and where the view goes on', () => {
    const range = { from: 0, to: 26 * HOUR + 1800 }
    expect(plan(hours([22, 5], [23, 5], [24, 5], [25, 900_000], [26, 7]), [], range)).toEqual([
      { from: 22 * HOUR, to: 24 * HOUR, rows: 10 },
      { from: 24 * HOUR, to: 26 * HOUR, rows: 900_005 },
      { from: 26 * HOUR, to: 26 * HOUR + 1800, rows: 7 },
    ])
    expect(plan(hours([0, 600_000], [1, 600_000]), [], range).map(({ to }) => to)).toEqual([HOUR, 2 * HOUR])
  })

  it('is a span again that got more rows, and not one whose rows are gone for their age', () => {
    const done = [
      { from: 0, to: 2 * HOUR, rows: 10 },
      { from: 2 * HOUR, to: 3 * HOUR, rows: 10 },
    ]
    expect(plan(hours([0, 5], [1, 6], [2, 9]), done, { from: 0, to: DAY })).toEqual([
      { from: 0, to: 2 * HOUR, rows: 11 },
    ])
  })

  it('is, again, every span that still has rows', () => {
    const done = [
      { from: 0, to: 2 * HOUR, rows: 10 },
      { from: 2 * HOUR, to: 3 * HOUR, rows: 10 },
    ]
    expect(plan(hours([0, 5], [1, 5], [4, 1]), done, { from: 0, to: DAY }, true)).toEqual([
      { from: 0, to: 2 * HOUR, rows: 10 },
      { from: 4 * HOUR, to: 5 * HOUR, rows: 1 },
    ])
  })

  it('is each hour once, however often it is stopped', () => {
    const some = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 })
    fc.assert(
      fc.property(
        some,
        fc.integer({ min: 1, max: 61 * HOUR }),
        fc.infiniteStream(fc.nat(5)),
        (list, end, stops) => {
          const to = Math.floor(end / 60) * 60
          const rows = new Map(list.sort((a, b) => a - b).map((hour) => [hour * HOUR, 300_000]))
          const done: Span[] = []
          for (;;) {
            const left = plan(rows, done, { from: 0, to })
            if (left.length === 0) break
            done.push(...left.slice(0, 1 + (stops.next().value ?? 0)))
          }
          const counted = done.flatMap(hoursOf).sort((a, b) => a - b)
          expect(counted).toEqual([...rows.keys()].filter((hour) => hour < to))
          for (const span of done) expect(span.to).toBeLessThanOrEqual(to)
        },
      ),
    )
  })
})
