import { expect, it } from 'vitest'
import { judgeWorld } from './system.ts'

it('finds what was planted in a small world, and blames nothing else', { timeout: 400_000 }, async () => {
  const judged = await judgeWorld(7, 1, 6, () => {})
  expect(judged).toHaveLength(6)
  // Seed 7: looked at once, when the test was written; what is planted is in the plan.
  const worse = judged.filter(({ truth }) => truth === 'worse')
  expect(worse.length).toBeGreaterThan(0)
  expect(worse.filter(({ found }) => !found)).toEqual([])
  expect(judged.filter(({ falseWords }) => falseWords > 0)).toEqual([])
})
