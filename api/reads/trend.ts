import { signalTrend } from '../../analytics/queries/signal-trend.ts'
import type { VerdictWord } from '../../schemas/contracts/report.ts'
import type { Trend } from '../../schemas/contracts/trend.ts'
import type { ApiContext } from '../context.ts'

/** A signal release by release, oldest first, from the stored verdicts. */
export async function readTrend(
  context: ApiContext,
  service: string,
  environment: string,
  signalId: string,
  dimension: string,
): Promise<Trend> {
  const signal = context.catalogue.signal(signalId)
  return await context.fresh.get(
    `trend ${JSON.stringify([service, environment, signalId, dimension])}`,
    async () => {
      const [trend, summaries] = await Promise.all([
        signalTrend(context.store, context.catalogue, service, environment, signalId, dimension),
        context.summaries.newest({ service, environment }),
      ])
      const byId = new Map(summaries.map((summary) => [summary.deploymentId, summary]))
      return {
        service,
        environment,
        signal: signalId,
        title: signal.title,
        unit: signal.unit,
        kind: signal.kind,
        dimension,
        points: trend.points.map((point) => ({
          deploymentId: point.deploymentId,
          version: point.version,
          startedAt: point.startedAt,
          state: byId.get(point.deploymentId)?.state ?? null,
          word: point.word as VerdictWord,
          value: point.value,
          before: point.before,
          low: point.low,
          high: point.high,
          count: point.count,
          provisional: byId.get(point.deploymentId)?.provisional ?? false,
        })),
      }
    },
  )
}
