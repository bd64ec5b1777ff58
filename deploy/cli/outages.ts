import type { Logger, LoggerOptions } from 'pino'
import type { Needed } from '../../postflight.ts'
import { PostflightError } from '../../schemas/errors.ts'

/** Milliseconds between two lines while something is away. */
const SAY_EVERY = 60_000
/** Milliseconds without a failure after which an answer ends it: on a disk that is nearly full small inserts succeed between large ones that do not. */
const SETTLED = 5_000

const BACK: Readonly<Record<Needed, string>> = {
  store: 'ClickHouse answers again',
  disk: 'The disk takes rows again',
  kafka: 'Kafka answers again',
}

export interface Outages {
  /** Of the logger that all rooms share: each of them tries again, and tells the same. */
  readonly hooks: NonNullable<LoggerOptions['hooks']>
  /** The store has answered, the disk has taken telemetry, Kafka has answered. */
  answered(by: Needed, logger: Pick<Logger, 'info'>): void
}

interface Outage {
  readonly since: number
  said: number
  failed: number
  failures: number
}

/**
 * Tells of a store or Kafka that is away, and of a full disk, once with all there is to know, then in a line a minute at most, and once
 * when it is over.
 * @param clock milliseconds since the epoch
 */
export function outages(clock: () => number): Outages {
  const known = new Map<Needed, Outage>()
  const seconds = (since: number): number => Math.round((clock() - since) / 1000)
  return {
    hooks: {
      logMethod(args, method) {
        const [about, ...rest] = args as unknown as [unknown, ...string[]]
        const error = (about as { readonly err?: unknown } | null)?.err
        const lacking = whatLacks(error)
        if (lacking === undefined) return method.apply(this, args)
        const now = clock()
        const outage = known.get(lacking)
        if (outage === undefined) {
          known.set(lacking, { since: now, said: now, failed: now, failures: 1 })
          return method.apply(this, args)
        }
        outage.failures += 1
        outage.failed = now
        if (now - outage.said < SAY_EVERY) return
        outage.said = now
        const { code, message } = error as PostflightError
        const { since, failures } = outage
        const told = { ...(about as object), err: { code, message }, failures, seconds: seconds(since) }
        method.apply(this, [told, ...rest] as unknown as Parameters<typeof method>)
      },
    },
    answered(by, logger) {
      const outage = known.get(by)
      if (outage === undefined || clock() - outage.failed < SETTLED) return
      known.delete(by)
      logger.info({ failures: outage.failures, seconds: seconds(outage.since) }, BACK[by])
    },
  }
}

function whatLacks(error: unknown): Needed | undefined {
  if (!(error instanceof PostflightError)) return undefined
  if (error.code === 'STORE_UNREACHABLE') return 'store'
  if (error.code === 'BROKER_UNREACHABLE') return 'kafka'
  return error.code === 'JOURNAL_UNWRITABLE' || error.details['diskFull'] === true ? 'disk' : undefined
}
