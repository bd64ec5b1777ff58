import { z } from 'zod'
import { CANARY_SHARE, canaryShareSchema } from '../canary-share.ts'
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
  attributes: z
    .record(z.string().max(100), z.string().max(2000))
    .superRefine(({ [CANARY_SHARE]: share }, context) => {
      const [issue] = share === undefined ? [] : (canaryShareSchema.safeParse(share).error?.issues ?? [])
      if (issue !== undefined)
        context.addIssue({ code: 'custom', path: [CANARY_SHARE], message: issue.message })
    })
    .default({}),
})
export type NewDeployment = z.infer<typeof newDeploymentSchema>

/** Who tells of deployments; `telemetry` is what Postflight saw itself. */
export const NOTICE_KINDS = ['api', 'github', 'gitlab', 'argocd', 'cdevents', 'telemetry'] as const

/** One piece of news of a deployment. */
export const deploymentSourceSchema = z.object({
  kind: z.enum(NOTICE_KINDS),
  /** The sender's own id of this news: the same however often it is sent. */
  id: z.string(),
  /** The sender's own id of the deployment, which all of its news share; null: it has none. */
  deployment: z.string().nullable(),
  /** When it happened, by the sender's clock. */
  at: instant,
  /** When the deployment started, if the sender said. */
  startedAt: instant.nullable(),
  /** `queued`: asked for and not begun; `seen`: telemetry of the version has come. */
  status: z.enum(['queued', ...DEPLOYMENT_STATUSES, 'seen']),
  /** As the sender calls it: a tag with a v or a whole commit, where telemetry has it without or short. */
  version: z.string(),
  /** The sender's page of it. */
  link: z.string().nullable(),
})
export type DeploymentSource = z.infer<typeof deploymentSourceSchema>

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
  /** Everybody who told of it, oldest news first; absent in older rows. */
  sources: z.array(deploymentSourceSchema).optional(),
})
export type Deployment = z.infer<typeof deploymentSchema>
