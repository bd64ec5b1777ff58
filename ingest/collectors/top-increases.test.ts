import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TopIncreases } from './top-increases.ts'

const items = (values: Record<string, number>) =>
  new Map(Object.entries(values).map(([key, value]) => [key, [value, value * 10]]))

describe('the top of many counters', () => {
  it('begins each stream at zero when it comes among the top', () => {
    const top = new TopIncreases(1)
    expect(top.round(items({ a: 100, b: 50 }), 1000)).toEqual({ top: [], all: undefined })
    expect(top.round(items({ a: 101, b: 55 }), 2000).top).toEqual([
      { key: 'b', since: 1000, entered: true, sums: [5, 50] },
      { key: undefined, since: 1000, entered: true, sums: [1, 10] },
    ])
    expect(top.round(items({ a: 101, b: 57, c: 1 }), 3000).top).toEqual([
      { key: 'b', since: 1000, entered: false, sums: [7, 70] },
      { key: undefined, since: 1000, entered: false, sums: [2, 20] },
    ])
    const last = top.round(items({ a: 201, b: 57, c: 1 }), 4000)
    expect(last.all).toEqual({ key: undefined, since: 1000, entered: false, sums: [109, 1090] })
    expect(last.top[0]).toEqual({
      key: 'a',
      since: 3000,
      entered: true,
      sums: [100, 1000],
    })
  })

  it('takes a fall for a reset', () => {
    const top = new TopIncreases(5)
    top.round(items({ a: 100 }), 0)
    expect(top.round(items({ a: 3 }), 1).top[0]?.sums).toEqual([3, 30])
  })

  it('loses nothing and counts nothing twice, whoever is among the top', () => {
    const rounds = fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(50)), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(rounds, fc.integer({ min: 1, max: 4 }), (growth, most) => {
        const top = new TopIncreases(most)
        const now: Record<string, number> = {}
        top.round(items(now), 0)
        // A stream's increase between two rounds: its sum now less its sum then, from zero where it is new.
        const seen = new Map<string, number>()
        let told = 0
        let grown = 0
        growth.forEach((more, at) => {
          for (const [key, value] of Object.entries(more)) {
            now[key] = (now[key] ?? 0) + value
            grown += value
          }
          const { top: increases, all } = top.round(items(now), at + 1)
          expect(all?.sums[0] ?? 0).toBe(grown)
          expect(increases.length).toBeLessThanOrEqual(most + 1)
          for (const { key, since, sums } of increases) {
            const stream = `${key} ${since}`
            told += (sums[0] ?? 0) - (seen.get(stream) ?? 0)
            seen.set(stream, sums[0] ?? 0)
          }
        })
        expect(told).toBe(grown)
      }),
    )
  })
})
