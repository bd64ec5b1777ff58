import { expect, it } from 'vitest'
import { DEFAULT_SEED, HISTORY_ENVIRONMENT } from '../../deploy/demo/truth/plan-history.ts'
import { checkDashboards } from '../integration/check-dashboards.ts'
import { summarise } from './demo-judgement.ts'
import { evaluateSeed } from './demo-seed.ts'

// The newest releases of the demonstration's seed hold a new exception, an N+1 query, an improvement, fixes and quiet ones.
const DAYS = 18

it('finds what is planted in the newest weeks of the demonstration, blames nothing else, and fills the dashboards', async () => {
  const now = Math.floor(Date.now() / 60_000) * 60_000
  const { judged, strangers } = await evaluateSeed(DEFAULT_SEED, now, DAYS, async (store) => {
    const checks = await checkDashboards(store, {
      from: now - DAYS * 86_400_000,
      to: now,
      service: 'checkout',
      environment: HISTORY_ENVIRONMENT,
    })
    expect(checks.filter((check) => check.problems.length > 0)).toEqual([])
    const dashboardOf = (check: (typeof checks)[number]) => check.what.split(' / ')[0]
    const filled = new Set(checks.filter((check) => check.rows > 0).map(dashboardOf))
    // Some panels show what the shop does not send (host metrics, locks), but no dashboard may be blank.
    expect([...new Set(checks.map(dashboardOf))].filter((dashboard) => !filled.has(dashboard))).toEqual([])
  })
  const wrong = judged.filter((one) => one.outcome === 'missed' || one.outcome === 'false_alarm')
  expect(wrong.filter((one) => one.kind !== 'fix')).toEqual([])
  expect(strangers).toEqual([])
  const summary = summarise(judged)
  expect(summary.regressions).toBeGreaterThanOrEqual(2)
  expect(summary.improvementsFound).toBe(1)
  expect(summary.quiet).toBeGreaterThanOrEqual(4)
}, 400_000)
