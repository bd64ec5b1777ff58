/** Attributes of a resource, a point or an exemplar. */
export type Attributes = Readonly<Record<string, string>>

export interface Exemplar {
  readonly attributes: Attributes
  readonly value: number
  /** Milliseconds since 1970. */
  readonly time?: number
  /** In hex. */
  readonly traceId?: string
  readonly spanId?: string
}

interface Point {
  readonly attributes: Attributes
  /** Milliseconds since 1970: since when a cumulative value counts; absent where that is not known. */
  readonly start?: number
  /** Milliseconds since 1970; absent: when the round began. */
  readonly time?: number
  readonly exemplars?: readonly Exemplar[]
  /** True: the series was there before and is not any more (OTLP's flag "no recorded value"). */
  readonly gone?: boolean
}

export interface NumberPoint extends Point {
  readonly value: number
}

export interface HistogramPoint extends Point {
  readonly count: number
  readonly sum: number
  /** Inclusive upper bounds, rising; the last bucket has none. */
  readonly bounds: readonly number[]
  /** Of each bucket by itself, one more than there are bounds. */
  readonly counts: readonly number[]
}

export interface SummaryPoint extends Point {
  readonly count: number
  readonly sum: number
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[]
}

/** `counter`: cumulative, only rises. `level`: a sum that may fall. */
export type NumberKind = 'gauge' | 'counter' | 'level'

interface Named {
  readonly name: string
  readonly unit?: string
  readonly description?: string
}

/** One metric with its points, as OTLP has them. */
export type Metric =
  | (Named & { readonly kind: NumberKind; readonly points: readonly NumberPoint[] })
  | (Named & { readonly kind: 'histogram'; readonly points: readonly HistogramPoint[] })
  | (Named & { readonly kind: 'summary'; readonly points: readonly SummaryPoint[] })

/** What was read of one resource. */
export interface ResourceMetrics {
  readonly resource: Attributes
  readonly metrics: readonly Metric[]
}

/** A metric of one point, or of none where there is no value. */
export function single(
  kind: NumberKind,
  name: string,
  unit: string,
  value: number | null | undefined,
  attributes: Attributes = {},
): readonly Metric[] {
  return value === null || value === undefined || !Number.isFinite(value)
    ? []
    : [{ kind, name, unit, points: [{ attributes, value }] }]
}
