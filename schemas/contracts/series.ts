import { z } from 'zod'
import { SIGNAL_KINDS } from '../signals/signal.ts'
import { instant } from './instant.ts'

/** One curve: a statistic of the signal on one version. */
export const seriesLineSchema = z.object({
  version: z.string(),
  /** How the version stands to the deployment. */
  role: z.enum(['before', 'after', 'other']),
  /** `value`: a rate, a share or the mean of a gauge; quantiles for distributions. */
  statistic: z.enum(['value', 'p50', 'p95', 'p99']),
  /** As many as `times`, in the signal's unit; null where the version has no data. */
  values: z.array(z.number().nullable()),
})

export type SeriesLine = z.infer<typeof seriesLineSchema>

/** A signal around a deployment, on each version that served. */
export const seriesSchema = z.object({
  deploymentId: z.string(),
  signal: z.string(),
  title: z.string(),
  unit: z.string(),
  kind: z.enum(SIGNAL_KINDS),
  /** '' = the service as a whole. */
  dimension: z.string(),
  deployedAt: instant,
  from: instant,
  to: instant,
  /** Width of a step in seconds. */
  step: z.number(),
  /** Start of each step, seconds since the epoch, rising. */
  times: z.array(z.number()),
  lines: z.array(seriesLineSchema),
})
export type Series = z.infer<typeof seriesSchema>
