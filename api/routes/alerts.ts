import { z } from 'zod'
import { alertSchema } from '../../schemas/contracts/alert.ts'
import { limitSchema } from '../../schemas/contracts/list.ts'
import type { Api, ApiContext } from '../context.ts'
import { readAlerts } from '../reads/alerts.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function alertRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/alerts',
    {
      schema: {
        operationId: 'listAlerts',
        tags: ['alerts'],
        summary: 'Alerts, newest first',
        querystring: z.strictObject({
          status: z.enum(['firing', 'resolved']).optional(),
          service: nameSchema.optional(),
          environment: nameSchema.optional(),
          limit: limitSchema,
        }),
        response: { 200: z.object({ items: z.array(alertSchema) }), ...problems(400) },
      },
    },
    async (request) => ({ items: await readAlerts(context, request.query) }),
  )
}
