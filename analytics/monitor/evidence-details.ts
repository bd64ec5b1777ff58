import { linearRegression } from 'simple-statistics'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { exemplarsOf } from '../jobs/exemplars.ts'
import { seenEarlier } from '../jobs/kind-facts.ts'
import { quantity } from '../jobs/words.ts'
import { loadCells } from '../queries/cells.ts'
import { type Details, MOST_REASONS, reasonKey } from './incident.ts'
import type { SignalEvidence } from './watch-evidence.ts'

/**
 * Looks into the reasons that an incident names: the first trace of a new exception (or that it is back), the worst one of what is slow or fails, and by how much
 * something grows that should not.
 */
export async function loadDetails(
  store: Store,
  catalogue: Catalogue,
  deployment: Deployment,
  reasons: readonly SignalEvidence[],
  now: number,
): Promise<Details> {
  const more = new Map<string, string>()
  const resurfaced = new Set<string>()
  const traces = new Map<string, string>()
  const startedAt = Date.parse(deployment.startedAt)
  await Promise.all(
    reasons.slice(0, MOST_REASONS).map(async (reason) => {
      const signal = catalogue.signal(reason.signal)
      const of = { service: reason.service, environment: deployment.environment }
      if (reason.fresh) {
        const [back] = await seenEarlier(
          store,
          [{ signal, dimension: reason.dimension }],
          of,
          startedAt / 1000,
        )
        if (back === true) resurfaced.add(reasonKey(reason))
      }
      if (signal.growth === true) {
        const slope = await slopeOf(store, catalogue, deployment, reason, now)
        if (slope > 0) more.set(reasonKey(reason), `grows by ${quantity(slope * 3600, signal.unit)} an hour`)
      }
      if (reason.relation === 'own') {
        const [first] = await exemplarsOf(
          store,
          catalogue,
          reason,
          { ...of, version: deployment.version },
          { from: Math.max(startedAt, reason.since * 1000), to: now * 1000 },
          reason.fresh ? 'first' : 'worst',
        )
        if (first !== undefined) traces.set(reasonKey(reason), first.traceId)
      }
    }),
  )
  return { more, resurfaced, traces }
}

/** Least squares over the minutes of the version, in the signal's unit a second; 0 with too few. */
async function slopeOf(
  store: Store,
  catalogue: Catalogue,
  deployment: Deployment,
  reason: SignalEvidence,
  now: number,
): Promise<number> {
  const signal = catalogue.signal(reason.signal)
  const set = await loadCells(store, catalogue, {
    service: reason.service,
    environment: deployment.environment,
    from: Date.parse(deployment.startedAt) / 1000,
    to: now,
    signals: [signal],
    histograms: false,
  })
  const points = signal.measures.flatMap((measure) =>
    (set.get(measure)?.get(reason.dimension)?.get(deployment.version) ?? [])
      .filter((cell) => cell.count > 0)
      .map((cell) => [cell.time, cell.sum / cell.count] as [number, number]),
  )
  return points.length < 10 ? 0 : linearRegression(points).m
}
