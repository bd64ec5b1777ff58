import { Block } from '../native/block.ts'
import {
  ArrayColumn,
  ByteColumn,
  type Column,
  LowCardinalityColumn,
  MapColumn,
  SharedMapColumn,
  StringColumn,
  WordColumn,
} from '../native/column.ts'
import { Words } from '../native/sink.ts'

/** What the tables of all kinds of metrics have alike. */
function pointColumns() {
  return {
    resourceAttributes: new SharedMapColumn('ResourceAttributes'),
    resourceSchemaUrl: new StringColumn('ResourceSchemaUrl'),
    scopeName: new StringColumn('ScopeName'),
    scopeVersion: new StringColumn('ScopeVersion'),
    scopeAttributes: new SharedMapColumn('ScopeAttributes'),
    scopeDroppedAttrCount: new WordColumn('ScopeDroppedAttrCount', 'UInt32'),
    scopeSchemaUrl: new StringColumn('ScopeSchemaUrl'),
    serviceName: new LowCardinalityColumn('ServiceName'),
    metricName: new LowCardinalityColumn('MetricName'),
    metricDescription: new StringColumn('MetricDescription'),
    metricUnit: new StringColumn('MetricUnit'),
    attributes: new MapColumn('Attributes'),
    startTimeUnix: new WordColumn('StartTimeUnix', 'DateTime64(9)'),
    timeUnix: new WordColumn('TimeUnix', 'DateTime64(9)'),
    flags: new WordColumn('Flags', 'UInt32'),
  }
}

function exemplarColumns() {
  const offsets = new Words()
  return {
    exemplarsFilteredAttributes: new ArrayColumn(offsets, new MapColumn('Exemplars.FilteredAttributes')),
    exemplarsTimeUnix: new ArrayColumn(offsets, new WordColumn('Exemplars.TimeUnix', 'DateTime64(9)')),
    exemplarsValue: new ArrayColumn(offsets, new WordColumn('Exemplars.Value', 'Float64')),
    exemplarsSpanId: new ArrayColumn(offsets, new StringColumn('Exemplars.SpanId')),
    exemplarsTraceId: new ArrayColumn(offsets, new StringColumn('Exemplars.TraceId')),
  }
}

function histogramColumns() {
  return {
    count: new WordColumn('Count', 'UInt64'),
    sum: new WordColumn('Sum', 'Float64'),
    min: new WordColumn('Min', 'Float64'),
    max: new WordColumn('Max', 'Float64'),
    aggregationTemporality: new WordColumn('AggregationTemporality', 'Int32'),
  }
}

export type PointCells = ReturnType<typeof pointColumns>
export type ExemplarCells = ReturnType<typeof exemplarColumns>

/** Rows of one of the `otel_metrics_*` tables. */
export class PointsBlock<Own extends Record<string, Column>> extends Block {
  readonly point: PointCells
  readonly own: Own
  readonly exemplars: ExemplarCells | undefined

  constructor(table: string, own: Own, exemplars: ExemplarCells | undefined) {
    const point = pointColumns()
    super(table, [...Object.values(point), ...Object.values(own), ...Object.values(exemplars ?? {})])
    this.point = point
    this.own = own
    this.exemplars = exemplars
  }
}

export function newGaugeBlock() {
  const own = { value: new WordColumn('Value', 'Float64') }
  return new PointsBlock('otel_metrics_gauge', own, exemplarColumns())
}

export function newSumBlock() {
  const own = {
    value: new WordColumn('Value', 'Float64'),
    aggregationTemporality: new WordColumn('AggregationTemporality', 'Int32'),
    isMonotonic: new ByteColumn('IsMonotonic', 'Bool'),
  }
  return new PointsBlock('otel_metrics_sum', own, exemplarColumns())
}

export function newHistogramBlock() {
  const own = {
    ...histogramColumns(),
    bucketCounts: new ArrayColumn(new Words(), new WordColumn('BucketCounts', 'UInt64')),
    explicitBounds: new ArrayColumn(new Words(), new WordColumn('ExplicitBounds', 'Float64')),
  }
  return new PointsBlock('otel_metrics_histogram', own, exemplarColumns())
}

export function newExponentialHistogramBlock() {
  const own = {
    ...histogramColumns(),
    scale: new WordColumn('Scale', 'Int32'),
    zeroCount: new WordColumn('ZeroCount', 'UInt64'),
    positiveOffset: new WordColumn('PositiveOffset', 'Int32'),
    positiveBucketCounts: new ArrayColumn(new Words(), new WordColumn('PositiveBucketCounts', 'UInt64')),
    negativeOffset: new WordColumn('NegativeOffset', 'Int32'),
    negativeBucketCounts: new ArrayColumn(new Words(), new WordColumn('NegativeBucketCounts', 'UInt64')),
  }
  return new PointsBlock('otel_metrics_exponential_histogram', own, exemplarColumns())
}

export function newSummaryBlock() {
  const offsets = new Words()
  const own = {
    count: new WordColumn('Count', 'UInt64'),
    sum: new WordColumn('Sum', 'Float64'),
    quantile: new ArrayColumn(offsets, new WordColumn('ValueAtQuantiles.Quantile', 'Float64')),
    value: new ArrayColumn(offsets, new WordColumn('ValueAtQuantiles.Value', 'Float64')),
  }
  return new PointsBlock('otel_metrics_summary', own, undefined)
}

export type GaugeBlock = ReturnType<typeof newGaugeBlock>
export type SumBlock = ReturnType<typeof newSumBlock>
export type HistogramBlock = ReturnType<typeof newHistogramBlock>
export type ExponentialHistogramBlock = ReturnType<typeof newExponentialHistogramBlock>
export type SummaryBlock = ReturnType<typeof newSummaryBlock>
