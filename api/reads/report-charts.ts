import { topVerdicts } from '../../analytics/jobs/headline.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import type { Series } from '../../schemas/contracts/series.ts'
import type { ApiContext } from '../context.ts'
import { readSeries } from './series.ts'

/** More charts than anyone looks at; the rest of the findings show their numbers. */
const MOST_CHARTS = 10
const HOUR = 3600_000

/**
 * The charts of what regressed, by its place among `topVerdicts`. They show twice as long before as after (at least an hour), so that
 * the change stands in the middle third and not at the edge of a day.
 */
export async function readReportCharts(
  context: Pick<ApiContext, 'store' | 'catalogue' | 'config'>,
  report: Report,
): Promise<ReadonlyMap<number, Series>> {
  const { deployment, windows } = report
  const start = Date.parse(deployment.startedAt)
  const end = Math.max(Date.parse(windows.after.to), start)
  const before = Math.max(2 * (end - start), HOUR)
  const from = new Date(Math.max(start - before, Math.min(Date.parse(windows.before.from), start - HOUR)))
  const known = new Set(context.catalogue.signals.map((signal) => signal.id))
  const drawn = topVerdicts(report.verdicts, 'regressed').slice(0, MOST_CHARTS)
  const charts = await Promise.all(
    drawn.map((verdict) =>
      // A signal that has left the configuration since has no chart any more.
      known.has(verdict.signal)
        ? readSeries(
            context,
            {
              deploymentId: deployment.id,
              service: deployment.service,
              environment: deployment.environment,
              version: deployment.version,
              baselineVersion: report.baselineVersion,
              startedAt: deployment.startedAt,
              from: from.toISOString(),
              to: new Date(end).toISOString(),
            },
            verdict.signal,
            verdict.dimension,
          )
        : undefined,
    ),
  )
  return new Map(charts.flatMap((series, index) => (series === undefined ? [] : [[index, series] as const])))
}
