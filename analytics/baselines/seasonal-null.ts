import type { SeasonalNull } from '../compare/comparison.ts'
import { calibrate } from '../stats/placebo.ts'
import type { Season } from '../stats/season.ts'

/** What quiet moments say of a comparison that has its after at this moment. @param at seconds since the epoch */
export function seasonalNullAt(season: Season, at: number): SeasonalNull {
  const { effect, variance } = season.expected(at)
  return {
    shift: {
      shift: effect,
      variance: variance + season.variance,
      degreesOfFreedom: season.degreesOfFreedom,
      count: season.count,
    },
    evident: season.evident,
    calibration: calibrate(season.residuals),
  }
}
