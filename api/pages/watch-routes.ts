import { z } from 'zod'
import { storeMark } from '../../analytics/marks/stored-marks.ts'
import { MARKS } from '../../schemas/contracts/mark.ts'
import type { Api, ApiContext } from '../context.ts'
import { readLiveWatch } from '../reads/live-watch.ts'
import { newestDeployment } from '../reads/releases.ts'
import { nameSchema } from '../routes/operation-schema.ts'
import { formToken, sendHtml } from './html.ts'
import { watchPage } from './watch.ts'

const hidden = { hide: true } as const
const params = z.object({ service: nameSchema, version: nameSchema })

/** The page of a watch, and its form. */
export function watchPages(app: Api, context: ApiContext): void {
  app.get(
    '/releases/:service/:version/watch',
    { schema: { ...hidden, params, querystring: z.object({ environment: nameSchema.optional() }) } },
    async (request, reply) => {
      const { service, version } = request.params
      const { deploymentId } = await newestDeployment(context, service, version, request.query.environment)
      const live = await readLiveWatch(context, deploymentId)
      return sendHtml(reply, watchPage({ live, now: context.clock(), token: formToken(reply) }))
    },
  )
  app.post(
    '/releases/:service/:version/watch/mark',
    {
      schema: {
        ...hidden,
        params,
        body: z.object({
          _csrf: z.string().max(200).optional(),
          environment: nameSchema,
          mark: z.enum([...MARKS, 'none']),
          signal: z.string().max(200).default(''),
          by: z.string().trim().max(100).default(''),
          note: z.string().trim().max(1000).default(''),
        }),
      },
      preValidation: app.csrfProtection,
    },
    async (request, reply) => {
      const { service, version } = request.params
      const { environment, mark, signal, by, note } = request.body
      const { deploymentId } = await newestDeployment(context, service, version, environment)
      const told = { mark: mark === 'none' ? null : mark, signal, dimension: '', note, by }
      await storeMark(context.store, deploymentId, told, context.clock())
      const path = `/releases/${encodeURIComponent(service)}/${encodeURIComponent(version)}/watch`
      return reply.redirect(`${path}?environment=${encodeURIComponent(environment)}#marks`, 303)
    },
  )
}
