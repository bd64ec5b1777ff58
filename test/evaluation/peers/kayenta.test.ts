import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { normalUpperQuantile } from '../../../analytics/stats/normal.ts'
import { classifierScore, KAYENTA_DEFAULTS, shiftEstimate, standardised } from './kayenta.ts'

const cases = JSON.parse(
  readFileSync(new URL('../reference/mann-whitney.json', import.meta.url), 'utf8'),
) as readonly (Record<'control' | 'experiment', number[]> &
  Record<'z' | 'estimate' | 'low' | 'high', number>)[]

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort()
const OPTIONS = { ...KAYENTA_DEFAULTS, outliers: 'keep' } as const

describe('the canary judge', () => {
  test.each(cases)('has the statistic and the shift of another implementation (%#)', (one) => {
    const [control, experiment] = [sorted(one.control), sorted(one.experiment)]
    expect(standardised(control, experiment, 0)).toBeCloseTo(one.z, 10)
    expect(shiftEstimate(control, experiment)).toBeCloseTo(one.estimate, 6)
  })

  test.each(cases)('fires exactly where the 98 % interval lies beyond a quarter of the shift (%#)', (one) => {
    const bound = 0.25 * Math.abs(one.estimate)
    const fires = one.low > bound || one.high < -bound
    const score = classifierScore(sorted(one.control), sorted(one.experiment), OPTIONS)
    expect(score > normalUpperQuantile(0.01)).toBe(fires)
  })

  test('passes equal data, and asks for the allowed effect', () => {
    const control = Float64Array.of(1, 2, 3, 4, 5, 6)
    expect(classifierScore(control, control, OPTIONS)).toBe(0)
    const experiment = control.map((value) => value + 10)
    expect(classifierScore(control, experiment, OPTIONS)).toBeGreaterThan(2.33)
    expect(classifierScore(control, experiment, { ...OPTIONS, allowedIncrease: 5 })).toBe(0)
  })
})
