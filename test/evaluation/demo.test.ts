import { expect, it } from 'vitest'
import { DEFAULT_SEED } from '../../deploy/demo/truth/plan-history.ts'
import { summarise } from './demo-judgement.ts'
import { evaluateSeed } from './demo-seed.ts'

// The newest releases of the demonstration's seed hold a new exception, an N+1 query, an improvement, fixes and quiet ones.
const DAYS = 18

it('finds what is planted in the newest weeks of the demonstration, and blames nothing else', async () => {
  const now = Math.floor(Date.now() / 60_000) * 60_000
  const { judged, strangers } = await evaluateSeed(DEFAULT_SEED, now, DAYS)
  const wrong = judged.filter((one) => one.outcome === 'missed' || one.outcome === 'false_alarm')
  expect(wrong.filter((one) => one.kind !== 'fix')).toEqual([])
  expect(strangers).toEqual([])
  const summary = summarise(judged)
  expect(summary.regressions).toBeGreaterThanOrEqual(2)
  expect(summary.improvementsFound).toBe(1)
  expect(summary.quiet).toBeGreaterThanOrEqual(4)
}, 400_000)
