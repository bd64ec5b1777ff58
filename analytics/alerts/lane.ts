import type { Logger } from 'pino'
import type { Store } from '../../schemas/store/client.ts'
import { alertDeliveries } from '../jobs/telemetry.ts'
import { backoff } from './backoff.ts'
import { claimAttempt, type OutboxItem, storeItems, waitingItems } from './outbox.ts'
import { type Receiver, reasonOf, SEND_TIMEOUT, SendError } from './receiver.ts'

export interface LaneOptions {
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Name of this process, different after each start. */
  readonly process: string
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
}

/** An attempt without an outcome after this is of a process that died. */
export const LEASE = 3 * SEND_TIMEOUT
/** A notice that nobody took for so long is no news any more. */
export const GIVE_UP = 24 * 3_600_000
/** A notice that a receiver failed over so often lets those of other alerts pass. */
const PATIENCE = 5

/**
 * The queue of one receiver: in order, one at a time, apart from all others. A receiver that is away keeps all of its queue; one that fails over a certain
 * notice keeps that alert's. What newer news replaces is not sent.
 */
export class Lane {
  readonly receiver: Receiver
  readonly #options: LaneOptions
  /** Outcomes that the store has not taken yet. */
  readonly #unrecorded = new Map<string, OutboxItem>()
  #running: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor(receiver: Receiver, options: LaneOptions) {
    this.receiver = receiver
    this.#options = options
  }

  /** True: what was sent could not be noted yet. */
  get unrecorded(): boolean {
    return this.#unrecorded.size > 0
  }

  /** Sends what is due. Resolves when nothing more is; never rejects. */
  run(): Promise<void> {
    this.#again = true
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Finishes the attempt under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #loop(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#drain()
      } catch (error) {
        this.#options.logger.error(
          { err: error, receiver: this.receiver.name },
          'The outbox cannot be read or written; trying again',
        )
        return
      }
    }
  }

  async #drain(): Promise<void> {
    const { store, clock } = this.#options
    while (!this.#stopped) {
      for (const [id, item] of this.#unrecorded) {
        await storeItems(store, [item])
        this.#unrecorded.delete(id)
      }
      const { queue, changed } = collapse(await waitingItems(store, this.receiver.name))
      await storeItems(store, changed)
      const item = nextItem(queue, clock())
      if (item === undefined) return
      if (!(await this.#attempt(item))) return
    }
  }

  /** @returns whether the queue may go on */
  async #attempt(item: OutboxItem): Promise<boolean> {
    const { store, clock, random, process, logger } = this.#options
    const attempt = Math.max(item.attempts, item.claimed) + 1
    if (!(await claimAttempt(store, item, attempt, process, clock()))) return false
    const now = clock()
    const outcome = await this.receiver.send(item.notice, now).then(
      (answer) => ({ ok: true as const, answer }),
      (error: unknown) => ({ ok: false as const, error }),
    )
    alertDeliveries.add(1, { receiver: this.receiver.name.split(':')[0] ?? '', ok: outcome.ok })
    const tried = { ...item, attempts: attempt, attemptedAt: new Date(now).toISOString() }
    let done: OutboxItem
    if (outcome.ok) done = { ...tried, state: 'sent', answer: outcome.answer }
    else {
      const { error } = outcome
      const kind = error instanceof SendError ? error.kind : 'failed'
      const wait = Math.max(
        backoff(attempt, random),
        error instanceof SendError ? (error.retryAfter ?? 0) : 0,
      )
      const over = kind === 'refused' || clock() - Date.parse(item.createdAt) > GIVE_UP
      done = {
        ...tried,
        state: over ? 'given_up' : 'waiting',
        answer: reasonOf(error),
        refusals: item.refusals + (kind === 'failed' ? 1 : 0),
        nextAt: new Date(clock() + wait).toISOString(),
      }
      logger.warn(
        { notice: item.id, receiver: this.receiver.name, attempts: attempt, givenUp: over },
        `Not delivered: ${done.answer}`,
      )
    }
    // Kept until it is stored: what was sent must not be sent again because the store was away for a moment.
    this.#unrecorded.set(item.id, done)
    await storeItems(store, [done])
    this.#unrecorded.delete(item.id)
    // A notice that is refused for good says nothing of the next one.
    return done.state !== 'waiting' || done.refusals >= PATIENCE
  }
}

/**
 * Leaves out what newer news of the same alert replaces: growth gives way to more growth, an acknowledgement to the end. Beginning and end are both told, also to a
 * receiver that was away for all of it.
 * @param waiting of one receiver, oldest first
 * @returns what is left, oldest first, and all that is to be stored anew
 */
export function collapse(waiting: readonly OutboxItem[]): {
  readonly queue: readonly OutboxItem[]
  readonly changed: readonly OutboxItem[]
} {
  const queue: OutboxItem[] = []
  const changed: OutboxItem[] = []
  /** Alerts whose first message was replaced before anybody heard it: the next one is the first. */
  const unheard = new Set<string>()
  for (const [at, item] of waiting.entries()) {
    const { event, subject, notice } = item
    const later = waiting.slice(at + 1).filter((other) => other.subject === subject)
    const end = later.findIndex((other) => other.event === 'resolved')
    // Of what fires again after its end, both times are told.
    const sameTime = later.slice(0, end === -1 ? later.length : end)
    const replaced =
      (event === 'firing' && sameTime.some((other) => other.event === 'firing')) ||
      (event === 'acknowledged' && end !== -1)
    const first = event === 'firing' && notice.kind === 'alert' && (!notice.update || unheard.has(subject))
    if (replaced && item.claimed <= item.attempts) {
      changed.push({ ...item, state: 'superseded' })
      if (first) unheard.add(subject)
    } else if (first && notice.update) {
      const promoted = { ...item, notice: { ...notice, update: false } }
      changed.push(promoted)
      queue.push(promoted)
    } else queue.push(item)
  }
  return { queue, changed }
}

/**
 * The one to send now, if any.
 * @param queue oldest first
 * @param now milliseconds
 */
export function nextItem(queue: readonly OutboxItem[], now: number): OutboxItem | undefined {
  // A page does not wait until a pager has been told of all deployments of a busy hour.
  const isAlert = ({ event }: OutboxItem) => event !== 'deployment'
  const willing = queue.filter(({ refusals }) => refusals < PATIENCE)
  const patient = [...willing.filter(isAlert), ...willing.filter((item) => !isAlert(item))]
  const failing = queue.filter(({ refusals }) => refusals >= PATIENCE)
  const blocked = new Set(failing.map(({ subject }) => subject))
  for (const item of patient) {
    // Of one alert, nothing overtakes.
    if (blocked.has(item.subject)) continue
    return mayGo(item, now) ? item : undefined
  }
  const heads = failing.filter(
    (item, at) => failing.findIndex(({ subject }) => subject === item.subject) === at,
  )
  return heads.find((item) => mayGo(item, now))
}

function mayGo(item: OutboxItem, now: number): boolean {
  return Date.parse(item.nextAt) <= now && (item.claimed <= item.attempts || now - item.claimedAt >= LEASE)
}
