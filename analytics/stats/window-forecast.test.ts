import { describe, expect, it } from 'vitest'
import { normalDraw } from './normal-draw.ts'
import { seededRandom } from './random.ts'
import { forecastTail, forecastWindow } from './window-forecast.ts'
import { windowLocations } from './window-locations.ts'

const DAY = 96
const WINDOW = 8

/** A season of the day, slow drift and noise on the log scale, with a spike now and then. */
function made(days: number, seed: number): Float64Array {
  const random = seededRandom(seed)
  const normal = (): number => normalDraw(random)
  const phase = 2 * Math.PI * random()
  let drift = 0
  return Float64Array.from({ length: days * DAY + WINDOW }, (_, i) => {
    drift = 0.9 * drift + 0.03 * normal()
    const spike = random() < 0.01 ? 5 : 1
    return 50 * spike * Math.exp(0.4 * Math.sin((2 * Math.PI * i) / DAY + phase) + drift + 0.05 * normal())
  })
}

function pValue(series: Float64Array, factor = 1): number {
  const release = series.length - WINDOW
  const forecast = forecastWindow({ levels: series.slice(0, release), day: DAY }, WINDOW, 0)
  if (forecast === undefined) return 1
  const after = series.slice(release).map((value) => forecast.scale.of(value * factor))
  return 2 * forecastTail(forecast, (windowLocations(after, WINDOW)[0] as number) - forecast.expected)
}

describe('forecasts of windows', () => {
  it('are off by as much as they say, and see a change of half through a season twice as large', () => {
    let alarms = 0
    let found = 0
    for (let seed = 0; seed < 80; seed++) {
      const series = made(10, seed)
      if (pValue(series) <= 0.01) alarms += 1
      if (pValue(series, 1.5) <= 0.01) found += 1
    }
    // 80 at 1 %: more than 4 has a probability below 1 in 500.
    expect(alarms).toBeLessThanOrEqual(4)
    expect(found).toBeGreaterThan(70)
  })

  it('do not depend on the unit', () => {
    const series = made(6, 1)
    expect(
      pValue(
        series.map((value) => value * 1000),
        1.1,
      ),
    ).toBeCloseTo(pValue(series, 1.1), 6)
  })

  it('need a past: a day and a half gives one, a few windows do not', () => {
    expect(forecastWindow({ levels: made(1.5, 2), day: DAY }, WINDOW, 0)).toBeDefined()
    expect(forecastWindow({ levels: made(10, 2).slice(0, 5 * WINDOW), day: DAY }, WINDOW, 0)).toBeUndefined()
  })

  it('take no placebo across another release', () => {
    const levels = made(10, 3)
    const half = levels.length / 2
    // A release doubled the level: as a placebo it would be the largest move ever seen.
    const moved = levels.map((value, i) => (i < half ? value : value * 20))
    const plain = forecastWindow({ levels: moved, day: DAY }, WINDOW, 0)
    const told = forecastWindow({ levels: moved, day: DAY, releases: [half] }, WINDOW, 0)
    expect(told?.placebos).toBeLessThan(plain?.placebos ?? 0)
    expect(forecastTail(told as never, 1)).toBeLessThan(forecastTail(plain as never, 1))
  })

  it('claim little where hardly anything ever moved, and nothing from nothing', () => {
    const still = new Float64Array(10 * DAY).fill(7)
    const forecast = forecastWindow({ levels: still, day: DAY }, WINDOW, 0)
    expect(forecastTail(forecast as never, 0)).toBe(0.5)
    // One in so many placebos is all that can be known.
    expect(forecastTail(forecast as never, 1)).toBeGreaterThan(1e-6)
    expect(forecastTail(forecast as never, 1)).toBeLessThan(0.01)
  })

  it('bear gaps, zeros and negative levels', () => {
    const levels = made(10, 4).map((value, i) => (i % 7 === 0 ? Number.NaN : i % 5 === 0 ? 0 : value - 60))
    const forecast = forecastWindow({ levels, day: DAY }, WINDOW, 1)
    expect(Number.isFinite(forecast?.expected)).toBe(true)
    expect(forecast?.error).toBeGreaterThan(0)
  })
})
