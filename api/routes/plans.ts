import { z } from 'zod'
import { watchPlan } from '../../analytics/plan/watch-plan.ts'
import { ownFalseAlarmsSchema } from '../../schemas/contracts/own-false-alarms.ts'
import { watchPlanSchema } from '../../schemas/contracts/watch-plan.ts'
import type { Api, ApiContext } from '../context.ts'
import { readOwnFalseAlarms } from '../reads/own-false-alarms.ts'
import { readService } from '../reads/services.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function planRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/services/:service/calibration',
    {
      schema: {
        operationId: 'getCalibration',
        tags: ['services'],
        summary: "How often a service's comparisons alarm where nothing was released",
        params: z.object({ service: nameSchema }),
        querystring: z.strictObject({ environment: nameSchema.default('default') }),
        response: { 200: ownFalseAlarmsSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { service } = await readService(context, request.params.service)
      return await readOwnFalseAlarms(context, service, request.query.environment)
    },
  )
  app.get(
    '/services/:service/plan',
    {
      schema: {
        operationId: 'getWatchPlan',
        tags: ['services'],
        summary: 'How long a watch, or how large a canary, it takes to see a change in each signal',
        params: z.object({ service: nameSchema }),
        querystring: z.strictObject({
          environment: nameSchema.optional().meta({
            description: 'Default: the only one of the service, or the one that was deployed to last',
          }),
          change: z.coerce.number().gt(1).max(100).optional().meta({
            description: "As a ratio, such as 1.2; default: each signal's own smallest effect that matters",
          }),
        }),
        response: { 200: watchPlanSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { service, environments } = await readService(context, request.params.service)
      const newest = environments.toSorted((a, b) =>
        (b.latest?.startedAt ?? '').localeCompare(a.latest?.startedAt ?? ''),
      )[0]
      const environment = request.query.environment ?? newest?.environment ?? 'default'
      const { change } = request.query
      return await context.slow.get(
        `plan ${JSON.stringify([service, environment, change ?? null])}`,
        async () =>
          await watchPlan(
            context.store,
            context.catalogue,
            context.config,
            { service, environment, ...(change === undefined ? {} : { change }) },
            context.clock(),
          ),
      )
    },
  )
}
