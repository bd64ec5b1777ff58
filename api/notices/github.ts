import { z } from 'zod'
import { canaryShareSchema } from '../../schemas/canary-share.ts'
import type { DeploymentSource } from '../../schemas/contracts/deployment.ts'
import type { NoticeSettings } from '../../schemas/notices.ts'
import { declaredShare, mapTold } from './map-told.ts'
import { moment, name, note, readPayload } from './read-payload.ts'
import { ignored, type Notice } from './told.ts'

const STATES: Readonly<Record<string, DeploymentSource['status']>> = {
  queued: 'queued',
  pending: 'queued',
  waiting: 'queued',
  in_progress: 'in_progress',
  success: 'succeeded',
  failure: 'failed',
  error: 'failed',
}

/** What a pipeline may put into a deployment's own payload: an object, or text that is one. */
const ownPayload = z
  .preprocess(
    (value) => {
      if (typeof value !== 'string') return value
      try {
        return JSON.parse(value) as unknown
      } catch {
        return {}
      }
    },
    z
      .looseObject({
        service: name.optional(),
        version: name.optional(),
        rollback: z.boolean().optional(),
        canaryShare: canaryShareSchema.optional(),
      })
      .nullish(),
  )
  .optional()

/** Of the webhook events `deployment` and `deployment_status`, what is read here. */
const schema = z.looseObject({
  action: z.string().optional(),
  deployment: z.looseObject({
    id: z.int(),
    sha: z.string().regex(/^[0-9a-f]{40,64}$/, 'a commit'),
    ref: name,
    task: z.string().default('deploy'),
    environment: name,
    payload: ownPayload,
    created_at: moment,
    creator: z.looseObject({ login: z.string().max(200) }).nullish(),
  }),
  deployment_status: z
    .looseObject({
      id: z.int(),
      state: z.string(),
      created_at: moment,
      log_url: note,
      target_url: note,
    })
    .optional(),
  repository: z.looseObject({ full_name: name }),
})

/** @param event X-GitHub-Event */
export function readGithub(event: string, payload: unknown, settings: NoticeSettings): Notice {
  if (event === 'ping') return ignored('GitHub can reach Postflight.')
  if (event !== 'deployment' && event !== 'deployment_status')
    return ignored(
      `The event ${event} is not about a deployment: choose deployments and deployment statuses.`,
    )
  const { deployment, deployment_status: status, repository } = readPayload(schema, payload, 'github')
  const state = status === undefined ? 'queued' : STATES[status.state]
  if (state === undefined)
    return ignored(`The state ${status?.state} says nothing about how a deployment goes.`)
  const link = status?.log_url || status?.target_url || null
  return mapTold(
    {
      kind: 'github',
      from: repository.full_name,
      environment: deployment.environment,
      service: deployment.payload?.service ?? null,
      version: deployment.payload?.version ?? null,
      ref: deployment.ref,
      commit: deployment.sha,
      images: [],
      id: status === undefined ? 'created' : `status ${status.id}`,
      deployment: `${repository.full_name}#${deployment.id}`,
      at: status?.created_at ?? deployment.created_at,
      startedAt: null,
      finishedAt: null,
      status: state,
      isRollback: deployment.payload?.rollback === true || /^rollback/.test(deployment.task),
      link,
      attributes: {
        repository: repository.full_name,
        ref: deployment.ref,
        ...(deployment.creator == null ? {} : { author: deployment.creator.login }),
        ...(link === null ? {} : { pipeline: link }),
        ...declaredShare(deployment.payload?.canaryShare),
      },
    },
    settings,
  )
}
