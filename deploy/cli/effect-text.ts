import { difference, factor, quantity, range } from '../../analytics/jobs/words.ts'
import type { Verdict } from '../../schemas/contracts/report.ts'

/** `212 ms`; that a rate is per request, the signal's title says, and a column has no room for it. */
export function amount(value: number | null, unit: string): string {
  return value === null ? '-' : short(quantity(value, unit))
}

/** `2.1x (1.4x to 3.2x)`: an effect and its interval. */
export function effectText(
  of: Pick<Verdict, 'effectRatio' | 'effectDifference' | 'interval' | 'intervalOf' | 'unit'>,
): string {
  const inRatio = of.intervalOf === 'ratio'
  const written = (value: number) => (inRatio ? factor(value) : short(difference(value, of.unit)))
  const change = inRatio ? of.effectRatio : of.effectDifference
  return `${change === null ? '-' : written(change)} (${range(of.interval, of.intervalOf, written)})`
}

function short(text: string): string {
  return text.replace(/ per request$/, '')
}
