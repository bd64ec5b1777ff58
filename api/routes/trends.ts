import { z } from 'zod'
import type { Service } from '../../schemas/contracts/service.ts'
import { serviceTrendsSchema } from '../../schemas/contracts/service-trends.ts'
import { trendSchema } from '../../schemas/contracts/trend.ts'
import type { Api, ApiContext } from '../context.ts'
import { readServiceTrends } from '../reads/service-trends.ts'
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
      const environment = request.query.environment ?? lastDeployedTo(environments)
      return await readTrend(context, service, environment, signal, dimension)
    },
  )
  app.get(
    '/services/:service/trends',
    {
      schema: {
        operationId: 'getServiceTrends',
        tags: ['signals'],
        summary:
          "How a service's signals went over a quarter: slopes, change points with their causes, and what its releases add up to",
        params: z.object({ service: nameSchema }),
        querystring: z.strictObject({
          environment: nameSchema.optional().meta({
            description: 'Default: the only one of the service, or the one that was deployed to last',
          }),
          days: z.coerce.number().int().min(7).max(366).default(91),
        }),
        response: { 200: serviceTrendsSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { service, environments } = await readService(context, request.params.service)
      const environment = request.query.environment ?? lastDeployedTo(environments)
      return await readServiceTrends(context, service, environment, request.query.days)
    },
  )
}

function lastDeployedTo(environments: Service['environments']): string {
  const newest = environments.toSorted((a, b) =>
    (b.latest?.startedAt ?? '').localeCompare(a.latest?.startedAt ?? ''),
  )[0]
  return newest?.environment ?? 'default'
}
