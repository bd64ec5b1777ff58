import { expect, it } from 'vitest'
import { coverageOf, WORLDS } from './coverage.ts'
import { distributionRows, WORLDS as LATENCIES } from './coverage-distributions.ts'

// Of 60 intervals of 95 %, 51 or fewer hold the truth in less than one of 10,000 sets.
const LEAST = 0.85

it('intervals hold the truth as often as they say, also where minutes depend on each other', () => {
  const worlds = WORLDS.filter(
    ({ kind, mean, memory }) => [0, 0.6].includes(memory) && mean > 2 && (kind !== 'rate' || mean === 3),
  )
  expect(new Set(worlds.map(({ kind }) => kind)).size).toBe(2)
  for (const world of worlds) {
    const row = coverageOf(world, 'side-by-side', 60, 11)
    expect(row.coverage['95'], JSON.stringify(world)).toBeGreaterThan(LEAST)
    expect(row.decided).toBe(1)
  }
})

it('so do those of each quantile of a histogram, also where the tail alone wanders and where routes change their shares', () => {
  const worlds = LATENCIES.filter(
    ({ shape, mean, spread, memory }) =>
      mean === 20 && memory === 0.6 && (shape === 'level' ? spread === 0.1 : spread > 0.2),
  )
  expect(new Set(worlds.map(({ shape }) => shape)).size).toBe(4)
  for (const world of worlds) {
    const rows = distributionRows(world, 'before-after', 60, 11)
    expect(rows.map(({ statistic }) => statistic).sort()).toEqual([
      ...['geometric mean', 'p50', 'p95', 'p99', 'shown'],
    ])
    for (const row of rows) {
      expect(row.coverage['95'], JSON.stringify(row)).toBeGreaterThan(LEAST)
      expect(row.decided).toBe(1)
    }
  }
})
