import { z } from 'zod'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { getDeployment } from '../../analytics/releases/stored-deployments.ts'
import { deploymentSchema, newDeploymentSchema } from '../../schemas/contracts/deployment.ts'
import { instant } from '../../schemas/contracts/instant.ts'
import { cursorSchema, limitSchema, pageOf } from '../../schemas/contracts/list.ts'
import { deploymentSummarySchema } from '../../schemas/contracts/release.ts'
import { DEPLOYMENT_STATES } from '../../schemas/contracts/report.ts'
import type { Api, ApiContext } from '../context.ts'
import { SORTS } from '../reads/summaries.ts'
import { nameSchema, problems } from './operation-schema.ts'

export const deploymentFilterShape = {
  service: nameSchema.optional(),
  environment: nameSchema.optional(),
  version: nameSchema.optional(),
  state: z.enum(DEPLOYMENT_STATES).optional(),
  from: instant.optional().meta({ description: 'Earliest start' }),
  to: instant.optional().meta({ description: 'Starts before this' }),
  sort: z.enum(SORTS).default('-startedAt').meta({ description: '`-` sorts falling' }),
  limit: limitSchema,
  cursor: cursorSchema,
}

export function deploymentRoutes(app: Api, context: ApiContext): void {
  app.post(
    '/deployments',
    {
      schema: {
        operationId: 'recordDeployment',
        tags: ['releases'],
        summary: 'Tell of a deployment',
        description:
          'For pipelines: once when it starts or ends, or both. Idempotent: the same service, environment, version and start is one deployment.',
        body: newDeploymentSchema,
        response: { 201: deploymentSchema, ...problems(400) },
      },
    },
    async (request, reply) => {
      const deployment = await recordDeployment(context.store, request.body, context.clock)
      context.summaries.forget()
      context.fresh.clear()
      context.onDeployment(deployment)
      reply.header('location', `/api/v1/deployments/${deployment.id}`)
      return await reply.code(201).send(deployment)
    },
  )
  app.get(
    '/deployments',
    {
      schema: {
        operationId: 'listDeployments',
        tags: ['releases'],
        summary: 'Deployments with their state',
        querystring: z.strictObject(deploymentFilterShape),
        response: { 200: pageOf(deploymentSummarySchema), ...problems(400) },
      },
    },
    async (request) => {
      const { sort, limit, cursor, ...filter } = request.query
      return await context.summaries.page(filter, { sort, limit, cursor })
    },
  )
  app.get(
    '/deployments/:id',
    {
      schema: {
        operationId: 'getDeployment',
        tags: ['releases'],
        summary: 'One deployment',
        params: z.object({ id: nameSchema }),
        response: { 200: deploymentSchema, ...problems(400, 404) },
      },
    },
    async (request) =>
      await context.fresh.get(`deployment ${request.params.id}`, () =>
        getDeployment(context.store, request.params.id),
      ),
  )
}
