import { z } from 'zod'
import { instant } from './instant.ts'

export const DEPLOYMENT_STATUSES = ['in_progress', 'succeeded', 'failed', 'rolled_back'] as const

const name = z.string().trim().min(1).max(200)

/** What a pipeline tells: `POST /api/v1/deployments`. A `version` is the user's string; it is never normalised. */
export const newDeploymentSchema = z.strictObject({
  service: name,
  environment: name.default('default'),
  version: z.string().min(1).max(200),
  /** Default: now. */
  startedAt: instant.optional(),
  finishedAt: instant.optional(),
  status: z.enum(DEPLOYMENT_STATUSES).default('succeeded'),
  /** Anything worth keeping: commit, author, pipeline address ... */
  attributes: z.record(z.string().max(100), z.string().max(2000)).default({}),
})
export type NewDeployment = z.infer<typeof newDeploymentSchema>

export const deploymentSchema = z.object({
  id: z.string(),
  service: z.string(),
  environment: z.string(),
  version: z.string(),
  /** The version that it replaces, as known from earlier deployments; null for the first. */
  previousVersion: z.string().nullable(),
  startedAt: instant,
  finishedAt: instant.nullable(),
  source: z.enum(['api', 'discovered']),
  status: z.enum(DEPLOYMENT_STATUSES),
  attributes: z.record(z.string(), z.string()),
})
export type Deployment = z.infer<typeof deploymentSchema>
