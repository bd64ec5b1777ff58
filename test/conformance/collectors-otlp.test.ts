import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Attributes, Metric, ResourceMetrics } from '../../ingest/collectors/metric.ts'
import { metricRequests } from '../../ingest/collectors/to-otlp.ts'
import { official } from './official.ts'

const T = 1_790_000_000_123
const attributes = fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.string({ maxLength: 8 }), {
  maxKeys: 3,
  noNullPrototype: true,
})
// The official decoder leaves out what is zero, whatever its sign.
const double = fc.double().map((value) => (value === 0 ? 0 : value))
const count = fc.nat(2 ** 31).map((n) => n * 1000)
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))
const base = {
  attributes,
  start: fc.option(
    fc.nat(2 ** 30).map((n) => (n + 1) * 1000),
    { nil: undefined },
  ),
  time: fc.option(
    fc.nat(2 ** 30).map((n) => (n + 1) * 1000),
    { nil: undefined },
  ),
  gone: fc.boolean(),
}
const exemplars = fc.array(fc.record({ attributes, value: double, traceId: hex(32), spanId: hex(16) }), {
  maxLength: 2,
})
const named = { name: fc.string({ minLength: 1, maxLength: 9 }), unit: fc.string({ maxLength: 3 }) }
const numbers = fc.array(fc.record({ ...base, value: double, exemplars }), {
  minLength: 1,
  maxLength: 4,
})
const metric = fc.oneof(
  fc.record({ ...named, kind: fc.constantFrom('gauge', 'counter', 'level'), points: numbers }),
  fc.record({
    ...named,
    kind: fc.constant('histogram'),
    points: fc.array(
      fc.record({
        ...base,
        count,
        sum: double,
        bounds: fc.array(double),
        counts: fc.array(count),
        exemplars,
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({
    ...named,
    kind: fc.constant('summary'),
    points: fc.array(
      fc.record({
        ...base,
        count,
        sum: double,
        quantiles: fc.array(fc.record({ quantile: double, value: double }), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
) as fc.Arbitrary<Metric>
const batch: fc.Arbitrary<ResourceMetrics> = fc.record({
  resource: attributes,
  metrics: fc.array(metric, { minLength: 1, maxLength: 4 }),
})

interface Decoded {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly Pair[] }
    readonly scopeMetrics: readonly { readonly metrics: readonly Record<string, unknown>[] }[]
  }[]
}
interface Pair {
  readonly key: string
  readonly value: { readonly stringValue: string }
}

it('what collectors read is what an official decoder reads, in whatever portions it is sent', () => {
  fc.assert(
    fc.property(
      fc.array(batch, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 10 }),
      (batches, most) => {
        const requests = [...metricRequests(batches, T, most)]
        const decoded = requests.map(
          (body) =>
            official.metrics.toObject(official.metrics.decode(body), {
              longs: String,
              bytes: Buffer,
              arrays: true,
              defaults: false,
            }) as Decoded,
        )
        const points = decoded.map(({ resourceMetrics }) =>
          resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
            scopeMetrics.flatMap(({ metrics }) =>
              metrics.flatMap((each) => flattened(resource.attributes, each)),
            ),
          ),
        )
        for (const request of points) expect(request.length).toBeLessThanOrEqual(most)
        expect(points.flat()).toEqual(
          batches.flatMap(({ resource, metrics }) => metrics.flatMap(expected(resource))),
        )
      },
    ),
    { numRuns: 300 },
  )
})

const DATA = {
  gauge: 'gauge',
  counter: 'sum',
  level: 'sum',
  histogram: 'histogram',
  summary: 'summary',
} as const

/** Of each point what matters, in the words of the message. */
function flattened(resource: readonly Pair[], metric: Record<string, unknown>): object[] {
  const [kind = ''] = Object.keys(metric).filter((key) =>
    ['gauge', 'sum', 'histogram', 'summary'].includes(key),
  )
  const { dataPoints, ...rest } = metric[kind] as { dataPoints: Record<string, unknown>[] }
  return dataPoints.map((point) => ({
    resource: plain(resource),
    name: metric['name'],
    kind,
    ...rest,
    point: pointOf(point),
  }))
}

function expected(resource: Attributes) {
  return (metric: Metric): object[] =>
    metric.points.map((point) => {
      const gone = point.gone === true
      const values = gone
        ? {}
        : 'value' in point
          ? { asDouble: point.value }
          : 'quantiles' in point
            ? {
                count: String(point.count),
                sum: point.sum,
                quantileValues: point.quantiles.map((each) => ({ ...each })),
              }
            : {
                count: String(point.count),
                sum: point.sum,
                bucketCounts: point.counts.map(String),
                explicitBounds: [...point.bounds],
              }
      const message = {
        ...values,
        ...(gone ? { flags: 1 } : {}),
        ...(point.start === undefined ? {} : { startTimeUnixNano: `${BigInt(point.start) * 1_000_000n}` }),
        timeUnixNano: `${BigInt(point.time ?? T) * 1_000_000n}`,
        exemplars: (metric.kind === 'summary' ? [] : (point.exemplars ?? [])).map((exemplar) => ({
          asDouble: exemplar.value,
          timeUnixNano: `${BigInt(T) * 1_000_000n}`,
          traceId: exemplar.traceId,
          spanId: exemplar.spanId,
          filteredAttributes: { ...exemplar.attributes },
        })),
        attributes: { ...point.attributes },
      }
      return {
        resource: { ...resource },
        name: metric.name,
        kind: DATA[metric.kind],
        ...(metric.kind === 'gauge' || metric.kind === 'summary' ? {} : { aggregationTemporality: 2 }),
        ...(metric.kind === 'counter' ? { isMonotonic: true } : {}),
        point: pointOf(message),
      }
    })
}

/** The same shape of both: attributes as an object, lists that may be absent, ids in hex. */
function pointOf(point: Record<string, unknown>): object {
  const exemplars = (point['exemplars'] ?? []) as Record<string, unknown>[]
  const lists = ['bucketCounts', 'explicitBounds', 'quantileValues']
  return {
    count: '0',
    sum: 0,
    ...point,
    ...Object.fromEntries(
      lists.map((name) => [name, name === 'quantileValues' ? quantilesOf(point[name]) : (point[name] ?? [])]),
    ),
    attributes: plain(point['attributes'] ?? []),
    exemplars: exemplars.map((exemplar) => ({
      ...exemplar,
      traceId: idOf(exemplar['traceId']),
      spanId: idOf(exemplar['spanId']),
      filteredAttributes: plain(exemplar['filteredAttributes'] ?? []),
    })),
  }
}

function quantilesOf(quantiles: unknown): object[] {
  return ((quantiles ?? []) as object[]).map((each) => ({ quantile: 0, value: 0, ...each }))
}

function plain(attributes: unknown): object {
  return Array.isArray(attributes)
    ? Object.fromEntries((attributes as Pair[]).map(({ key, value }) => [key, value.stringValue]))
    : (attributes as object)
}

function idOf(id: unknown): string {
  return Buffer.isBuffer(id) ? id.toString('hex') : String(id)
}
