import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { recordNews, recordRemoval } from '../../analytics/releases/record-deployment.ts'
import { type Deployment, deploymentSchema } from '../../schemas/contracts/deployment.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { readSecret } from '../../schemas/secret.ts'
import type { Api, ApiContext } from '../context.ts'
import { readArgocd } from '../notices/argocd.ts'
import { readCdevent } from '../notices/cdevents.ts'
import { cloudEventData } from '../notices/cloud-event.ts'
import { readGithub } from '../notices/github.ts'
import { readGitlab } from '../notices/gitlab.ts'
import { readJson } from '../notices/read-payload.ts'
import { signatureMatches, tokenMatches } from '../notices/signature.ts'
import type { Notice } from '../notices/told.ts'
import { problems } from './operation-schema.ts'

const MAX_BYTES = 2 ** 20
/** Wrong signatures from one address, a minute. */
const FAILURES_A_MINUTE = 30

const MEDIA = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json']

const answerSchema = z.object({
  outcome: z
    .enum(['recorded', 'unchanged', 'ignored'])
    .meta({ description: '`unchanged`: all of it was known; `ignored`: it is not about a deployment' }),
  reason: z.string().nullable(),
  deployments: z.array(deploymentSchema),
})

interface Sender {
  readonly path: string
  readonly operationId: string
  readonly title: string
  /** How a notice shows that it is from who it says, besides a key. Null: no secret is set. */
  readonly proof?: (request: FastifyRequest, body: Buffer) => Promise<boolean | null>
  readonly read: (request: FastifyRequest, body: Buffer) => readonly Notice[]
}

/** Deployments that other systems tell of, in their own formats. */
export function noticeRoutes(app: Api, context: ApiContext): void {
  const settings = context.config.notices
  const header = (request: FastifyRequest, name: string) => String(request.headers[name] ?? '')
  const senders: readonly Sender[] = [
    {
      path: 'github',
      operationId: 'noticeFromGithub',
      title: 'GitHub: webhook events deployment and deployment_status',
      proof: async (request, body) => {
        const secret = await readSecret(settings.github.secret, settings.github.secretFile)
        return secret === '' ? null : signatureMatches(secret, body, request.headers['x-hub-signature-256'])
      },
      read: (request, body) => [readGithub(header(request, 'x-github-event'), readJson(body), settings)],
    },
    {
      path: 'gitlab',
      operationId: 'noticeFromGitlab',
      title: 'GitLab: deployment events',
      proof: async (request) => {
        const token = await readSecret(settings.gitlab.token, settings.gitlab.tokenFile)
        return token === '' ? null : tokenMatches(token, request.headers['x-gitlab-token'])
      },
      read: (request, body) => [readGitlab(header(request, 'x-gitlab-event'), readJson(body), settings)],
    },
    {
      path: 'argocd',
      operationId: 'noticeFromArgocd',
      title: 'Argo CD notifications, with the template of deploy/ci',
      read: (_request, body) => [readArgocd(readJson(body), settings)],
    },
    {
      path: 'cdevents',
      operationId: 'noticeFromCdevents',
      title: 'CDEvents as CloudEvents over HTTP, binary or structured',
      read: (request, body) =>
        cloudEventData(request.headers, body).map((data) => readCdevent(data, settings)),
    },
  ]
  app.register(async (scope) => {
    const notices = scope as unknown as Api
    const failures = notices.createRateLimit({ max: FAILURES_A_MINUTE, timeWindow: '1 minute' })
    // As it came: a signature is over the bytes.
    for (const media of MEDIA) {
      if (notices.hasContentTypeParser(media)) notices.removeContentTypeParser(media)
      notices.addContentTypeParser(
        media,
        { parseAs: 'buffer', bodyLimit: MAX_BYTES },
        (_request, body, done) => done(null, body),
      )
    }
    for (const sender of senders) {
      notices.post(
        `/notices/${sender.path}`,
        {
          config: { scope: 'open' },
          schema: {
            operationId: sender.operationId,
            tags: ['releases'],
            summary: sender.title,
            description: 'The same deployment told by several senders is one; a redelivery changes nothing.',
            response: { 200: answerSchema, ...problems(400, 429) },
          },
        },
        async (request) => {
          if (!Buffer.isBuffer(request.body)) {
            throw new PostflightError('UNSUPPORTED_MEDIA_TYPE', 'A notice is sent as JSON.', {
              hint: 'Choose application/json as the content type of the webhook.',
            })
          }
          await mustBeTrusted(sender, request, request.body, failures)
          return await take(sender.read(request, request.body))
        },
      )
    }
  })

  /** The secret where there is one, else a key that may write. @throws PostflightError UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED */
  async function mustBeTrusted(
    sender: Sender,
    request: FastifyRequest,
    body: Buffer,
    failures: ReturnType<Api['createRateLimit']>,
  ): Promise<void> {
    const proven = (await sender.proof?.(request, body)) ?? null
    if (proven === true) return
    const answer =
      proven === false
        ? ({
            kind: 'unauthenticated',
            reason: 'The signature or token is not that of the secret here.',
          } as const)
        : await context.auth.authenticate(request.headers, 'write')
    if (answer.kind === 'ok') return
    const limit = await failures(request)
    if (!limit.isAllowed && limit.isExceeded) {
      throw new PostflightError('RATE_LIMITED', 'Too many notices that nobody vouches for.', {
        hint: `Wait ${limit.ttlInSeconds} s.`,
        details: { retryAfter: limit.ttlInSeconds },
      })
    }
    if (answer.kind === 'forbidden')
      throw new PostflightError('FORBIDDEN', answer.reason, { hint: answer.hint })
    throw new PostflightError('UNAUTHENTICATED', answer.reason, {
      hint:
        sender.proof === undefined
          ? 'Send Authorization: Bearer pf_... with a key that has the scope write.'
          : `Give both sides the same secret: notices.${sender.path}, or send a key with the scope write where none is set.`,
    })
  }

  async function take(notices: readonly Notice[]): Promise<z.infer<typeof answerSchema>> {
    const deployments: Deployment[] = []
    const reasons: string[] = []
    let changed = false
    for (const notice of notices) {
      if (notice.kind === 'ignored') {
        reasons.push(notice.reason)
        continue
      }
      const merged =
        notice.kind === 'removal'
          ? await Promise.all(
              notice.from.map((of) => recordRemoval(context.store, of, notice.at, context.clock)),
            )
          : await Promise.all(notice.news.map((news) => recordNews(context.store, news, context.clock)))
      for (const { deployment, changed: theirs } of merged) {
        if (deployment === undefined) reasons.push('No deployment of what was removed is known.')
        else deployments.push(deployment)
        changed ||= theirs.length > 0
        for (const one of theirs) context.onDeployment(one)
      }
    }
    if (changed) {
      context.summaries.forget()
      context.fresh.clear()
    }
    return {
      outcome: changed ? 'recorded' : deployments.length > 0 ? 'unchanged' : 'ignored',
      reason: reasons[0] ?? null,
      deployments,
    }
  }
}
