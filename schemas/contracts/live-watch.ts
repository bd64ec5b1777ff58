import { z } from 'zod'
import { alertSchema } from './alert.ts'
import { deploymentSchema } from './deployment.ts'
import { gateSchema } from './gate.ts'
import { instant } from './instant.ts'
import { markSchema } from './mark.ts'
import { DEPLOYMENT_STATES } from './report.ts'
import { watchEventSchema, watchSchema } from './watch.ts'

/** All that is known of a watch: what is decided and what is not, what happened, who was told, and what people said of it. */
export const liveWatchSchema = z.object({
  deployment: deploymentSchema,
  state: z.enum(DEPLOYMENT_STATES).nullable(),
  headline: z.string(),
  /** Null where the monitor does not watch, or has not looked yet. */
  watch: watchSchema.omit({ memory: true }).nullable(),
  /** When the report was computed; null: none yet. */
  reportedAt: instant.nullable(),
  /** Oldest first. */
  events: z.array(watchEventSchema),
  /** Newest first. */
  gates: z.array(gateSchema),
  alerts: z.array(alertSchema),
  marks: z.array(markSchema),
})
export type LiveWatch = z.infer<typeof liveWatchSchema>

/** What the stream says: enough to know that there is more to read. */
export const watchTickSchema = z.object({
  state: z.enum(DEPLOYMENT_STATES).nullable(),
  headline: z.string(),
  at: instant,
})
export type WatchTick = z.infer<typeof watchTickSchema>
