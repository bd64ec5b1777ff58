import { z } from 'zod'
import { evaluateMarks } from '../../analytics/marks/evaluate-marks.ts'
import { allMarks, marksOf, storeMark } from '../../analytics/marks/stored-marks.ts'
import { getDeployment } from '../../analytics/releases/stored-deployments.ts'
import { markSchema, newMarkSchema } from '../../schemas/contracts/mark.ts'
import { markEvaluationSchema } from '../../schemas/contracts/mark-evaluation.ts'
import type { Api, ApiContext } from '../context.ts'
import { nameSchema, problems } from './operation-schema.ts'

const params = z.object({ id: nameSchema })
const MOST_MARKS = 1000

/** What people said of verdicts afterwards. */
export function markRoutes(app: Api, context: ApiContext): void {
  const { store, clock, catalogue } = context
  app.put(
    '/deployments/:id/marks',
    {
      schema: {
        operationId: 'markVerdict',
        tags: ['reports'],
        summary: 'Say that a verdict was a false alarm, true, or missed something',
        description:
          'Of the deployment as a whole, or of one signal. A false alarm of the whole no longer blocks gates: they warn. Tallies of what is on trial count marks.',
        params,
        body: newMarkSchema,
        response: { 200: z.object({ items: z.array(markSchema) }), ...problems(400, 404) },
      },
    },
    async (request) => {
      const { id } = await getDeployment(store, request.params.id)
      // A slip of the fingers would be kept, and count for nothing.
      if (request.body.signal !== '') catalogue.signal(request.body.signal)
      await storeMark(store, id, request.body, clock())
      return { items: await marksOf(store, id) }
    },
  )
  app.get(
    '/deployments/:id/marks',
    {
      schema: {
        operationId: 'listMarks',
        tags: ['reports'],
        summary: 'What people said of the verdicts of a deployment',
        params,
        response: { 200: z.object({ items: z.array(markSchema) }), ...problems(400, 404) },
      },
    },
    async (request) => {
      const { id } = await getDeployment(store, request.params.id)
      return { items: await marksOf(store, id) }
    },
  )
  app.get(
    '/marks',
    {
      schema: {
        operationId: 'listAllMarks',
        tags: ['reports'],
        summary: 'What people said of verdicts, of all deployments, newest first',
        querystring: z.strictObject({
          service: nameSchema.optional(),
          environment: nameSchema.optional(),
          limit: z.coerce.number().int().min(1).max(MOST_MARKS).default(MOST_MARKS),
        }),
        response: { 200: z.object({ items: z.array(markSchema) }), ...problems(400) },
      },
    },
    async (request) => {
      const { service, environment, limit } = request.query
      return { items: await allMarks(store, { service, environment }, limit) }
    },
  )
  app.get(
    '/deployments/:id/marks/evaluation',
    {
      schema: {
        operationId: 'evaluateMarks',
        tags: ['reports'],
        summary: 'What the marked verdicts of a deployment would have been with other settings',
        description:
          'Computed again from the inputs of the stored report, with another error rate, smallest effect that matters, or minimum of requests; nothing is said where the inputs have changed since.',
        params,
        response: { 200: markEvaluationSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { id } = await getDeployment(store, request.params.id)
      const report = await context.reports.parse(await context.reports.byDeployment(id))
      const marks = await marksOf(store, id)
      return await evaluateMarks(store, context.catalogue, context.config, report, marks, clock())
    },
  )
}
