import { expect, test } from 'vitest'
import { METHODS, SHAPES, simulateDeployments, simulateMethod } from './simulate.ts'

const RUNS = 40

for (const method of METHODS) {
  test(`${method}: false alarms stay within their limit on every shape of traffic`, () => {
    let alarms = 0
    let pages = 0
    for (const [s, shape] of SHAPES.entries()) {
      const row = simulateMethod(method, shape, RUNS, 4711 + s)
      alarms += row.falseAlarms * RUNS
      pages += row.falsePages * RUNS
      if (shape === 'steady') expect(row.power).toBeGreaterThan(0.9)
    }
    // 160 runs at 1 %: more than 6 has a probability below 1 in 1,000.
    expect(alarms).toBeLessThanOrEqual(6)
    expect(pages).toBe(0)
  })
}

test('quiet deployments are not called regressed', () => {
  const result = simulateDeployments(15, 60, 99)
  expect(result.calledRegressed).toBe(0)
})
