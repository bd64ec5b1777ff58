import { listAlerts } from '../../analytics/alerts/stored-alerts.ts'
import { listGates } from '../../analytics/gate/stored-gates.ts'
import { marksOf } from '../../analytics/marks/stored-marks.ts'
import { readWatchEvents, readWatches } from '../../analytics/monitor/stored-watches.ts'
import { getDeployment } from '../../analytics/releases/stored-deployments.ts'
import type { LiveWatch, WatchTick } from '../../schemas/contracts/live-watch.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { ApiContext } from '../context.ts'

const MOST_GATES = 50

/** @throws PostflightError DEPLOYMENT_NOT_FOUND */
export async function readLiveWatch(context: ApiContext, deploymentId: string): Promise<LiveWatch> {
  const { store } = context
  const deployment = await getDeployment(store, deploymentId)
  const { service, environment, version } = deployment
  const [watches, report, events, gates, { items: alerts }, marks] = await Promise.all([
    readWatches(store, [deploymentId]),
    readReport(context, deploymentId),
    readWatchEvents(store, deploymentId),
    listGates(store, { service, environment, version }, MOST_GATES),
    listAlerts(store, { deploymentId }),
    marksOf(store, deploymentId),
  ])
  const watch = watches.get(deploymentId) ?? null
  return {
    deployment,
    state: watch?.state ?? report?.state ?? null,
    headline: watch?.headline ?? report?.headline ?? 'Nothing has been compared yet.',
    watch,
    reportedAt: report?.computedAt ?? null,
    events: [...events],
    gates: gates.map(({ gate }) => gate).filter((gate) => gate.deploymentId === deploymentId),
    alerts: [...alerts],
    marks,
  }
}

/** What a reader of the stream needs to know whether something is new; readers of one deployment share one look. */
export async function readWatchTick(context: ApiContext, deploymentId: string): Promise<WatchTick | null> {
  return await context.fresh.get(`watch tick ${deploymentId}`, async () => {
    const watch = (await readWatches(context.store, [deploymentId])).get(deploymentId)
    if (watch !== undefined) return { state: watch.state, headline: watch.headline, at: watch.lookedAt }
    const report = await readReport(context, deploymentId)
    return report === undefined
      ? null
      : { state: report.state, headline: report.headline, at: report.computedAt }
  })
}

async function readReport(context: ApiContext, deploymentId: string): Promise<Report | undefined> {
  try {
    return await context.reports.parse(await context.reports.byDeployment(deploymentId))
  } catch (error) {
    if (error instanceof PostflightError && error.code === 'REPORT_NOT_READY') return undefined
    throw error
  }
}
