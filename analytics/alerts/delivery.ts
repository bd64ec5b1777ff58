import type { Logger } from 'pino'
import type { AlertSettings } from '../../schemas/alerts.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Notification } from '../../schemas/contracts/notification.ts'
import type { Store } from '../../schemas/store/client.ts'
import { recentDeployments } from '../releases/stored-deployments.ts'
import { Lane } from './lane.ts'
import { alertUrl, reportUrl } from './links.ts'
import { type AlertNotice, alertNoticeId, type DeploymentNotice } from './notice.ts'
import { dueReceivers, listNotifications, newItem, type OutboxItem, storeItems } from './outbox.ts'
import { dueNotices } from './plan.ts'
import { type Receiver, reasonOf } from './receiver.ts'
import { isRouted, permission, type Rules } from './routing.ts'
import { listAlerts } from './stored-alerts.ts'

export interface DeliveryOptions {
  readonly store: Store
  readonly receivers: readonly Receiver[]
  readonly rules: Rules & Pick<AlertSettings, 'updateMinutes'>
  /** Address under which people reach the pages, without a slash at the end. */
  readonly publicUrl: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Name of this process, different after each start. */
  readonly process: string
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
}

export interface Delivery {
  /** Looks at what has changed and sends it. Resolves when every receiver has what it takes now. */
  deliver(): Promise<void>
  /** The same, soon, without waiting for receivers. */
  kick(): void
  /** Delivers every few seconds until stopped. */
  start(): void
  /** Resolves when the attempts under way have ended. */
  stop(): Promise<void>
}

const TICK = 5_000
const MINUTE = 60_000
/** Alerts that ended longer ago have nothing left to plan. */
const RESOLVED_FOR = 24 * 60 * MINUTE
/** What has ended is repeated for as long, as Prometheus does it: an Alertmanager that was away hears it too. */
const REPEAT_RESOLVED = 15 * MINUTE
/** A heartbeat older than this is no sign of life. */
const HEARTBEAT_FRESH = 3 * MINUTE
/** Older deployments are history, not changes. */
const CHANGE_FRESH = 2 * 60 * MINUTE
/** A repetition that failed is tried again after this. */
const REPEAT_AGAIN = 10_000

/**
 * From alerts and deployments to receivers, by way of the outbox: what is due becomes an entry there (`plan`), entries become attempts (`Lane`, one a receiver).
 * Everything is in the store before it is done, so that it goes on after a crash where it was, and several processes share the work: an attempt belongs to
 * whoever has claimed it. Who dies between sending and recording makes at most one repeat.
 */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { store, receivers, rules, clock, logger } = options
  const lanes = receivers.map((receiver) => ({
    lane: new Lane(receiver, options),
    repeats: new Repeats(receiver, options),
  }))
  let timer: NodeJS.Timeout | undefined
  let stopped = true
  let planning: Promise<void> = Promise.resolve()
  let active: Active = { alerts: [], told: [], due: new Set() }

  const plan = (): Promise<void> => {
    planning = planning.then(planNow, planNow)
    return planning
  }
  const planNow = async (): Promise<void> => {
    if (receivers.length === 0) return
    const now = clock()
    const { items: alerts } = await listAlerts(
      store,
      { activeAfter: now - RESOLVED_FOR },
      { now, deliveries: false },
    )
    const told =
      alerts.length === 0
        ? []
        : await listNotifications(store, { subjects: alerts.map(({ id }) => id) }, 1_000_000)
    const bySubject = Map.groupBy(told, ({ subject, receiver }) => `${receiver} ${subject}`)
    const due: OutboxItem[] = []
    for (const alert of alerts) {
      for (const receiver of receivers) {
        const notices = dueNotices(
          alert,
          receiver,
          bySubject.get(`${receiver.name} ${alert.id}`) ?? [],
          permission(alert, receiver.name, rules, now),
          { now, updateMinutes: rules.updateMinutes, acknowledgeUrl: alertUrl(options.publicUrl, alert.id) },
        )
        due.push(...notices.map((notice) => newItem(receiver.name, notice, now)))
      }
    }
    due.push(...(await dueChanges(options, now)))
    await storeItems(store, due)
    active = { alerts, told, due: await dueReceivers(store, now) }
  }
  const serve = async ({ lane, repeats }: (typeof lanes)[number]): Promise<void> => {
    if (active.due.has(lane.receiver.name) || lane.unrecorded) await lane.run()
    await repeats.run(active)
  }
  const deliver = async (): Promise<void> => {
    await plan()
    await Promise.all(lanes.map(serve))
  }
  const soon = (): void => {
    plan()
      // Nobody waits: a receiver that is slow to answer must not keep others from hearing of the next alert.
      .then(() => void Promise.all(lanes.map(serve)))
      .catch((error: unknown) => logger.error({ err: error }, 'Alerts cannot be read; trying again'))
  }
  const tick = (): void => {
    soon()
    if (!stopped) timer = setTimeout(tick, TICK)
  }
  return {
    deliver,
    kick: soon,
    start: () => {
      if (!stopped) return
      stopped = false
      timer = setTimeout(tick, 0)
    },
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await planning.catch(() => {})
      await Promise.all(lanes.map(({ lane, repeats }) => Promise.all([lane.stop(), repeats.stop()])))
    },
  }
}

