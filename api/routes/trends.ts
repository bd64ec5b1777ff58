import { z } from 'zod'
import { trendSchema } from '../../schemas/contracts/trend.ts'
import type { Api, ApiContext } from '../context.ts'
import { readService } from '../reads/services.ts'
import { readTrend } from '../reads/trend.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function trendRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/trends',
    {
      schema: {
        operationId: 'getTrend',
        tags: ['signals'],
        summary: 'A signal over the releases of a service',
        querystring: z.strictObject({
          service: nameSchema,
          signal: nameSchema,
          dimension: z.string().max(2000).default(''),
          environment: nameSchema.optional().meta({
            description: 'Default: the only one of the service, or the one that was deployed to last',
          }),
        }),
        response: { 200: trendSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { signal, dimension } = request.query
      const { service, environments } = await readService(context, request.query.service)
      context.catalogue.signal(signal)
      const newest = environments.toSorted((a, b) =>
        (b.latest?.startedAt ?? '').localeCompare(a.latest?.startedAt ?? ''),
      )[0]
      const environment = request.query.environment ?? newest?.environment ?? 'default'
      return await readTrend(context, service, environment, signal, dimension)
    },
  )
}
