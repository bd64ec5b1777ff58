import { z } from 'zod'
import type { Measure } from './measure.ts'
import { BAD_DIRECTIONS, CRITICALITIES, type Signal } from './signal.ts'
import { sqlString } from './sql.ts'

/** A user's own signal over any OTLP metric, as it stands in the configuration file. */
export const customSignalSchema = z.strictObject({
  id: z
    .string()
    .regex(
      /^[a-z][a-z0-9_.]*$/,
      'expected lower-case words joined by dots or underscores, such as cart.abandoned',
    ),
  title: z.string().min(1),
  unit: z.string().default('1'),
  /** The metric's name as the service sends it. */
  metric: z.string().min(1),
  /**
   * gauge: each point a sample; up_down: a sum that may fall, each point a sample; counter: a cumulative monotonic sum, judged as its increase per second;
   * delta: a delta sum, each point (the increase of one export) a sample; histogram: a histogram, explicit or exponential, delta or cumulative, judged as a distribution.
   */
  type: z.enum(['gauge', 'up_down', 'counter', 'delta', 'histogram']),
  /** Attribute of the metric that it breaks down by. */
  dimension: z.string().min(1).optional(),
  badDirection: z.enum(BAD_DIRECTIONS).default('up'),
  smallestEffect: z
    .strictObject({ ratio: z.number().gt(1).default(1.2), absolute: z.number().min(0).default(0) })
    .default({ ratio: 1.2, absolute: 0 }),
  criticality: z.enum(CRITICALITIES).default('minor'),
})
export type CustomSignal = z.infer<typeof customSignalSchema>

const measureId = (signal: CustomSignal) => `custom.${signal.id}`

/** What fills the signal: a histogram may come with buckets of either kind, which have a table each. */
export function customMeasures(signal: CustomSignal): readonly Measure[] {
  if (signal.type !== 'histogram') return [pointMeasure(signal, signal.type)]
  const common = {
    cells: 'histogram_1m',
    metrics: [signal.metric],
    selector: 'true',
    dimension: dimensionOf(signal),
  } as const
  return [
    { ...common, id: measureId(signal), source: 'otel_metrics_histogram', buckets: 'explicit' },
    {
      ...common,
      id: `${measureId(signal)}.exponential`,
      source: 'otel_metrics_exponential_histogram',
      buckets: 'exponential',
    },
  ]
}

function dimensionOf({ dimension }: CustomSignal): string {
  return dimension === undefined ? "''" : `Attributes[${sqlString(dimension)}]`
}

function pointMeasure(signal: CustomSignal, type: Exclude<CustomSignal['type'], 'histogram'>): Measure {
  const named = 'bitAnd(Flags, 1) = 0'
  const selectors = {
    gauge: named,
    up_down: `${named} AND NOT IsMonotonic`,
    counter: `${named} AND IsMonotonic AND AggregationTemporality = 2`,
    delta: `${named} AND AggregationTemporality = 1`,
  }
  return {
    id: measureId(signal),
    source: type === 'gauge' ? 'otel_metrics_gauge' : 'otel_metrics_sum',
    cells: type === 'counter' ? 'counter_1m' : 'signal_1m',
    metrics: [signal.metric],
    selector: selectors[type],
    dimension: dimensionOf(signal),
    value: 'Value',
    ...(type === 'counter' ? {} : { histogram: true }),
  }
}

export function customSignal(signal: CustomSignal): Signal {
  return {
    id: `custom.${signal.id}`,
    title: signal.title,
    group: 'custom',
    unit: signal.type === 'counter' ? `${signal.unit}/s` : signal.unit,
    kind: signal.type === 'histogram' ? 'distribution' : 'gauge',
    measures:
      signal.type === 'histogram'
        ? [measureId(signal), `${measureId(signal)}.exponential`]
        : [measureId(signal)],
    ...(signal.dimension === undefined ? {} : { dimension: signal.dimension }),
    badDirection: signal.badDirection,
    smallestEffect: signal.smallestEffect,
    criticality: signal.criticality,
  }
}
