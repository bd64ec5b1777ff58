import { CollectError } from '../collector.ts'
import type { Attributes, Exemplar, HistogramPoint, Metric, NumberPoint, SummaryPoint } from '../metric.ts'
import type { Family, FamilySample } from './exposition.ts'
import type { Labels } from './line.ts'

/** The metrics of one family: most have one, what has no word in OTLP becomes gauges named as its samples are. */
export interface FamilyMetrics {
  readonly metrics: readonly Metric[]
  /** Why series were left out. */
  readonly problems: readonly string[]
}

/** UCUM's words for the units that OpenMetrics names. */
const UNITS: Readonly<Record<string, string>> = {
  seconds: 's',
  bytes: 'By',
  ratio: '1',
  celsius: 'Cel',
  meters: 'm',
  volts: 'V',
  amperes: 'A',
  joules: 'J',
  grams: 'g',
}

/**
 * A family as OTLP metrics (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"). Names stay as they were exposed, `_total`
 * included. Labels with no value are as good as none.
 */
export function familyMetrics(family: Family): FamilyMetrics {
  const problems: string[] = []
  const named = {
    ...(family.help === '' ? {} : { description: family.help }),
    ...unitOf(family),
  }
  switch (family.type) {
    case 'counter':
      return { metrics: counters(family, named), problems }
    case 'histogram':
      return {
        metrics: [
          { ...named, name: family.name, kind: 'histogram', points: grouped(family, problems, histogram) },
        ],
        problems,
      }
    case 'summary':
      return {
        metrics: [
          { ...named, name: family.name, kind: 'summary', points: grouped(family, problems, summary) },
        ],
        problems,
      }
    default:
      return { metrics: gauges(family, named), problems }
  }
}

type Described = Pick<Metric, 'unit' | 'description'>

function gauges(family: Family, named: Described): Metric[] {
  const byName = new Map<string, NumberPoint[]>()
  for (const sample of family.samples) {
    const points = byName.get(sample.name) ?? []
    byName.set(sample.name, points)
    points.push({ attributes: attributesOf(sample.labels), value: sample.value, ...timeOf(sample) })
  }
  return [...byName].map(([name, points]) => ({ ...named, name, kind: 'gauge', points }))
}

function counters(family: Family, named: Described): Metric[] {
  const created = new Map<string, number>()
  for (const sample of family.samples)
    if (sample.suffix === '_created') created.set(keyOf(sample.labels), sample.value * 1000)
  const points: NumberPoint[] = []
  let name = family.name
  for (const sample of family.samples) {
    if (sample.suffix === '_created') continue
    name = sample.name
    points.push({
      attributes: attributesOf(sample.labels),
      value: sample.value,
      ...(created.size === 0 ? {} : startOf(created.get(keyOf(sample.labels)))),
      ...timeOf(sample),
      ...exemplarsOf([sample]),
    })
  }
  return [{ ...named, name, kind: 'counter', points }]
}

/** Calls `make` for the samples of each label set, `le` and `quantile` left aside. */
function grouped<Point>(
  family: Family,
  problems: string[],
  make: (samples: readonly FamilySample[]) => Point,
): Point[] {
  const groups = new Map<string, FamilySample[]>()
  for (const sample of family.samples) {
    const key = keyOf(sample.labels, family.type === 'histogram' ? 'le' : 'quantile')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [sample])
    else group.push(sample)
  }
  return [...groups].flatMap(([key, samples]) => {
    try {
      return [make(samples)]
    } catch (error) {
      if (!(error instanceof CollectError)) throw error
      problems.push(`${family.name}{${key}}: ${error.message}`)
      return []
    }
  })
}

/** @throws CollectError if the buckets are not those of a histogram */
function histogram(samples: readonly FamilySample[]): HistogramPoint {
  const buckets: { bound: number; sample: FamilySample }[] = []
  for (const sample of samples) {
    if (sample.suffix !== '_bucket') continue
    const bound = boundOf(sample.labels.get('le'))
    buckets.push({ bound, sample })
  }
  buckets.sort((a, b) => a.bound - b.bound)
  const count = suffixed(samples, '_count') ?? buckets.at(-1)?.sample.value
  if (count === undefined) throw new CollectError('neither buckets nor a count')
  if (buckets.at(-1)?.bound !== Number.POSITIVE_INFINITY && buckets.length > 0)
    throw new CollectError('no bucket of le="+Inf"')
  const bounds: number[] = []
  const counts: number[] = []
  let below = 0
  for (const [at, { bound, sample }] of buckets.entries()) {
    if (at > 0 && bound === buckets[at - 1]?.bound) throw new CollectError(`two buckets of le="${bound}"`)
    if (!(sample.value >= below)) throw new CollectError('the buckets do not rise')
    if (bound !== Number.POSITIVE_INFINITY) bounds.push(bound)
    counts.push(sample.value - below)
    below = sample.value
  }
  if (buckets.length > 0 && count !== below)
    throw new CollectError('the count is not that of the last bucket')
  if (!(count >= 0)) throw new CollectError('the count is no number of events')
  const [first] = samples as [FamilySample]
  return {
    attributes: attributesOf(first.labels, 'le'),
    count,
    // A histogram of values below zero has no sum in OpenMetrics.
    sum: suffixed(samples, '_sum') ?? 0,
    bounds,
    counts: buckets.length === 0 ? [count] : counts,
    ...createdOf(samples),
    ...timeOf(first),
    ...exemplarsOf(buckets.map(({ sample }) => sample)),
  }
}

