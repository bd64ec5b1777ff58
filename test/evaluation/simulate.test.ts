import { expect, test } from 'vitest'
import { METHODS, SHAPES, simulateDeployments, simulateMethod, simulateSeason } from './simulate.ts'

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

for (const method of ['rate', 'gauge'] as const) {
  test(`${method}: with a quiet past a season of the day neither alarms nor hides a change`, () => {
    const row = simulateSeason(method, 'diurnal', 1, RUNS, 815)
    expect(row.falsePages).toBe(0)
    // 40 runs at 1 %: more than 3 has a probability of about 1 in 1,000.
    expect(row.falseAlarms * RUNS).toBeLessThanOrEqual(3)
    expect(row.power).toBeGreaterThan(0.9)
  })
}
