import { z } from 'zod'
import { SIGNAL_KINDS } from '../signals/signal.ts'
import { instant } from './instant.ts'
import { DEPLOYMENT_STATES, VERDICT_WORDS } from './report.ts'

/** A signal over the deployments of a service, oldest first: one point a deployment, from its stored verdict. */
export const trendSchema = z.object({
  service: z.string(),
  environment: z.string(),
  signal: z.string(),
  title: z.string(),
  unit: z.string(),
  kind: z.enum(SIGNAL_KINDS),
  dimension: z.string(),
  points: z.array(
    z.object({
      deploymentId: z.string(),
      version: z.string(),
      startedAt: instant,
      state: z.enum(DEPLOYMENT_STATES).nullable(),
      word: z.enum(VERDICT_WORDS),
      /** Of the after window, in the signal's unit. */
      value: z.number().nullable(),
      /** Interval of `value`. */
      low: z.number().nullable(),
      high: z.number().nullable(),
      before: z.number().nullable(),
      /** Events or samples behind `value`. */
      count: z.number(),
      provisional: z.boolean(),
    }),
  ),
})
export type Trend = z.infer<typeof trendSchema>
