import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { INSTANCES } from '../../schemas/signals/bounded-instance.ts'
import { restSeen } from '../telemetry.ts'
import { lookAtInstances } from './instances.ts'
import { type CardinalityOptions, lookAtDimensions } from './look.ts'
import type { Rest } from './rest.ts'
import { lookAtStreams } from './streams.ts'

const MINUTE = 60_000

/** Looks once a minute at how many values dimensions, how many streams metrics and how many instances versions have, until closed. */
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
  const tell = (rest: Rest) => {
    restSeen(rest)
    const { service, environment, version, measure, kept } = rest
    const key = JSON.stringify([service, environment, version, measure, rest.streams])
    if (told.has(key)) return
    told.add(key)
    logger.warn({ service, environment, version, measure, kept }, messageOf(rest))
  }
  const look = async () => {
    const now = Math.floor(clock() / 1000)
    for (const rest of await lookAtDimensions(options, now)) tell(rest)
    for (const rest of await lookAtStreams(options, now)) tell(rest)
    for (const rest of await lookAtInstances(options, now)) tell(rest)
  }
  const waited = async () => await sleep(MINUTE, true, { signal: stop.signal, ref: false }).catch(() => false)
  const run = async () => {
    while (await waited()) {
      await look().catch((error: unknown) => {
        logger.error({ err: error }, 'Cardinality could not be looked at; the next look tries again')
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

function messageOf({ measure, streams }: Rest): string {
  if (streams) return 'A metric has too many streams: it is taken from a random sample of them'
  if (measure === INSTANCES)
    return 'A version has too many instances: those that are not kept are counted as (other)'
  return 'A dimension has too many values: those that are not kept are counted as (other)'
}
