import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import type { Alert, Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import type { Store } from '../../schemas/store/client.ts'
import { topVerdicts } from '../jobs/headline.ts'
import { isHistory } from '../jobs/report.ts'
import { alertDeliveries } from '../jobs/telemetry.ts'
import { alertmanager } from './alertmanager.ts'
import type { Receiver } from './receiver.ts'
import { listAlerts, storeAlert, storeIncident } from './stored-alerts.ts'
import { webhook } from './webhook.ts'

export interface AlertsOptions {
  readonly store: Store
  readonly receivers: readonly Receiver[]
  /** Environments that nobody is paged for. */
  readonly mutedEnvironments: readonly string[]
  /** Address under which people reach the pages, without a slash at the end. */
  readonly publicUrl: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
}

export interface Alerts {
  /** Raises or resolves the alert of a deployment as its report says. */
  onReport(this: void, report: Report, watchEnd: number): Promise<void>
  /** Resolves alerts of deployments that were superseded or rolled back, and sends what is due. */
  onRound(this: void, deployments: readonly Deployment[]): Promise<void>
  /** Sends what is due: new, to be repeated, or refused before. */
  deliver(): Promise<void>
  /** Delivers every few seconds until stopped. */
  start(): void
  stop(): Promise<void>
}

/** The receivers that the settings name. */
export function receiversOf(alerts: Config['alerts']): readonly Receiver[] {
  return [...alerts.webhooks.map(webhook), ...alerts.alertmanagers.map(alertmanager)]
}

const MOST_REASONS = 5
const TICK = 5_000
/** Milliseconds to wait after each attempt that a receiver did not take; with the last one the delivery is given up. */
export const BACKOFF = [5_000, 15_000, 60_000, 120_000, 300_000, 600_000, 1_800_000] as const

/**
 * One alert a deployment. What was raised and what each receiver has taken is in the table `alerts` before and after each attempt,
 * so a restart goes on where it was: it repeats at most the one attempt that was under way.
 */
export function createAlerts(options: AlertsOptions): Alerts {
  const { store, logger } = options
  // No two rows of an alert may be of one moment: the later one has to count.
  let newest = 0
  const clock = (): number => {
    newest = Math.max(options.clock(), newest + 1)
    return newest
  }
  let timer: NodeJS.Timeout | undefined
  let stopped = true
  let delivering: Promise<void> | undefined

  const resolve = async (alert: Alert, why: string): Promise<void> => {
    const now = clock()
    const endsAt = new Date(now).toISOString()
    const ended = { ...alert, status: 'resolved', endsAt, updatedAt: endsAt, resolution: why } as const
    await storeIncident(store, { ...ended, revision: alert.revision + 1 }, now)
    logger.info({ alert: alert.id, why }, 'Alert resolved')
  }
  // Deliveries and changes of one alert must not overtake each other.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = queue.then(work, work)
    queue = next.catch(() => {})
    return next
  }

  const onReport = (report: Report, watchEnd: number): Promise<void> =>
    inTurn(async () => {
      const { items } = await listAlerts(store, { deploymentId: report.deployment.id })
      const [known] = items
      if (report.state !== 'regressed') {
        if (known?.status === 'firing') await resolve(known, report.state.replaceAll('_', ' '))
        return
      }
      if (known !== undefined || isHistory(watchEnd, clock())) return
      if (options.mutedEnvironments.includes(report.deployment.environment)) return
      const now = clock()
      const alert = incidentOf(report, options.publicUrl, now)
      await storeIncident(store, alert, now)
      logger.warn({ alert: alert.id, link: alert.link }, alert.summary)
    }).then(() => deliver())

  const onRound = (deployments: readonly Deployment[]): Promise<void> =>
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
    }).then(() => deliver())

  const deliver = (): Promise<void> => {
    delivering ??= inTurn(() => deliverDue({ ...options, clock })).finally(() => {
      delivering = undefined
    })
    return delivering
  }

  const tick = async (): Promise<void> => {
    await deliver().catch((error: unknown) =>
      logger.error({ err: error }, 'Alerts could not be delivered; trying again'),
    )
    if (!stopped) timer = setTimeout(tick, TICK)
  }
  return {
    onReport,
    onRound,
    deliver,
    start: () => {
      if (!stopped) return
      stopped = false
      timer = setTimeout(tick, 0)
    },
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await delivering?.catch(() => {})
    },
  }
}

