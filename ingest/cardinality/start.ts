import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { dimensionsPutTogether } from '../telemetry.ts'
import { type CardinalityOptions, lookAtDimensions } from './look.ts'

const MINUTE = 60_000

/** Looks once a minute at how many values dimensions have, until closed. */
export function startCardinality(
  options: CardinalityOptions & {
    readonly logger: Pick<Logger, 'warn' | 'error'>
    /** Milliseconds since the epoch. */
    readonly clock: () => number
  },
): { close(): Promise<void> } {
  const { logger, clock } = options
  const stop = new AbortController()
  const told = new Set<string>()
  const look = async () => {
    for (const rest of await lookAtDimensions(options, Math.floor(clock() / 1000))) {
      dimensionsPutTogether(rest)
      const { service, measure, kept } = rest
      const key = JSON.stringify([service, measure])
      if (told.has(key)) continue
      told.add(key)
      logger.warn(
        { service, measure, kept },
        'A dimension has too many values: those that are not kept are counted as (other)',
      )
    }
  }
  const waited = async () => await sleep(MINUTE, true, { signal: stop.signal, ref: false }).catch(() => false)
  const run = async () => {
    while (await waited()) {
      await look().catch((error: unknown) => {
        logger.error({ err: error }, 'Dimensions could not be looked at; the next look tries again')
      })
    }
  }
  const running = run()
  return {
    close: async () => {
      stop.abort()
      await running
    },
  }
}
