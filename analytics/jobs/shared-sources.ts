import { type CollectorSettings, sharedSources } from '../../schemas/collectors.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCalibrations } from '../baselines/calibrations.ts'
import { loadPasts, type PastRequest } from '../baselines/past.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { compareByTimeAlone } from './by-time-alone.ts'
import type { SeriesComparison } from './compare-signals.ts'

/** What a service can do to something that it shares; how such a thing runs its own process is not its doing. */
const GROUPS: ReadonlySet<Signal['group']> = new Set(['database', 'host', 'custom'])

/** Milliseconds before a deployment in which another's effect would be taken for its own. */
const BESIDE = 3_600_000

/**
 * Compares what a deployment's service shares with others (databases, hosts, exporters, tied to it by the settings) before and after. They have no
 * version of the service, so time alone divides them, also where old and new version ran side by side.
 * @param windows milliseconds
 * @returns comparisons whose dimension begins with the source's name, and the digest of the six weeks before that they rest on
 */
export async function compareSharedSources(
  store: Store,
  catalogue: Catalogue,
  collectors: CollectorSettings,
  deployment: Deployment,
  of: {
    readonly windows: Readonly<Record<'before' | 'after', { readonly from: number; readonly to: number }>>
    readonly step: number
    readonly alpha: number
    /** True: the time before has the season of a whole day in it. */
    readonly wholeDay: boolean
    /** Milliseconds: the moment that the report is of. */
    readonly asOf: number
    /** The store through which the six weeks before are read and kept, and how. */
    readonly reading: Store
    readonly past: Omit<PastRequest, 'service' | 'environment'>
  },
): Promise<{ readonly comparisons: readonly SeriesComparison[]; readonly digest: string }> {
  const { windows, step, alpha } = of
  const signals = catalogue.signals.filter(({ group }) => GROUPS.has(group))
  const startedAt = Date.parse(deployment.startedAt)
  const digests: string[] = []
  const compared = await Promise.all(
    sharedSources(collectors, deployment).map(async ({ name: source }) => {
      const key = { service: source, environment: deployment.environment }
      const [calibrations, past] = await Promise.all([
        loadCalibrations(store, catalogue, key, startedAt, of.asOf),
        // Of the store itself, by which it is kept from look to look.
        loadPasts(of.reading, catalogue, { ...key, ...of.past }),
      ])
      digests.push(past.digest)
      const comparisons = await compareByTimeAlone(
        store,
        catalogue,
        { ...key, windows, step, signals, histograms: { histograms: false } },
        {
          alpha,
          // The mean over all statements or states is no figure that anyone could read.
          only: (signal, dimension) => dimension !== '' || signal.dimension === undefined,
          calibration: calibrations.of,
          past: past.of,
          ...(of.wholeDay ? { season: calibrations.season } : {}),
        },
      )
      return comparisons.map((comparison) => ({
        ...comparison,
        dimension: dimensionOfSource(source, comparison.dimension),
      }))
    }),
  )
  return { comparisons: compared.flat(), digest: digests.toSorted().join('') }
}

/** What a reader must know of such comparisons: that others may have been at it, and who was. @param to milliseconds: end of the time after */
export async function sharedNotes(
  store: Store,
  collectors: CollectorSettings,
  deployment: Deployment,
  to: number,
): Promise<readonly string[]> {
  const sources = sharedSources(collectors, deployment)
  const from = Date.parse(deployment.startedAt)
  const meanwhile = (await allDeployments(store)).filter((other) => {
    const at = Date.parse(other.startedAt)
    return other.environment === deployment.environment && at >= from - BESIDE && at < to
  })
  return sources.flatMap(({ name, services }) => {
    const others = services.filter((service) => service !== deployment.service)
    const deployed = meanwhile.filter(({ service }) => service === name || others.includes(service))
    return [
      `${name} is shared${others.length === 0 ? '' : ` with ${others.join(', ')}`}: it is compared by time alone.`,
      ...deployed.map(
        ({ service, version, startedAt }) =>
          `${service} ${version} was deployed at ${startedAt.slice(0, 16)}Z: what changed in ${name} may come from that.`,
      ),
    ]
  })
}

/** `orders-db`, or `orders-db: UPDATE cart ...`. */
export function dimensionOfSource(source: string, dimension: string): string {
  return dimension === '' ? source : `${source}: ${dimension}`
}

/** The source that a verdict's dimension names, and the dimension there; undefined for the service's own. */
export function sourceOfDimension(
  collectors: CollectorSettings,
  of: { readonly service: string; readonly environment: string },
  dimension: string,
): { readonly source: string; readonly dimension: string } | undefined {
  for (const { name: source } of sharedSources(collectors, of)) {
    if (dimension === source) return { source, dimension: '' }
    if (dimension.startsWith(`${source}: `)) return { source, dimension: dimension.slice(source.length + 2) }
  }
  return undefined
}
