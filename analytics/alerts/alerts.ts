import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import type { Store } from '../../schemas/store/client.ts'
import { onlyTrialRegressed } from '../gate/health.ts'
import { onTrial } from '../gate/policy.ts'
import { topVerdicts } from '../jobs/headline.ts'
import { isHistory } from '../jobs/report.ts'
import { reportUrl } from './links.ts'
import { listAlerts, storeIncident } from './stored-alerts.ts'

export interface AlertsOptions {
  readonly store: Store
  readonly settings: Pick<Config['alerts'], 'owners'>
  /** Signals on trial: what they alone would page is kept, and nobody is told. */
  readonly shadow?: Config['shadow']
  /** Address under which people reach the pages, without a slash at the end. */
  readonly publicUrl: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Told of each change, so that it is delivered at once. */
  readonly onChange?: () => void
}

export interface Alerts {
  /** Raises or resolves the alert of a deployment as its report says. */
  onReport(this: void, report: Report, watchEnd: number): Promise<void>
  /** Resolves alerts of deployments that were superseded or rolled back. */
  onRound(this: void, deployments: readonly Deployment[]): Promise<void>
}

const MOST_REASONS = 5

/** Incidents made from reports: one a deployment. Who is told of them is delivery's. */
export function createAlerts(options: AlertsOptions): Alerts {
  const { store, logger } = options
  // No two rows of an alert may be of one moment: the later one has to count.
  let newest = 0
  const clock = (): number => {
    newest = Math.max(options.clock(), newest + 1)
    return newest
  }
  const resolve = async (alert: Incident, why: string): Promise<void> => {
    const now = clock()
    const endsAt = new Date(now).toISOString()
    const ended = { ...alert, status: 'resolved', endsAt, updatedAt: endsAt, resolution: why } as const
    await storeIncident(store, { ...ended, revision: alert.revision + 1 }, now)
    logger.info({ alert: alert.id, why }, 'Alert resolved')
    options.onChange?.()
  }
  // Changes of one alert must not overtake each other.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = queue.then(work, work)
    queue = next.catch(() => {})
    return next
  }

  return {
    onReport: (report, watchEnd) =>
      inTurn(async () => {
        const { items } = await listAlerts(store, { deploymentId: report.deployment.id })
        const known = items.find(({ kind }) => kind === 'regression')
        if (report.state !== 'regressed') {
          if (known?.status === 'firing') await resolve(known, report.state.replaceAll('_', ' '))
          return
        }
        if (known !== undefined || isHistory(watchEnd, clock())) return
        const now = clock()
        const incident = reportIncident(report, options, now)
        await storeIncident(store, incident, now)
        logger.warn({ alert: incident.id, link: incident.link }, incident.summary)
        options.onChange?.()
      }),
    onRound: (deployments) =>
      inTurn(async () => {
        const { items } = await listAlerts(store, { status: 'firing' })
        for (const alert of items) {
          const own = deployments.find((deployment) => deployment.id === alert.deploymentId)
          if (own === undefined) continue
          const next = deployments.some(
            (other) =>
              other.service === own.service &&
              other.environment === own.environment &&
              Date.parse(other.startedAt) > Date.parse(own.startedAt),
          )
          if (own.status === 'rolled_back') await resolve(alert, 'rolled back')
          else if (next) await resolve(alert, 'superseded')
        }
      }),
  }
}

/** The one incident of a deployment. */
export function regressionId(deploymentId: string): string {
  return `regression-${deploymentId}`
}

export function reportIncident(
  report: Report,
  { publicUrl, settings, shadow = [] }: Pick<AlertsOptions, 'publicUrl' | 'settings' | 'shadow'>,
  now: number,
): Incident {
  const { deployment } = report
  const at = new Date(now).toISOString()
  return {
    ...firingOf(deployment, at),
    severity: 'page',
    revision: 1,
    startsAt: at,
    summary: report.headline,
    reasons: topVerdicts(report.verdicts, 'regressed')
      .slice(0, MOST_REASONS)
      .map(({ signal, dimension, summary }) => ({ signal, dimension, summary })),
    link: reportUrl(publicUrl, deployment),
    links: [],
    owner: ownerOf(deployment, settings.owners),
    shadow: onlyTrialRegressed(report, onTrial(shadow, deployment, 'page')),
  }
}

/** What every incident of a deployment has while it fires. @param at ISO 8601 */
export function firingOf(
  deployment: Deployment,
  at: string,
): Pick<
  Incident,
  | 'id'
  | 'kind'
  | 'deploymentId'
  | 'service'
  | 'environment'
  | 'version'
  | 'status'
  | 'endsAt'
  | 'updatedAt'
  | 'resolution'
> {
  const { id, service, environment, version } = deployment
  return {
    id: regressionId(id),
    kind: 'regression',
    deploymentId: id,
    service,
    environment,
    version,
    status: 'firing',
    endsAt: null,
    updatedAt: at,
    resolution: null,
  }
}

/** Team or person of a deployment: as it says itself, or as the settings do. */
export function ownerOf(deployment: Deployment, owners: Readonly<Record<string, string>>): string {
  return deployment.attributes['owner'] ?? owners[deployment.service] ?? ''
}
