import { z } from 'zod'
import { marksOf, storeMark } from '../../analytics/marks/stored-marks.ts'
import { getDeployment } from '../../analytics/releases/stored-deployments.ts'
import { markSchema, newMarkSchema } from '../../schemas/contracts/mark.ts'
import type { Api, ApiContext } from '../context.ts'
import { nameSchema, problems } from './operation-schema.ts'

const params = z.object({ id: nameSchema })

/** What people said of verdicts afterwards. */
export function markRoutes(app: Api, { store, clock }: ApiContext): void {
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
}