/** What the last look at the store found. */
interface Active {
  readonly alerts: readonly Alert[]
  readonly told: readonly Notification[]
  /** Receivers for which something is due. */
  readonly due: ReadonlySet<string>
}

/** Sends again to receivers that want it, and gives signs of life. None of it is news, so none is in the outbox. */
class Repeats {
  readonly #receiver: Receiver
  readonly #options: DeliveryOptions
  /** Milliseconds, by alert. */
  readonly #last = new Map<string, number>()
  #running: Promise<void> | undefined
  #failing = false

  constructor(receiver: Receiver, options: DeliveryOptions) {
    this.#receiver = receiver
    this.#options = options
  }

  run(active: Active): Promise<void> {
    this.#running ??= this.#repeat(active).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async stop(): Promise<void> {
    await this.#running
  }

  async #repeat({ alerts, told }: Active): Promise<void> {
    const { clock, logger } = this.#options
    const { repeatEvery, name } = this.#receiver
    if (repeatEvery === null) return
    for (const id of this.#last.keys()) if (!alerts.some((alert) => alert.id === id)) this.#last.delete(id)
    for (const alert of alerts) {
      const now = clock()
      const own = told.filter(({ receiver, subject }) => receiver === name && subject === alert.id)
      if (!this.#wants(alert, own, now)) continue
      const sent = Math.max(
        0,
        ...own.map(({ attemptedAt }) => Date.parse(attemptedAt ?? '1970-01-01T00:00:00Z')),
      )
      if (now - Math.max(this.#last.get(alert.id) ?? 0, sent) < repeatEvery) continue
      try {
        await this.#receiver.send(repeated(alert, own), now)
        this.#last.set(alert.id, now)
        if (this.#failing) logger.info({ receiver: name }, 'It takes repetitions again')
        this.#failing = false
      } catch (error) {
        this.#last.set(alert.id, now - repeatEvery + REPEAT_AGAIN)
        if (!this.#failing) logger.warn({ receiver: name }, `A repetition was not taken: ${reasonOf(error)}`)
        this.#failing = true
        // It will not take the others either.
        return
      }
    }
  }

  #wants(alert: Alert, own: readonly Notification[], now: number): boolean {
    if (alert.kind === 'heartbeat') {
      const seen = Date.parse(alert.updatedAt ?? alert.startsAt)
      return this.#receiver.heartbeat && alert.status === 'firing' && now - seen < HEARTBEAT_FRESH
    }
    // What waits is news, and the lane's.
    if (own.some(({ state }) => state === 'waiting')) return false
    const heard = own.some(({ event, state }) => event === alert.status && state === 'sent')
    return heard && (alert.endsAt === null || now - Date.parse(alert.endsAt) < REPEAT_RESOLVED)
  }
}

/** The alert under the severity that was told last: a repetition is no way around a mute. */
function repeated({ deliveries: _, ...alert }: Alert, own: readonly Notification[]): AlertNotice {
  const severities = own
    .filter(({ event, state }) => event === 'firing' && state === 'sent')
    .map(({ severity }) => severity)
  const severity = severities[0] ?? alert.severity
  return {
    kind: 'alert',
    id: alertNoticeId(alert, alert.status),
    event: alert.status,
    alert: { ...alert, severity },
    update: alert.status === 'firing',
    formerSeverities: [...new Set(severities)].filter((former) => former !== severity),
    acknowledgeUrl: '',
  }
}

/** Deployments of the last hours, for receivers that keep a calendar of changes. */
async function dueChanges(options: DeliveryOptions, now: number): Promise<readonly OutboxItem[]> {
  const takers = options.receivers.filter(({ events }) => events.has('deployment'))
  if (takers.length === 0) return []
  const deployments = await recentDeployments(options.store, now - CHANGE_FRESH)
  if (deployments.length === 0) return []
  const told = await listNotifications(options.store, { subjects: deployments.map(({ id }) => id) })
  const known = new Set(told.map(({ receiver, id }) => `${receiver} ${id}`))
  return deployments.flatMap((deployment) => {
    const back = deployment.status === 'rolled_back'
    const notice: DeploymentNotice = {
      kind: 'deployment',
      id: `deployment-${deployment.id}${back ? '/rolled-back' : ''}`,
      event: 'deployment',
      deployment,
      link: reportUrl(options.publicUrl, deployment),
    }
    const about = { ...deployment, severity: 'note', owner: deployment.attributes['owner'] ?? '' } as const
    return takers
      .filter(({ name }) => !known.has(`${name} ${notice.id}`) && isRouted(about, name, options.rules))
      .map(({ name }) => newItem(name, notice, now))
  })
}
