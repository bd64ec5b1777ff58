import { expect, test } from 'vitest'
import { normalDraw } from '../../analytics/stats/normal-draw.ts'
import { seededRandom } from '../../analytics/stats/random.ts'
import { changePoints } from '../../analytics/trends/change-points.ts'
import { covering, f1 } from './change-point-scores.ts'
import { binarySegmentation, optimalPartition } from './peers/mean-changes.ts'

test('covering and F1 by hand', () => {
  // One person saw a change in the middle, one none: the whole covers (1/2, 1) of their segments.
  expect(covering([[50], []], [], 100)).toBeCloseTo((0.5 + 1) / 2)
  expect(covering([[50]], [50], 100)).toBe(1)
  expect(covering([[50]], [25], 100)).toBeCloseTo(0.5 * 0.5 + 0.5 * (50 / 75))
  // Found none: the start alone is right; recall is 1/2 and 1.
  expect(f1([[50], []], [])).toBeCloseTo((2 * 0.75) / 1.75)
  expect(f1([[50]], [55])).toBe(1)
  // Six away is a miss, and of two points near one truth only one counts.
  expect(f1([[50]], [56])).toBeCloseTo(0.5)
  expect(f1([[50]], [48, 52])).toBeCloseTo((2 * (2 / 3)) / (5 / 3))
})

test('on made series of levels, slopes, seasons, spikes and dependent noise, the default beats changes of the mean', () => {
  const random = seededRandom(8)
  const normal = () => normalDraw(random)
  const totals = { ours: [0, 0], binseg: [0, 0], pelt: [0, 0] }
  const runs = 60
  for (let run = 0; run < runs; run++) {
    const n = [25, 60, 120, 240][run % 4] as number
    const truth = [[], [0.4], [0.3, 0.7]][run % 3]?.map((share) => Math.round(share * n)) as number[]
    const slopes = run % 5 < 2
    let memory = 0
    let level = 0
    let slope = slopes ? 0.05 : 0
    const series = Float64Array.from({ length: n }, (_, i) => {
      if (truth.includes(i)) {
        if (slopes) slope = -slope * 1.5
        else level += (random() < 0.5 ? -1 : 1) * 3
      }
      level += slopes ? slope * (100 / n) * 3 : 0
      memory = 0.3 * memory + normal()
      const season = run % 6 === 0 ? 2 * Math.sin((2 * Math.PI * i) / 7) : 0
      return level + memory + season + (random() < 0.01 ? 15 : 0)
    })
    const found = {
      ours: changePoints([series], { random }).changes.map(({ index }) => index),
      binseg: binarySegmentation([series]),
      pelt: optimalPartition([series]),
    }
    for (const name of ['ours', 'binseg', 'pelt'] as const) {
      const total = totals[name] as [number, number]
      total[0] += covering([truth], found[name], n) / runs
      total[1] += f1([truth], found[name]) / runs
    }
  }
  for (const peer of [totals.binseg, totals.pelt]) {
    expect(totals.ours[0]).toBeGreaterThan(peer[0] as number)
    expect(totals.ours[1]).toBeGreaterThan(peer[1] as number)
  }
  expect(totals.ours[0]).toBeGreaterThan(0.8)
})
