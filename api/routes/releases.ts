import { z } from 'zod'
import { releaseSchema } from '../../schemas/contracts/release.ts'
import type { Api, ApiContext } from '../context.ts'
import { readRelease, readReleases } from '../reads/releases.ts'
import { readService } from '../reads/services.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function releaseRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/releases',
    {
      schema: {
        operationId: 'listReleases',
        tags: ['releases'],
        summary: 'Releases of a service, newest first',
        querystring: z.strictObject({ service: nameSchema }),
        response: { 200: z.object({ items: z.array(releaseSchema) }), ...problems(400, 404) },
      },
    },
    async (request) => {
      const { service } = await readService(context, request.query.service)
      return { items: await readReleases(context, service) }
    },
  )
  app.get(
    '/releases/:service/:version',
    {
      schema: {
        operationId: 'getRelease',
        tags: ['releases'],
        summary: 'One release and its deployments',
        params: z.object({ service: nameSchema, version: nameSchema }),
        response: { 200: releaseSchema, ...problems(400, 404) },
      },
    },
    async (request) => await readRelease(context, request.params.service, request.params.version),
  )
}
