import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Notification } from '../../schemas/contracts/notification.ts'
import { type AlertNotice, alertNoticeId } from './notice.ts'
import type { Receiver } from './receiver.ts'
import type { Permission } from './routing.ts'

/** What a receiver was told, or is to be told, of one alert. */
export type Told = Pick<Notification, 'id' | 'event' | 'revision' | 'severity' | 'state' | 'createdAt'>

const LOUDNESS = { note: 0, ticket: 1, page: 2 } as const
const MINUTE = 60_000

export interface PlanOptions {
  /** Milliseconds. */
  readonly now: number
  /** Minutes between two messages on an alert that grows, to receivers where each is a message of its own. */
  readonly updateMinutes: number
  readonly acknowledgeUrl: string
}

/**
 * What a receiver is to be told of an alert that it has not been told yet. Pure: two processes come to the same notices, with the same ids.
 * @param told everything in the outbox of this alert and receiver
 */
export function dueNotices(
  alert: Alert,
  receiver: Pick<Receiver, 'events' | 'deduplicates'>,
  told: readonly Told[],
  permission: Permission,
  options: PlanOptions,
): readonly AlertNotice[] {
  if (alert.kind === 'heartbeat' || alert.shadow) return []
  const { deliveries: _, ...known } = alert
  const ended = Math.max(
    0,
    ...told.filter(({ event }) => event === 'resolved').map(({ revision }) => revision),
  )
  /** Of this time that it fires: what was given up or replaced was not heard. */
  const heard = told.filter(
    ({ event, revision, state }) =>
      event === 'firing' && revision > ended && (state === 'sent' || state === 'waiting'),
  )
  const make = (event: AlertNotice['event']): AlertNotice => ({
    kind: 'alert',
    id: alertNoticeId(alert, event),
    event,
    alert: known,
    update: event === 'firing' && heard.length > 0,
    formerSeverities: [...new Set(heard.map(({ severity }) => severity))].filter(
      (severity) => severity !== alert.severity,
    ),
    acknowledgeUrl: options.acknowledgeUrl,
  })
  const planned = new Set(told.map(({ id }) => id))
  const due = (['firing', 'acknowledged', 'resolved'] as const)
    .filter((event) => receiver.events.has(event) && isDue(event))
    .map(make)
  return due.filter(({ id }) => !planned.has(id))

  function isDue(event: AlertNotice['event']): boolean {
    switch (event) {
      case 'firing':
        return (
          alert.status === 'firing' &&
          permission.kind === 'send' &&
          told.every((one) => one.event !== 'firing' || one.revision < alert.revision) &&
          (receiver.deduplicates || heard.length === 0 || isWorthAMessage(alert, heard, options))
        )
      case 'acknowledged':
        return alert.status === 'firing' && alert.acknowledged !== null && heard.length > 0
      case 'resolved':
        // Who was never told that it fires need not hear that it is over. Where it is open it is closed; a mere message can wait for the morning.
        return (
          alert.status === 'resolved' &&
          heard.length > 0 &&
          (receiver.deduplicates || permission.kind === 'send' || permission.until === null)
        )
    }
  }
}

function isWorthAMessage(alert: Alert, heard: readonly Told[], options: PlanOptions): boolean {
  const loudest = Math.max(...heard.map(({ severity }) => LOUDNESS[severity]))
  if (LOUDNESS[alert.severity] > loudest) return true
  const last = Math.max(...heard.map(({ createdAt }) => Date.parse(createdAt)))
  return options.now - last >= options.updateMinutes * MINUTE
}
