import type { PrometheusTarget } from '../../../schemas/collectors.ts'
import { readSecret } from '../../../schemas/secret.ts'
import { CollectError, type Collector, type Round } from '../collector.ts'
import type { Attributes, Metric, ResourceMetrics } from '../metric.ts'
import { type Exposition, type Family, readExposition } from './exposition.ts'
import { ResourceOfLabels } from './resources.ts'
import { SeriesMemory } from './series-memory.ts'
import { familyMetrics } from './to-metrics.ts'

/** OpenMetrics first, because it has starts and exemplars. */
const ACCEPT = 'application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const MAX_LINE = 64 * 1024

/** Scrapes one target that exposes metrics as Prometheus does. @param warn told after each answer what could not be read of it; '' for nothing */
export function prometheusCollector(target: PrometheusTarget, warn: (message: string) => void): Collector {
  const { host } = new URL(target.url)
  const resource: Attributes = {
    'service.name': target.name === '' ? host : target.name,
    'service.instance.id': host,
    'deployment.environment.name': target.environment,
    ...(target.version === '' ? {} : { 'service.version': target.version }),
  }
  const memory = new SeriesMemory()
  return {
    kind: 'prometheus',
    target: target.url,
    resource,
    intervalSeconds: target.intervalSeconds,
    timeoutSeconds: Math.min(target.timeoutSeconds, target.intervalSeconds),
    collect: async (round) => {
      const exposition = await fetchExposition(target, round)
      const { families } = exposition
      const { batches, problems } = toBatches(
        families,
        new ResourceOfLabels(resource, target.labels, families),
      )
      const processStart = target.startTime === 'process' ? processStartOf(families) : undefined
      const complete = memory.complete(batches, round.time, processStart)
      const told = [
        ...exposition.problems,
        ...(exposition.badLines > exposition.problems.length
          ? [`${exposition.badLines} bad lines in all`]
          : []),
        ...problems.slice(0, 3),
        ...(complete.repeated > 0 ? [`${complete.repeated} series stand twice`] : []),
      ].join('; ')
      warn(told === '' ? '' : `Left out of ${target.url}: ${told}`)
      return complete.batches
    },
  }
}

async function fetchExposition(target: PrometheusTarget, { signal }: Round): Promise<Exposition> {
  const answer = await fetch(target.url, {
    signal,
    headers: {
      accept: ACCEPT,
      'user-agent': 'postflight',
      'x-prometheus-scrape-timeout-seconds': String(target.timeoutSeconds),
      ...(await authorization(target)),
    },
  })
  const type = (answer.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  const open = type === 'application/openmetrics-text'
  try {
    if (answer.status !== 200) throw new CollectError(`It answered with status ${answer.status}`)
    if (!open && type !== '' && type !== 'text/plain') throw new CollectError(`It answered with ${type}`)
    const limits = { maxBytes: target.maxBytes, maxSamples: target.maxSamples, maxLine: MAX_LINE }
    const read = await readExposition(answer.body ?? emptyBody(), open, limits)
    if (read.families.length === 0 && read.badLines > 0)
      throw new CollectError(`No line of its answer is a metric (${read.problems[0]})`)
    return read
  } catch (error) {
    await answer.body?.cancel().catch(() => {})
    throw error
  }
}

async function authorization(target: PrometheusTarget): Promise<Record<string, string>> {
  const token = await readSecret(target.bearerToken, target.bearerTokenFile)
  if (token !== '') return { authorization: `Bearer ${token}` }
  if (target.username === '') return {}
  const password = await readSecret(target.password, target.passwordFile)
  return { authorization: `Basic ${Buffer.from(`${target.username}:${password}`).toString('base64')}` }
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

function toBatches(
  families: readonly Family[],
  resources: ResourceOfLabels,
): { readonly batches: readonly ResourceMetrics[]; readonly problems: readonly string[] } {
  const byResource = new Map<string, { resource: Attributes; metrics: Metric[] }>()
  const problems: string[] = []
  for (const family of withCreated(families)) {
    const made = familyMetrics(family)
    problems.push(...made.problems)
    for (const metric of made.metrics) {
      const parts = new Map<string, Metric['points'][number][]>()
      for (const point of metric.points) {
        const { resource, own } = resources.divide(point.attributes)
        const key = JSON.stringify(resource)
        if (!byResource.has(key)) byResource.set(key, { resource, metrics: [] })
        const part = parts.get(key) ?? []
        parts.set(key, part)
        part.push({ ...point, attributes: own })
      }
      for (const [key, points] of parts) byResource.get(key)?.metrics.push({ ...metric, points } as Metric)
    }
  }
  return { batches: [...byResource.values()], problems }
}

/** Python's client writes `_created` into the text format too, as gauges of their own: they are put where they belong. */
function withCreated(families: readonly Family[]): readonly Family[] {
  const byName = new Map(families.map((family) => [family.name, family]))
  const created = new Map<Family, Family>()
  for (const family of families) {
    if (family.type !== 'gauge' || !family.name.endsWith('_created')) continue
    const base = family.name.slice(0, -'_created'.length)
    const owner = [byName.get(base), byName.get(`${base}_total`)].find(
      (other) => other !== undefined && ['counter', 'histogram', 'summary'].includes(other.type),
    )
    if (owner !== undefined) created.set(owner, family)
  }
  if (created.size === 0) return families
  const taken = new Set(created.values())
  return families.flatMap((family): Family[] => {
    if (taken.has(family)) return []
    const more = created.get(family)?.samples.map((sample) => ({ ...sample, suffix: '_created' })) ?? []
    return [{ ...family, samples: [...family.samples, ...more] }]
  })
}

/** @returns milliseconds since 1970 */
function processStartOf(families: readonly Family[]): number | undefined {
  const sample = families.find(({ name }) => name === 'process_start_time_seconds')?.samples[0]
  return sample !== undefined && sample.value > 0 && Number.isFinite(sample.value)
    ? sample.value * 1000
    : undefined
}
