import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Store } from '../../schemas/store/client.ts'
import { listAlerts, storeIncident } from '../alerts/stored-alerts.ts'

export interface SelfWatchOptions {
  readonly store: Store
  readonly config: Config
  readonly clock: () => number
  readonly publicUrl: string
  readonly logger: Pick<Logger, 'warn' | 'error'>
  readonly onChange?: () => void
}

/** The sign of life that whoever keeps a dead man's switch waits for. */
const HEARTBEAT_ID = 'postflight-heartbeat'
const MONITOR_ID = 'postflight-monitor'
const BEAT = 60_000
const LOOK_AFTER = 15_000
/** Milliseconds without a finished look from which on the monitor is late. */
const LATE = 90_000
/** Milliseconds without any telemetry of all that is watched. */
const BLIND = 120_000

/** Watches the watcher: a heartbeat after looks that succeed, and an alert of its own while looks do not end or nothing is to be seen. */
export class SelfWatch {
  readonly #options: SelfWatchOptions
  #timer: NodeJS.Timeout | undefined
  #lookedAt = 0
  #beatAt = 0
  #trouble: string | null | undefined

  constructor(options: SelfWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#lookedAt = this.#options.clock()
    this.#timer = setInterval(() => {
      const late = this.#options.clock() - this.#lookedAt
      const limit = Math.max(LATE, 3000 * this.#options.config.monitor.intervalSeconds)
      if (late > limit)
        void this.#tell(`The monitor is late: its last look ended ${Math.round(late / 1000)} s ago`)
    }, LOOK_AFTER)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** @param newest milliseconds: newest telemetry of all that is watched; undefined: nothing is */
  async looked(newest: number | undefined): Promise<void> {
    const now = this.#options.clock()
    this.#lookedAt = now
    const blind = newest !== undefined && newest > 0 && now - newest > BLIND + 60_000
    await this.#tell(
      blind
        ? `No telemetry of anything that is watched since ${new Date(newest).toISOString().slice(11, 16)}Z`
        : null,
    )
    if (now - this.#beatAt < BEAT) return
    this.#beatAt = now
    await storeIncident(
      this.#options.store,
      this.#own(HEARTBEAT_ID, 'heartbeat', 'note', 'The monitor of Postflight is alive.', now),
      now,
    )
  }

  /** Opens, or ends, the alert about the monitor itself. */
  async #tell(trouble: string | null): Promise<void> {
    if (trouble === null && this.#trouble === null) return
    const { store, logger, clock, onChange } = this.#options
    try {
      const known =
        this.#trouble === undefined || this.#trouble === null
          ? (await listAlerts(store)).items.find(({ id }) => id === MONITOR_ID)
          : undefined
      const now = clock()
      const firing = known?.status === 'firing' || typeof this.#trouble === 'string'
      if (trouble !== null && !firing) {
        logger.warn(trouble)
        const incident = this.#own(MONITOR_ID, 'monitor', 'page', trouble, now)
        await storeIncident(store, { ...incident, revision: (known?.revision ?? 0) + 1 }, now)
        onChange?.()
      } else if (trouble === null && firing) {
        const { items } = await listAlerts(store)
        const open = items.find(({ id }) => id === MONITOR_ID)
        if (open !== undefined) {
          const { acknowledged: _, mutedUntil: __, deliveries: ___, ...incident } = open
          const at = new Date(now).toISOString()
          await storeIncident(
            store,
            {
              ...incident,
              status: 'resolved',
              endsAt: at,
              updatedAt: at,
              revision: open.revision + 1,
              resolution: 'back to normal',
            },
            now,
          )
          onChange?.()
        }
      }
      this.#trouble = trouble
    } catch (error) {
      // Without a store nobody can be told from here: the heartbeat that is missing does.
      logger.error({ err: error }, 'The monitor could not tell of itself')
    }
  }

  #own(
    id: string,
    kind: Incident['kind'],
    severity: Incident['severity'],
    summary: string,
    now: number,
  ): Incident {
    const at = new Date(now).toISOString()
    return {
      id,
      kind,
      deploymentId: '',
      service: 'postflight',
      environment: '',
      version: '',
      status: 'firing',
      severity,
      revision: 1,
      startsAt: at,
      endsAt: null,
      updatedAt: at,
      summary,
      reasons: [],
      link: this.#options.publicUrl,
      links: [],
      owner: '',
      shadow: false,
      resolution: null,
    }
  }
}