/** @throws CollectError if there is nothing that a summary has */
function summary(samples: readonly FamilySample[]): SummaryPoint {
  const quantiles = samples
    .filter((sample) => sample.suffix === '')
    .map((sample) => ({ quantile: quantileOf(sample.labels.get('quantile')), value: sample.value }))
    // NaN: nothing was observed lately.
    .filter(({ value }) => !Number.isNaN(value))
  const [first] = samples as [FamilySample]
  const count = suffixed(samples, '_count') ?? 0
  if (!(count >= 0)) throw new CollectError('the count is no number of events')
  return {
    attributes: attributesOf(first.labels, 'quantile'),
    count,
    sum: suffixed(samples, '_sum') ?? 0,
    quantiles,
    ...createdOf(samples),
    ...timeOf(first),
  }
}

function boundOf(text: string | undefined): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY
  const bound = text === undefined || text === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(bound)) throw new CollectError(`le="${text ?? ''}" is no bound`)
  return bound
}

function quantileOf(text: string | undefined): number {
  const quantile = text === undefined || text === '' ? Number.NaN : Number(text)
  if (!(quantile >= 0 && quantile <= 1))
    throw new CollectError(`quantile="${text ?? ''}" is not within 0 to 1`)
  return quantile
}

function suffixed(samples: readonly FamilySample[], suffix: string): number | undefined {
  return samples.find((sample) => sample.suffix === suffix)?.value
}

function createdOf(samples: readonly FamilySample[]): { start?: number } {
  const created = suffixed(samples, '_created')
  return startOf(created === undefined ? undefined : created * 1000)
}

function startOf(start: number | undefined): { start?: number } {
  return start === undefined || !(start > 0) ? {} : { start }
}

function timeOf({ time }: FamilySample): { time?: number } {
  return time === undefined ? {} : { time }
}

const TRACE = ['trace_id', 'traceID', 'traceId', 'TraceID']
const SPAN = ['span_id', 'spanID', 'spanId', 'SpanID']

function exemplarsOf(samples: readonly FamilySample[]): { exemplars?: readonly Exemplar[] } {
  const exemplars = samples.flatMap(({ exemplar }): Exemplar[] => {
    if (exemplar === undefined) return []
    const rest = new Map(exemplar.labels)
    const take = (names: readonly string[], length: number) => {
      const name = names.find((each) => new RegExp(`^[0-9a-f]{${length}}$`, 'i').test(rest.get(each) ?? ''))
      const value = name === undefined ? undefined : rest.get(name)
      if (name !== undefined) rest.delete(name)
      return value
    }
    const traceId = take(TRACE, 32)
    const spanId = take(SPAN, 16)
    return [
      {
        attributes: Object.fromEntries(rest),
        value: exemplar.value,
        ...(exemplar.time === undefined ? {} : { time: exemplar.time }),
        ...(traceId === undefined ? {} : { traceId }),
        ...(spanId === undefined ? {} : { spanId }),
      },
    ]
  })
  return exemplars.length === 0 ? {} : { exemplars }
}

function attributesOf(labels: Labels, without?: string): Attributes {
  return Object.fromEntries([...labels].filter(([name, value]) => name !== without && value !== ''))
}

/** A label set as text, in whatever order it came. */
function keyOf(labels: Labels, without?: string): string {
  const parts: string[] = []
  for (const [name, value] of labels)
    if (name !== without && value !== '') parts.push(`${name}=${JSON.stringify(value)}`)
  return parts.sort().join(',')
}

function unitOf({ name, unit }: Family): { unit?: string } {
  // The text format has no units; the names' endings say them.
  const word = unit === '' ? /_(seconds|bytes|ratio)(?:_total)?$/.exec(name)?.[1] : unit
  return word === undefined ? {} : { unit: UNITS[word] ?? word }
}
