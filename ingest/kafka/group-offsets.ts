import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'

const ATTEMPTS = 5
/** Milliseconds before the second attempt; longer before each that follows. */
const PAUSE = 100

/**
 * Offsets that a group has committed, with their metadata. kafkajs asks once: a coordinator that has not loaded the group yet, just after a broker's start, or that moves,
 * is asked again here.
 * @throws what kafkajs throws, once it does not pass by itself
 */
export async function groupOffsets(
  admin: Pick<Admin, 'fetchOffsets'>,
  query: Parameters<Admin['fetchOffsets']>[0],
): ReturnType<Admin['fetchOffsets']> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await admin.fetchOffsets(query)
    } catch (error) {
      const passes = error instanceof kafkajs.KafkaJSProtocolError && error.retriable
      if (!passes || attempt === ATTEMPTS) throw error
      await sleep(PAUSE * attempt)
    }
  }
}
