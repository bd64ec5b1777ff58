import { z } from 'zod'
import { CRITICALITIES, SIGNAL_KINDS } from '../signals/signal.ts'
import { instant } from './instant.ts'

/** The smallest change that would be seen with probability `power`, as a ratio above 1; null: none could be. */
const detectable = z.number().nullable()

/**
 * What a release of a service can be told by: for each signal, how long a watch window or how large a canary it takes to see a change. From the service's own newest quiet
 * days, by the very comparison that a report makes.
 */
export const watchPlanSchema = z.object({
  service: z.string(),
  environment: z.string(),
  computedAt: instant,
  /** The change that is asked about, as a ratio above 1; null: each signal's own smallest effect that matters. */
  change: z.number().nullable(),
  power: z.number(),
  /** Error of one signal's comparison, two-sided. */
  alpha: z.number(),
  /** Minutes of the service's watch window as set. */
  watchMinutes: z.number(),
  /** Pretended releases that each figure is the median of, by window in minutes. */
  moments: z.record(z.string(), z.number()),
  signals: z.array(
    z.object({
      signal: z.string(),
      title: z.string(),
      kind: z.enum(SIGNAL_KINDS),
      criticality: z.enum(CRITICALITIES),
      dimension: z.string(),
      /** The ratio that `minutes` and `canaryShare` are for. */
      change: z.number(),
      /** Shortest of the windows looked at in which it would be seen, before against after; null: none of them. */
      minutes: z.number().nullable(),
      /** Smallest of the shares looked at with which it would be seen side by side, within the watch window; null: none of them, or not known (gauges). */
      canaryShare: z.number().nullable(),
      /** By window in minutes: what would be seen before against after. */
      detectable: z.record(z.string(), detectable),
      /** By share of traffic: what would be seen side by side within the watch window. */
      detectableBeside: z.record(z.string(), detectable),
    }),
  ),
  notes: z.array(z.string()),
})
export type WatchPlan = z.infer<typeof watchPlanSchema>
