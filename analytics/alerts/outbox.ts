import type { Notification } from '../../schemas/contracts/notification.ts'
import type { Store } from '../../schemas/store/client.ts'
import { messageOf } from './message.ts'
import type { Notice } from './notice.ts'

/** An entry of the outbox that still waits. */
export interface OutboxItem extends Notification {
  readonly notice: Notice
  /** Attempts that the receiver answered with a failure of its own. */
  readonly refusals: number
  /** The newest attempt that some process has begun, and when (milliseconds); 0: none. One beyond `attempts` is under way, or its process died. */
  readonly claimed: number
  readonly claimedAt: number
}

/**
 * How far a notice is, as a number that only grows: the greatest one counts, so a process that knows less never undoes what another has done, and clocks do not
 * matter.
 */
const ENDED = { superseded: 2 ** 40, given_up: 2 ** 41, sent: 2 ** 42 } as const

interface Row {
  receiver: string
  id: string
  subject: string
  event: Notification['event']
  revision: number
  severity: Notification['severity']
  service: string
  environment: string
  title: string
  link: string
  state: Notification['state']
  attempts: number
  refusals: number
  created: number
  attempted: number | null
  next: number
  answer: string
}

const COLUMNS = `receiver, id, subject, event, revision, severity, service, environment, title, link, state, attempts, refusals,
  toUnixTimestamp64Milli(created_at) AS created, toUnixTimestamp64Milli(attempted_at) AS attempted, toUnixTimestamp64Milli(next_at) AS next, answer`

const iso = (at: number): string => new Date(at).toISOString()

function notificationOf(row: Row): Notification {
  const { created, attempted, next, refusals: _, ...same } = row
  return {
    ...same,
    createdAt: iso(created),
    attemptedAt: attempted === null ? null : iso(attempted),
    nextAt: iso(next),
  }
}

/** A notice as it enters the outbox. @param now milliseconds */
export function newItem(receiver: string, notice: Notice, now: number): OutboxItem {
  const about = notice.kind === 'alert' ? notice.alert : notice.deployment
  return {
    receiver,
    id: notice.id,
    subject: about.id,
    event: notice.event,
    revision: notice.kind === 'alert' ? notice.alert.revision : 1,
    severity: notice.kind === 'alert' ? notice.alert.severity : 'note',
    service: about.service,
    environment: about.environment,
    title: messageOf(notice).title,
    link: notice.kind === 'alert' ? notice.alert.link : notice.link,
    state: 'waiting',
    attempts: 0,
    createdAt: iso(now),
    attemptedAt: null,
    nextAt: iso(now),
    answer: '',
    notice,
    refusals: 0,
    claimed: 0,
    claimedAt: 0,
  }
}

/** Stores entries as they now are. */
export async function storeItems(store: Store, items: readonly OutboxItem[]): Promise<void> {
  await store.insert(
    'alert_outbox',
    items.map((item) => ({
      receiver: item.receiver,
      id: item.id,
      subject: item.subject,
      event: item.event,
      revision: item.revision,
      severity: item.severity,
      service: item.service,
      environment: item.environment,
      title: item.title,
      link: item.link,
      state: item.state,
      attempts: item.attempts,
      refusals: item.refusals,
      created_at: item.createdAt,
      attempted_at: item.attemptedAt,
      next_at: item.nextAt,
      answer: item.answer,
      notice_json: JSON.stringify(item.notice),
      version: item.state === 'waiting' ? item.attempts : ENDED[item.state],
    })),
  )
}

/** Receivers for which something is due. @param now milliseconds */
export async function dueReceivers(store: Store, now: number): Promise<ReadonlySet<string>> {
  const rows = await store.query<{ receiver: string }>(
    `SELECT DISTINCT receiver FROM (SELECT receiver, state, next_at FROM alert_outbox FINAL)
    WHERE state = 'waiting' AND next_at <= fromUnixTimestamp64Milli({now:Int64})`,
    { now },
  )
  return new Set(rows.map(({ receiver }) => receiver))
}

/** What waits for a receiver, the oldest first. */
export async function waitingItems(store: Store, receiver: string): Promise<readonly OutboxItem[]> {
  const rows = await store.query<Row & { notice: string; claimed: number; claimed_at: number }>(
    `SELECT o.*, c.claimed AS claimed, c.claimed_at AS claimed_at FROM
    (
        SELECT ${COLUMNS}, notice_json AS notice FROM alert_outbox FINAL
        WHERE state = 'waiting' AND receiver = {receiver:String}
    ) AS o
    LEFT JOIN
    (
        SELECT receiver, id, max(attempt) AS claimed, toUnixTimestamp64Milli(argMax(started_at, attempt)) AS claimed_at FROM alert_attempt
        WHERE receiver = {receiver:String} GROUP BY receiver, id
    ) AS c ON c.receiver = o.receiver AND c.id = o.id
    ORDER BY o.created, o.revision, o.id`,
    { receiver },
  )
  return rows.map(({ notice, claimed, claimed_at, ...row }) => ({
    ...notificationOf(row),
    refusals: row.refusals,
    notice: JSON.parse(notice) as Notice,
    claimed,
    claimedAt: claimed_at,
  }))
}

/**
 * Takes an attempt for one process. Its number is the insert's token: the engine drops the insert of whoever comes second, who then finds the first one's name.
 * @param now milliseconds
 * @returns whether it is this process that makes the attempt
 */
export async function claimAttempt(
  store: Store,
  item: Pick<OutboxItem, 'receiver' | 'id'>,
  attempt: number,
  process: string,
  now: number,
): Promise<boolean> {
  const { receiver, id } = item
  await store.insert('alert_attempt', [{ receiver, id, attempt, process, started_at: iso(now) }], {
    insert_deduplication_token: JSON.stringify([receiver, id, attempt]),
  })
  const [first] = await store.query<{ process: string }>(
    'SELECT process FROM alert_attempt WHERE receiver = {receiver:String} AND id = {id:String} AND attempt = {attempt:UInt32} ORDER BY started_at, process LIMIT 1',
    { receiver, id, attempt },
  )
  return first?.process === process
}

export interface NotificationFilter {
  readonly subjects?: readonly string[] | undefined
  readonly receiver?: string | undefined
  readonly service?: string | undefined
  readonly state?: Notification['state'] | undefined
}

/** What was told to whom, newest first. */
export async function listNotifications(
  store: Store,
  filter: NotificationFilter = {},
  limit = 10_000,
): Promise<readonly Notification[]> {
  const rows = await store.query<Row>(
    `SELECT ${COLUMNS} FROM alert_outbox FINAL
    WHERE (empty({subjects:Array(String)}) OR subject IN {subjects:Array(String)}) AND ({receiver:String} = '' OR receiver = {receiver:String})
      AND ({service:String} = '' OR service = {service:String}) AND ({state:String} = '' OR state = {state:String})
    ORDER BY created DESC, revision DESC, receiver LIMIT {limit:UInt32}`,
    {
      subjects: [...(filter.subjects ?? [])],
      receiver: filter.receiver ?? '',
      service: filter.service ?? '',
      state: filter.state ?? '',
      limit,
    },
  )
  return rows.map(notificationOf)
}
