import { expect, it } from 'vitest'
import { coverageOf, WORLDS } from './coverage.ts'

it('intervals hold the truth as often as they say, also where minutes depend on each other', () => {
  const worlds = WORLDS.filter(
    ({ kind, mean, memory }) => [0, 0.6].includes(memory) && mean > 2 && (kind !== 'rate' || mean === 3),
  )
  expect(new Set(worlds.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(3)
  for (const world of worlds) {
    const row = coverageOf(world, 'side-by-side', 60, 11)
    // Of 60 intervals of 95 %, 51 or fewer hold the truth in less than one of 10,000 sets.
    expect(row.coverage['95'], JSON.stringify(world)).toBeGreaterThan(0.85)
    expect(row.decided).toBe(1)
  }
})
