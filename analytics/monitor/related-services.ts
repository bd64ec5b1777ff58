import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Relations } from '../releases/relations.ts'

const MINUTE = 60
/** Seconds between two looks for callers and callees that were not there before. */
export const RELATED_AGAIN = 600

/** What is watched of callers and callees: whether they serve, not how they live. */
export function relatedSignals(catalogue: Catalogue): readonly Signal[] {
  return catalogue.signals.filter(
    ({ group, kind }) => kind !== 'gauge' && ['errors', 'latency', 'exceptions', 'logs'].includes(group),
  )
}

export type Joined = Watch['memory']['joined'][number]

/** The same moments whoever looks: the last whole ten minutes since the start, in seconds. */
export function relatedMoment({ startedAt }: Deployment, now: number): number {
  const start = Math.floor(Date.parse(startedAt) / 60_000) * MINUTE
  return start + Math.floor((now - start) / RELATED_AGAIN) * RELATED_AGAIN
}

/** Callers and callees of a stored watch without those that joined. */
export function knownAtStart({ callers, callees }: Watch, joined: readonly Joined[]): Relations {
  const later = new Set(joined.map(({ service }) => service))
  const first = (names: readonly string[]) => names.filter((name) => !later.has(name))
  return { callers: first(callers), callees: first(callees) }
}
