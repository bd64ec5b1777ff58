import type { Attributes, Metric, ResourceMetrics } from '../metric.ts'

interface Known {
  readonly resource: Attributes
  readonly metric: Pick<Metric, 'kind' | 'name' | 'unit'>
  readonly attributes: Attributes
  /** What shows a reset: the value, or the count. */
  readonly level: number
  readonly start: number
  readonly time: number
}

/**
 * What the last scrape of a target had: so that counters without a start get one (OpenTelemetry metrics data model, "Cumulative streams: handling unknown
 * start time"), and series that are gone are said to be.
 */
export class SeriesMemory {
  #known = new Map<string, Known>()

  /**
   * The scrape with its gaps filled: starts, series that are gone. A series that comes twice keeps its first point.
   * @param time milliseconds since 1970
   * @param processStart since when the target's process counts, if it says so
   */
  complete(
    scrape: readonly ResourceMetrics[],
    time: number,
    processStart: number | undefined,
  ): { readonly batches: readonly ResourceMetrics[]; readonly repeated: number } {
    const before = this.#known
    const now = new Map<string, Known>()
    let repeated = 0
    const resources = scrape.map(({ resource }) => keyOf(resource))
    const batches: ResourceMetrics[] = scrape.map(({ resource, metrics }, at) => ({
      resource,
      metrics: metrics.map((metric) => {
        const { kind, name, unit } = metric
        const about = { kind, name, ...(unit === undefined ? {} : { unit }) }
        const cumulative = kind !== 'gauge' && kind !== 'level'
        const prefix = `${resources[at]}${name}`
        const points = metric.points.flatMap((point) => {
          const key = prefix + keyOf(point.attributes)
          if (now.has(key)) {
            repeated += 1
            return []
          }
          const level = 'count' in point ? point.count : point.value
          const start = point.start ?? processStart ?? observedStart(before.get(key), level, time)
          now.set(key, { resource, metric: about, attributes: point.attributes, level, start, time })
          return [cumulative ? { ...point, start } : point]
        })
        return { ...metric, points } as Metric
      }),
    }))
    for (const [key, { resource, metric, attributes }] of before) {
      if (!now.has(key)) batches.push({ resource, metrics: [goneMetric(metric, attributes)] })
    }
    this.#known = now
    return { batches, repeated }
  }
}

/** Attributes as text, in whatever order they came. */
function keyOf(attributes: Attributes): string {
  const names = Object.keys(attributes).sort()
  let key = ''
  for (const name of names) key += `\u0000${name}\u0001${attributes[name]}`
  return `${key}\u0002`
}

/** The first sight of a series is its start; a fall means that it began anew after the scrape before. */
function observedStart(before: Known | undefined, level: number, time: number): number {
  if (before === undefined) return time
  return level < before.level ? before.time : before.start
}

function goneMetric(metric: Known['metric'], attributes: Attributes): Metric {
  const gone = { attributes, gone: true }
  switch (metric.kind) {
    case 'histogram':
      return { ...metric, kind: 'histogram', points: [{ ...gone, count: 0, sum: 0, bounds: [], counts: [] }] }
    case 'summary':
      return { ...metric, kind: 'summary', points: [{ ...gone, count: 0, sum: 0, quantiles: [] }] }
    default:
      return { ...metric, kind: metric.kind, points: [{ ...gone, value: 0 }] }
  }
}
