import { expect, test } from 'vitest'
import { normalDraw } from '../stats/normal-draw.ts'
import { seededRandom } from '../stats/random.ts'
import { alarmRates, crossCalibrated, type QuietComparison } from './own-false-alarms.ts'

const random = seededRandom(5)
const normal = () => normalDraw(random)
const quiet = (moments: number, each: number, spread: () => number): QuietComparison[] =>
  Array.from({ length: moments }, (_, time) =>
    Array.from({ length: each }, () => ({
      signal: 'a',
      time,
      statistic: spread() * normal(),
      error: 0.1,
      forecast: null,
      reach: null,
    })),
  ).flat()

test('errors that the model takes for half of what they are do not alarm more often once calibrated', () => {
  const rows = quiet(90, 6, () => 2)
  const [five, one] = alarmRates(crossCalibrated(rows))
  expect(rows.filter(({ statistic }) => Math.abs(statistic) > 2.576).length / rows.length).toBeGreaterThan(
    0.15,
  )
  expect(five?.share).toBeLessThan(0.08)
  expect(one?.share).toBeLessThan(0.02)
  expect(one?.upper95).toBeGreaterThanOrEqual(one?.share ?? 1)
})

test('moments that are bad all together widen the limit, and no alarm is no certainty', () => {
  const together = Array.from({ length: 40 }, (_, time) =>
    Array.from({ length: 10 }, () => ({
      signal: 'a',
      time,
      statistic: 0,
      error: 1,
      forecast: null,
      reach: null,
      scale: 1,
      p: time === 3 ? 0 : 1,
    })),
  ).flat()
  const [five] = alarmRates(together)
  expect(five?.share).toBe(1 / 40)
  expect(five?.upper95).toBeGreaterThanOrEqual(2 / 40)
  const none = alarmRates(together.map((row) => ({ ...row, p: 1 })))
  expect(none[0]).toEqual({ nominal: 0.05, share: 0, upper95: 3 / 40 })
})

test('what a report compares with a forecast is judged by it, and not by the model', () => {
  const rows = quiet(90, 6, () => 2).map((row) => ({ ...row, forecast: row.statistic / 2 }))
  const judged = crossCalibrated(rows)
  expect(judged).toHaveLength(rows.length)
  expect(judged.filter(({ p }) => p <= 0.05).length / rows.length).toBeCloseTo(0.05, 1)
  const sure = crossCalibrated([{ signal: 'a', time: 0, statistic: 0, error: 1, forecast: -4, reach: 0.1 }])
  expect(sure[0]?.p).toBeCloseTo(6.334e-5, 7)
})
