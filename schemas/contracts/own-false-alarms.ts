import { z } from 'zod'
import { SIGNAL_KINDS } from '../signals/signal.ts'

const shareSchema = z.object({
  /** The p below which a comparison counts as an alarm, two-sided. */
  nominal: z.number(),
  /** Share of quiet comparisons below it, 0 to 1. */
  share: z.number(),
  /** One-sided 95 % upper limit, by a bootstrap over moments. */
  upper95: z.number(),
})

/** How often a service's comparisons alarm where nothing was released. */
export const ownFalseAlarmsSchema = z.object({
  service: z.string(),
  environment: z.string(),
  /** Moments of the last six weeks at which nothing was released, and comparisons made there. */
  moments: z.number(),
  comparisons: z.number(),
  all: z.array(shareSchema),
  signals: z.array(
    z.object({
      signal: z.string(),
      title: z.string(),
      kind: z.enum(SIGNAL_KINDS),
      comparisons: z.number(),
      /** Of them by a forecast from the series' own weeks, as a report would have made them; the others by the model. */
      forecasts: z.number(),
      /** Median of the ratio that a comparison would have seen with probability 0.8 at 1 %; null where the scale is not a ratio's. */
      smallestSeen: z.number().nullable(),
      rates: z.array(shareSchema),
    }),
  ),
})
export type OwnFalseAlarms = z.infer<typeof ownFalseAlarmsSchema>
