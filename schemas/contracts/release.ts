import { z } from 'zod'
import { DEPLOYMENT_STATUSES } from './deployment.ts'
import { instant } from './instant.ts'
import { DEPLOYMENT_STATES, reportSchema } from './report.ts'

/** What is known of a deployment at a glance: the deployment and, once there is one, its report in short. */
export const deploymentSummarySchema = z.object({
  deploymentId: z.string(),
  service: z.string(),
  environment: z.string(),
  version: z.string(),
  previousVersion: z.string().nullable(),
  startedAt: instant,
  status: z.enum(DEPLOYMENT_STATUSES),
  source: z.enum(['api', 'discovered']),
  /** null until the first report has been computed. */
  state: z.enum(DEPLOYMENT_STATES).nullable(),
  provisional: z.boolean().nullable(),
  headline: z.string().nullable(),
  counts: reportSchema.shape.counts.nullable(),
  adoption: reportSchema.shape.adoption.nullable(),
  computedAt: instant.nullable(),
})
export type DeploymentSummary = z.infer<typeof deploymentSummarySchema>

/** A version of a service and everywhere it has been deployed, newest first. */
export const releaseSchema = z.object({
  service: z.string(),
  version: z.string(),
  /** First and last minute with telemetry of this version; null where none is (or is no more). */
  firstSeen: instant.nullable(),
  lastSeen: instant.nullable(),
  deployments: z.array(deploymentSummarySchema),
})
export type Release = z.infer<typeof releaseSchema>
