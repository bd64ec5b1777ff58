import { z } from 'zod'
import type { DeploymentSource } from '../../schemas/contracts/deployment.ts'
import type { NoticeSettings } from '../../schemas/notices.ts'
import { mapTold } from './map-told.ts'
import { moment, name, note, readPayload } from './read-payload.ts'
import { ignored, type Notice } from './told.ts'

const STATES: Readonly<Record<string, DeploymentSource['status']>> = {
  created: 'queued',
  blocked: 'queued',
  running: 'in_progress',
  success: 'succeeded',
  failed: 'failed',
  canceled: 'failed',
}

/** Of a deployment event, what is read here. */
const schema = z.looseObject({
  object_kind: z.literal('deployment'),
  status: z.string(),
  status_changed_at: moment,
  deployment_id: z.int(),
  deployable_url: note,
  environment: name,
  environment_tier: z.string().max(200).nullish(),
  project: z.looseObject({ path_with_namespace: name }),
  short_sha: z.string().regex(/^[0-9a-f]{7,64}$/, 'a commit'),
  commit_url: note,
  commit_title: note,
  ref: name,
  user: z.looseObject({ username: z.string().max(200).nullish() }).nullish(),
})

/** @param event X-Gitlab-Event */
export function readGitlab(event: string, payload: unknown, settings: NoticeSettings): Notice {
  if (event !== 'Deployment Hook')
    return ignored(`The event ${event} is not about a deployment: choose deployment events.`)
  const told = readPayload(schema, payload, 'gitlab')
  const status = STATES[told.status]
  if (status === undefined)
    return ignored(`The status ${told.status} says nothing about how a deployment goes.`)
  // The whole commit stands in its address alone.
  const commit = /\/commit\/([0-9a-f]{40,64})$/.exec(told.commit_url ?? '')?.[1] ?? told.short_sha
  const link = told.deployable_url || null
  return mapTold(
    {
      kind: 'gitlab',
      from: told.project.path_with_namespace,
      environment: told.environment,
      service: null,
      version: null,
      ref: told.ref,
      commit,
      images: [],
      id: told.status,
      deployment: `${told.project.path_with_namespace}#${told.deployment_id}`,
      at: told.status_changed_at,
      startedAt: null,
      finishedAt: null,
      status,
      isRollback: false,
      link,
      attributes: {
        repository: told.project.path_with_namespace,
        ref: told.ref,
        ...(told.user?.username == null ? {} : { author: told.user.username }),
        ...(told.commit_title == null ? {} : { title: told.commit_title }),
        ...(link === null ? {} : { pipeline: link }),
      },
    },
    settings,
  )
}
