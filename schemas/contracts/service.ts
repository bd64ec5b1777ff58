import { z } from 'zod'
import { dimensionRestSchema } from './dimension-rest.ts'
import { historyRestSchema } from './history-rest.ts'
import { instant } from './instant.ts'
import { deploymentSummarySchema } from './release.ts'

/** A service in one environment: when it was seen last and its newest deployment. */
export const serviceEnvironmentSchema = z.object({
  environment: z.string(),
  /** Last hour with telemetry. */
  lastSeen: instant.nullable(),
  /** Versions with telemetry in the last hour that has any. */
  versions: z.array(z.string()),
  /** The newest deployment; null where none is known. */
  latest: deploymentSummarySchema.nullable(),
})

export const serviceSchema = z.object({
  service: z.string(),
  environments: z.array(serviceEnvironmentSchema),
})
/** One service, with what is not told apart of it. */
export const oneServiceSchema = serviceSchema.extend({
  rests: z.array(dimensionRestSchema),
  historyRests: z.array(historyRestSchema),
})
export type Service = z.infer<typeof serviceSchema>
