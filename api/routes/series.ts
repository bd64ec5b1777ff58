import { z } from 'zod'
import { getDeployment } from '../../analytics/releases/stored-deployments.ts'
import { seriesSchema } from '../../schemas/contracts/series.ts'
import type { Api, ApiContext } from '../context.ts'
import { readSeries } from '../reads/series.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function seriesRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/deployments/:id/series',
    {
      schema: {
        operationId: 'getSeries',
        tags: ['signals'],
        summary: 'A signal around a deployment, on each version',
        params: z.object({ id: nameSchema }),
        querystring: z.strictObject({
          signal: nameSchema,
          dimension: z.string().max(2000).default('').meta({ description: "'' is the service as a whole" }),
          minutesBefore: z.coerce.number().int().min(1).max(43_200).default(120),
          minutesAfter: z.coerce.number().int().min(1).max(43_200).default(120),
        }),
        response: { 200: seriesSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { signal, dimension, minutesBefore, minutesAfter } = request.query
      context.catalogue.signal(signal)
      return await context.fresh.get(
        `series ${request.params.id} ${JSON.stringify(request.query)}`,
        async () => {
          const deployment = await getDeployment(context.store, request.params.id)
          const start = Date.parse(deployment.startedAt)
          return await readSeries(
            context,
            {
              deploymentId: deployment.id,
              service: deployment.service,
              environment: deployment.environment,
              version: deployment.version,
              baselineVersion: deployment.previousVersion,
              startedAt: deployment.startedAt,
              from: new Date(start - minutesBefore * 60_000).toISOString(),
              to: new Date(start + minutesAfter * 60_000).toISOString(),
            },
            signal,
            dimension,
          )
        },
      )
    },
  )
}