/** The one incident of a deployment. */
function regressionId(deploymentId: string): string {
  return `regression-${deploymentId}`
}

function incidentOf(report: Report, publicUrl: string, now: number): Incident {
  const { deployment } = report
  const page = `${publicUrl}/releases/${encodeURIComponent(deployment.service)}/${encodeURIComponent(deployment.version)}`
  return {
    id: regressionId(deployment.id),
    kind: 'regression',
    deploymentId: deployment.id,
    service: deployment.service,
    environment: deployment.environment,
    version: deployment.version,
    status: 'firing',
    severity: 'page',
    revision: 1,
    startsAt: new Date(now).toISOString(),
    endsAt: null,
    updatedAt: new Date(now).toISOString(),
    summary: report.headline,
    reasons: topVerdicts(report.verdicts, 'regressed')
      .slice(0, MOST_REASONS)
      .map(({ signal, dimension, summary }) => ({ signal, dimension, summary })),
    link: `${page}?environment=${encodeURIComponent(deployment.environment)}`,
    links: [],
    owner: deployment.attributes['owner'] ?? '',
    shadow: false,
    resolution: null,
  }
}

type Delivery = Alert['deliveries'][number]

/** Whether a receiver is to be sent an alert now. */
export function isDue(
  receiver: Pick<Receiver, 'repeatEvery'>,
  status: Alert['status'],
  deliveries: readonly Delivery[],
  now: number,
): boolean {
  const last = deliveries.find((delivery) => delivery.status === status)
  if (last === undefined) {
    // Who was never told that it fires needs not hear that it is over.
    return status === 'firing' || deliveries.some((delivery) => delivery.attempts > 0)
  }
  const since = now - Date.parse(last.at)
  if (last.ok) return status === 'firing' && receiver.repeatEvery !== null && since >= receiver.repeatEvery
  const wait = BACKOFF[last.attempts - 1]
  if (wait !== undefined) return since >= wait
  // A receiver that wants repetition is tried as long as the alert fires.
  return status === 'firing' && receiver.repeatEvery !== null && since >= receiver.repeatEvery
}

/** Alerts that ended longer ago have nothing left to send. */
const RESOLVED_FOR = 24 * 3_600_000

async function deliverDue(options: AlertsOptions): Promise<void> {
  const { store, clock, logger } = options
  if (options.receivers.length === 0) return
  const { items } = await listAlerts(store, {}, { limit: 1000, offset: 0 })
  for (const alert of items) {
    if (alert.endsAt !== null && clock() - Date.parse(alert.endsAt) > RESOLVED_FOR) continue
    let current = alert
    for (const receiver of options.receivers) {
      const own = current.deliveries.filter((delivery) => delivery.receiver === receiver.name)
      const now = clock()
      if (!isDue(receiver, current.status, own, now)) continue
      const before = own.find((delivery) => delivery.status === current.status)
      const attempt: Delivery = {
        receiver: receiver.name,
        status: current.status,
        at: new Date(now).toISOString(),
        ok: false,
        error: 'under way',
        attempts: before === undefined || before.ok ? 1 : before.attempts + 1,
      }
      current = withDelivery(current, attempt)
      await storeAlert(store, current, now)
      const outcome = await receiver.send(current, now).then(
        () => ({ ok: true, error: null }),
        (error: unknown) => ({ ok: false, error: reasonOf(error) }),
      )
      alertDeliveries.add(1, { receiver: receiver.name.split(':')[0] ?? '', ok: outcome.ok })
      if (!outcome.ok) {
        logger.warn(
          { alert: current.id, receiver: receiver.name, attempts: attempt.attempts },
          outcome.error ?? '',
        )
      }
      current = withDelivery(current, { ...attempt, ...outcome })
      await storeAlert(store, current, clock())
    }
  }
}

function withDelivery(alert: Alert, delivery: Delivery): Alert {
  const others = alert.deliveries.filter(
    (one) => one.receiver !== delivery.receiver || one.status !== delivery.status,
  )
  return { ...alert, deliveries: [...others, delivery] }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${cause}`
}
