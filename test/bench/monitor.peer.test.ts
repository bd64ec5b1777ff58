import { expect, it } from 'vitest'
import { measureKills } from './monitor-kills.ts'
import { measurePages } from './monitor-pages.ts'

// Short forms of `npm run bench:monitor`, for machines that do other things as well: that it happens, and how often; the bench has how soon.
const silent = () => {}

it('tells of an incident once, and of its end once, although Postflight is killed in the middle', {
  timeout: 1_200_000,
}, async () => {
  expect(await measureKills(2, 20, silent)).toMatchObject({ pages: 1, resolves: 1 })
})

it('tells of five times and of twice as many failures', { timeout: 900_000 }, async () => {
  const { medianX5, medianX2 } = await measurePages(1, 20, silent)
  expect(medianX5).toBeLessThan(240)
  expect(medianX2).toBeLessThan(480)
})
