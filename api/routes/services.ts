import { z } from 'zod'
import { oneServiceSchema, serviceSchema } from '../../schemas/contracts/service.ts'
import type { Api, ApiContext } from '../context.ts'
import { readRests } from '../reads/rests.ts'
import { readService, readServices } from '../reads/services.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function serviceRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/services',
    {
      schema: {
        operationId: 'listServices',
        tags: ['releases'],
        summary: 'Services, and what runs where',
        response: { 200: z.object({ items: z.array(serviceSchema) }), ...problems() },
      },
    },
    async () => ({ items: await readServices(context) }),
  )
  app.get(
    '/services/:service',
    {
      schema: {
        operationId: 'getService',
        tags: ['releases'],
        summary: 'One service',
        params: z.object({ service: nameSchema }),
        response: { 200: oneServiceSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const service = await readService(context, request.params.service)
      return { ...service, ...(await readRests(context.store, service.service, context.clock())) }
    },
  )
}
