import { z } from 'zod'
import { canaryShareSchema } from '../../schemas/canary-share.ts'
import type { DeploymentSource } from '../../schemas/contracts/deployment.ts'
import type { NoticeSettings } from '../../schemas/notices.ts'
import { declaredShare, mapTold } from './map-told.ts'
import { moment, name, note, readPayload } from './read-payload.ts'
import { ignored, type Notice } from './told.ts'

/** `operationState.phase` of an application. */
const PHASES: Readonly<Record<string, DeploymentSource['status']>> = {
  Running: 'in_progress',
  Succeeded: 'succeeded',
  Failed: 'failed',
  Error: 'failed',
}

const empty = (value: unknown) => (value === '' || value === null ? undefined : value)

/** What the template of deploy/ci/argocd-notifications.yaml sends. */
const schema = z.looseObject({
  application: name,
  project: z.string().max(200).nullish(),
  /** Where it is deployed to. */
  namespace: z.preprocess(empty, name.optional()),
  labels: z.object({ 'postflight/canaryShare': canaryShareSchema.optional() }).catchall(z.string()).nullish(),
  revision: z.preprocess(empty, name.optional()),
  phase: z.string(),
  startedAt: moment,
  finishedAt: z.preprocess(empty, moment.optional()),
  images: z.array(z.string().max(500)).max(200).nullish(),
  link: note,
})

export function readArgocd(payload: unknown, settings: NoticeSettings): Notice {
  const told = readPayload(schema, payload, 'argocd')
  const status = PHASES[told.phase]
  if (status === undefined)
    return ignored(`The phase ${told.phase} says nothing about how a deployment goes.`)
  const labels: NonNullable<typeof told.labels> = told.labels ?? {}
  const revision = told.revision ?? null
  return mapTold(
    {
      kind: 'argocd',
      from: told.application,
      environment: labels['postflight/environment'] ?? told.namespace ?? 'default',
      service: labels['postflight/service'] ?? labels['app.kubernetes.io/name'] ?? null,
      version: labels['app.kubernetes.io/version'] ?? null,
      ref: null,
      commit: revision !== null && /^[0-9a-f]{40,64}$/.test(revision) ? revision : null,
      images: told.images ?? [],
      id: told.phase,
      // One sync is one operation: it has no id but its start.
      deployment: `${told.application} ${told.startedAt}`,
      at: told.finishedAt ?? told.startedAt,
      startedAt: told.startedAt,
      finishedAt: status === 'in_progress' ? null : (told.finishedAt ?? null),
      status,
      isRollback: false,
      link: told.link || null,
      attributes: {
        application: told.application,
        ...(told.images == null || told.images.length === 0
          ? {}
          : { images: told.images.join(' ').slice(0, 2000) }),
        ...declaredShare(labels['postflight/canaryShare']),
      },
    },
    settings,
  )
}
