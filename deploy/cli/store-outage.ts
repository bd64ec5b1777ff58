import type { Logger, LoggerOptions } from 'pino'
import { PostflightError } from '../../schemas/errors.ts'

/** Milliseconds between two lines while the store is away. */
const SAY_EVERY = 60_000

export interface StoreOutage {
  /** Of the logger that all rooms share: each of them tries again, and tells the same. */
  readonly hooks: NonNullable<LoggerOptions['hooks']>
  /** The store has answered. */
  answered(logger: Pick<Logger, 'info'>): void
}

/**
 * Tells of a store that is away once with all there is to know, then in a line a minute at most, and once when it is back.
 * @param clock milliseconds since the epoch
 */
export function storeOutage(clock: () => number): StoreOutage {
  let outage: { readonly since: number; said: number; failures: number } | undefined
  const seconds = (since: number): number => Math.round((clock() - since) / 1000)
  return {
    hooks: {
      logMethod(args, method) {
        const [about, ...rest] = args as unknown as [unknown, ...string[]]
        const error = unreachable(about)
        if (error === undefined) return method.apply(this, args)
        const now = clock()
        if (outage === undefined) {
          outage = { since: now, said: now, failures: 1 }
          return method.apply(this, args)
        }
        outage.failures += 1
        if (now - outage.said < SAY_EVERY) return
        outage.said = now
        const { code, message } = error
        const { since, failures } = outage
        const told = { ...(about as object), err: { code, message }, failures, seconds: seconds(since) }
        method.apply(this, [told, ...rest] as unknown as Parameters<typeof method>)
      },
    },
    answered(logger) {
      if (outage === undefined) return
      const { since, failures } = outage
      outage = undefined
      logger.info({ failures, seconds: seconds(since) }, 'ClickHouse answers again')
    },
  }
}

function unreachable(about: unknown): PostflightError | undefined {
  const error = (about as { readonly err?: unknown } | null)?.err
  return error instanceof PostflightError && error.code === 'STORE_UNREACHABLE' ? error : undefined
}
