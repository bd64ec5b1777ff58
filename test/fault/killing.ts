import { setTimeout as sleep } from 'node:timers/promises'
import type { Part } from './process.ts'
import type { Senders } from './senders.ts'

export interface Killing {
  readonly kills: number
  /** Numbers between 0 and 1. */
  readonly random: () => number
  readonly onKill: (name: string) => void
}

/** Records that are acknowledged between two kills, so that each hits traffic. */
const BETWEEN = 400
const WITHIN = 700

/** Kills a part at a random moment, again and again, each as often as the others; then stops the traffic. */
export async function killInTraffic(
  parts: readonly Part[],
  senders: Senders,
  { kills, random, onKill }: Killing,
): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    await senders.acknowledge(BETWEEN)
    await sleep(random() * WITHIN)
    const part = parts[kill % parts.length] as Part
    onKill(part.name)
    await part.kill()
    await part.recover()
  }
  await senders.acknowledge(BETWEEN)
  await senders.stop()
}
