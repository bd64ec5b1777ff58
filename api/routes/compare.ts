import { z } from 'zod'
import { comparisonSchema } from '../../schemas/contracts/delta.ts'
import type { Api, ApiContext } from '../context.ts'
import { readComparison } from '../reads/comparison.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function comparisonRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/compare',
    {
      schema: {
        operationId: 'compareReleases',
        tags: ['signals'],
        summary: 'What differs between any two releases',
        querystring: z.strictObject({
          service: nameSchema,
          a: nameSchema.meta({ description: 'Version compared with' }),
          b: nameSchema.meta({ description: 'Version that is judged' }),
          environment: nameSchema.optional().meta({ description: 'Default: where b was deployed last' }),
        }),
        response: { 200: comparisonSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { service, a, b, environment } = request.query
      return await readComparison(context, service, a, b, environment)
    },
  )
}
