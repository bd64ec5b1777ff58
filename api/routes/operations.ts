import { z } from 'zod'
import { PostflightError } from '../../schemas/errors.ts'
import type { Api, ApiContext } from '../context.ts'

/** For orchestrators and Prometheus. */
export function operationRoutes(app: Api, { store, metricsHandler }: ApiContext): void {
  const ok = { 200: z.object({ status: z.literal('ok') }) }
  app.get(
    '/healthz',
    {
      config: { scope: 'open' },
      schema: { operationId: 'health', summary: 'Whether the process answers', response: ok },
    },
    async () => ({ status: 'ok' as const }),
  )
  app.get(
    '/readyz',
    {
      config: { scope: 'open' },
      schema: { operationId: 'readiness', summary: 'Whether the store answers too', response: ok },
    },
    async () => {
      if (await store.ping()) return { status: 'ok' as const }
      throw new PostflightError('STORE_UNREACHABLE', 'ClickHouse does not answer.', {
        hint: 'Check that it runs and that clickhouse.url, its user and password are right.',
      })
    },
  )
  app.get(
    '/metrics',
    { schema: { operationId: 'metrics', summary: "Postflight's own metrics, as Prometheus text" } },
    (request, reply) => {
      if (metricsHandler === undefined) {
        throw new PostflightError('NOT_FOUND', 'No metrics are collected in this process.', {
          hint: 'They are when Postflight was started by its own command.',
        })
      }
      reply.hijack()
      metricsHandler(request.raw, reply.raw)
    },
  )
}
