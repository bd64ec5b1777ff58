import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCalibrations } from '../baselines/calibrations.ts'
import { loadRelations } from '../releases/relations.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { compareByTimeAlone } from './by-time-alone.ts'
import type { SeriesComparison } from './compare-signals.ts'

/** What a release can do to those who call it and those it calls: more would only cost the family power. */
const SIGNALS = ['latency.server', 'errors.server']
/** Milliseconds before a release from which on a neighbour's own is as likely to be what moved it. */
const BESIDE = 30 * 60_000
/** Milliseconds of raw traces that show who calls whom. */
const LOOKED_AT = 20 * 60_000
const RELATED = /^(.+) \((caller|callee)\)$/

/**
 * Blast radius: the services that call the released one, and those that it calls, compared before and after in the same family, since much of the damage shows next door.
 * All their versions count as one. A neighbour that was itself deployed meanwhile is shown and never called regressed by this release.
 * @param windows milliseconds
 * @returns comparisons of each neighbour as a whole, whose dimension is its name and role
 */
export async function compareNeighbours(
  store: Store,
  catalogue: Catalogue,
  deployment: Deployment,
  of: {
    readonly windows: Readonly<Record<'before' | 'after', { readonly from: number; readonly to: number }>>
    readonly step: number
    readonly alpha: number
    readonly asOf: number
  },
): Promise<readonly SeriesComparison[]> {
  const { windows, step, alpha } = of
  const startedAt = Date.parse(deployment.startedAt)
  if (windows.after.to <= windows.after.from) return []
  const { callers, callees } = await loadRelations(store, deployment, {
    from: Math.max(windows.after.from, windows.after.to - LOOKED_AT) / 1000,
    to: windows.after.to / 1000,
  })
  const neighbours = [
    ...callers.map((service) => ({ service, role: 'caller' })),
    ...callees
      .filter((service) => !callers.includes(service))
      .map((service) => ({ service, role: 'callee' })),
  ]
  if (neighbours.length === 0) return []
  const signals = SIGNALS.map((id) => catalogue.signal(id))
  const deployed = await deployedMeanwhile(store, deployment, startedAt - BESIDE, windows.after.to)
  const compared = await Promise.all(
    neighbours.map(async ({ service, role }) => {
      const key = { service, environment: deployment.environment }
      const calibrations = await loadCalibrations(store, catalogue, key, startedAt, of.asOf)
      const found = await compareByTimeAlone(
        store,
        catalogue,
        {
          ...key,
          windows,
          step,
          signals: signals.map((signal) => asNeighbour(signal, deployed.has(service))),
          // As much before as after is enough for a distribution, and histograms are what costs.
          histograms: {
            histogramFrom: (windows.before.to - 2 * (windows.after.to - windows.before.to)) / 1000,
          },
        },
        { alpha, only: (_, dimension) => dimension === '', calibration: calibrations.of },
      )
      return found.map((comparison) => ({ ...comparison, dimension: `${service} (${role})`, mix: null }))
    }),
  )
  return compared.flat()
}

/** Less weight in the family than the service's own signals; none for one that has a release of its own to blame. */
function asNeighbour(signal: Signal, deployed: boolean): Signal {
  return { ...signal, criticality: deployed ? 'info' : 'minor' }
}

async function deployedMeanwhile(
  store: Store,
  { environment, service }: Deployment,
  from: number,
  to: number,
): Promise<ReadonlySet<string>> {
  const others = await allDeployments(store, { environment })
  return new Set(
    others
      .filter((other) => {
        const at = Date.parse(other.startedAt)
        return other.service !== service && at >= from && at < to
      })
      .map((other) => other.service),
  )
}

/** The service that a verdict's dimension names as a neighbour; undefined for the released service's own. */
export function neighbourOfDimension(
  dimension: string,
): { readonly source: string; readonly dimension: string } | undefined {
  const service = RELATED.exec(dimension)?.[1]
  return service === undefined ? undefined : { source: service, dimension: '' }
}
