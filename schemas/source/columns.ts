import type { Source } from '../signals/measure.ts'
import { jsonAsMap } from './json-map.ts'

/** How a column of a user's table is read as the column of ours that it stands for. */
export interface ColumnRule {
  /** Name in our table. */
  readonly name: string
  /** Names that it had in some generation, besides. */
  readonly formerly?: readonly string[]
  /** For messages: the types that can be read. */
  readonly expected: string
  /** SQL of the column as ours has it, by the type that was found; undefined: cannot be read. @param name quoted */
  readonly read: (name: string, type: string) => string | undefined
  /** SQL for tables that do not have the column; absent: there is no reading them without. */
  readonly missing?: string
}

const MAP = 'Map(LowCardinality(String), String)'
/** `LowCardinality` and `Nullable` say how a column is kept, not what it is. */
function bare(type: string): string {
  const inner = /^LowCardinality\((.*)\)$/.exec(type)?.[1] ?? type
  return /^Nullable\((.*)\)$/.exec(inner)?.[1] ?? inner
}
const isNullable = (type: string) => /^(LowCardinality\()?Nullable\(/.test(type)

/** Names of span kinds and status codes until September 2024. */
const OLDER_ENUMS = {
  SpanKind: ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
    (kind) => [`SPAN_KIND_${kind}`, kind.charAt(0) + kind.slice(1).toLowerCase()] as const,
  ),
  StatusCode: ['UNSET', 'OK', 'ERROR'].map(
    (code) => [`STATUS_CODE_${code}`, code.charAt(0) + code.slice(1).toLowerCase()] as const,
  ),
}

function text(name: string, missing?: string): ColumnRule {
  return {
    name,
    expected: 'String',
    read: (column, type) =>
      /^(String|FixedString\(\d+\)|Enum(8|16)\(.*\))$/.test(bare(type))
        ? /^(LowCardinality\()?String/.test(type)
          ? column
          : `toString(${isNullable(type) ? `ifNull(${column}, '')` : column})`
        : undefined,
    ...(missing === undefined ? {} : { missing }),
  }
}

function enumeration(name: keyof typeof OLDER_ENUMS): ColumnRule {
  const plain = text(name)
  const names = OLDER_ENUMS[name]
  const list = (at: 0 | 1) => `[${names.map((pair) => `'${pair[at]}'`).join(', ')}]`
  return {
    ...plain,
    read: (column, type) => {
      const sql = plain.read(column, type)
      return sql === undefined ? undefined : `transform(${sql}, ${list(0)}, ${list(1)}, ${sql})`
    },
  }
}

/** Nanoseconds; generations that keep whole seconds read as such. */
function time(name: string, missing?: string): ColumnRule {
  return {
    name,
    expected: 'DateTime64 or DateTime',
    read: (column, type) =>
      /^DateTime64\(9\b/.test(type)
        ? column
        : /^DateTime(64\(|\(|$)/.test(type)
          ? `toDateTime64(${column}, 9)`
          : undefined,
    ...(missing === undefined ? {} : { missing }),
  }
}

function number(
  name: string,
  as: 'UInt8' | 'UInt32' | 'UInt64' | 'Int32' | 'Float64' | 'Bool',
  missing?: string,
  formerly?: readonly string[],
): ColumnRule {
  return {
    name,
    ...(formerly === undefined ? {} : { formerly }),
    expected: as,
    read: (column, type) => {
      if (type === as) return column
      if (!/^(U?Int\d+|Float(32|64)|Bool)$/.test(bare(type))) return undefined
      const value = isNullable(type) ? `ifNull(${column}, 0)` : column
      // A negative count or duration is a clock that was set back.
      return `CAST(${as.startsWith('U') && !type.includes('UInt') ? `greatest(${value}, 0)` : value}, '${as}')`
    },
    ...(missing === undefined ? {} : { missing }),
  }
}

/** Attributes: maps as they are, JSON columns as the maps that they were made from. */
function attributes(name: string, sorted: boolean, missing?: string): ColumnRule {
  return {
    name,
    expected: 'Map(String, String) or JSON',
    read: (column, type) => {
      if (/^JSON\b/.test(type)) return jsonAsMap(column)
      if (!/^Map\((LowCardinality\()?String\)?, (LowCardinality\()?String\)?\)$/.test(type)) return undefined
      const map = type === MAP ? column : `CAST(${column}, '${MAP}')`
      // Until December 2024 keys came in random order, and a metric's stream is known by its attributes.
      return sorted ? `mapSort(${map})` : map
    },
    ...(missing === undefined ? {} : { missing }),
  }
}

function arrayOf(name: string, of: 'UInt64' | 'Float64', missing?: string): ColumnRule {
  return {
    name,
    expected: `Array(${of})`,
    read: (column, type) =>
      type === `Array(${of})`
        ? column
        : /^Array\((U?Int\d+|Float(32|64))\)$/.test(type)
          ? `CAST(${column}, 'Array(${of})')`
          : undefined,
    ...(missing === undefined ? {} : { missing }),
  }
}

/** A column of a nested one: the same, by element. */
function nested(name: string, of: ColumnRule): ColumnRule {
  return {
    name,
    expected: `Array(${of.expected})`,
    read: (column, type) => {
      const element = /^Array\((.*)\)$/.exec(type)?.[1]
      const sql = element === undefined ? undefined : of.read('element', element)
      return sql === undefined || sql === 'element' ? sql && column : `arrayMap(element -> ${sql}, ${column})`
    },
  }
}

const SERIES = [text('ServiceName'), attributes('ResourceAttributes', false)]

function metric(...own: readonly ColumnRule[]): readonly ColumnRule[] {
  return [
    text('ServiceName'),
    attributes('ResourceAttributes', true),
    text('ScopeName', "''"),
    text('MetricName'),
    text('MetricUnit', "''"),
    attributes('Attributes', true),
    time('StartTimeUnix', 'toDateTime64(0, 9)'),
    time('TimeUnix'),
    number('Flags', 'UInt32', '0'),
    ...own,
  ]
}
/** The oldest generation called it `AggTemp`. */
const TEMPORALITY = number('AggregationTemporality', 'Int32', undefined, ['AggTemp'])

/** What rollups and examples read of each raw table. Columns that only Postflight's decoders fill are constants. */
export const COLUMNS: Readonly<Record<Source, readonly ColumnRule[]>> = {
  otel_logs: [
    time('Timestamp'),
    ...SERIES,
    text('TraceId', "''"),
    text('SpanId', "''"),
    text('SeverityText', "''"),
    number('SeverityNumber', 'UInt8'),
    text('Body'),
    attributes('LogAttributes', false),
    constant('TemplateId', '0'),
    constant('Template', "''"),
    constant('ExceptionKind', "''"),
  ],
  otel_traces: [
    time('Timestamp'),
    ...SERIES,
    text('TraceId'),
    text('SpanId'),
    text('ParentSpanId', "''"),
    text('TraceState', "''"),
    text('SpanName'),
    enumeration('SpanKind'),
    attributes('SpanAttributes', false),
    number('Duration', 'UInt64'),
    enumeration('StatusCode'),
    nested('Events.Timestamp', time('Timestamp')),
    nested('Events.Name', text('Name')),
    nested('Events.Attributes', attributes('Attributes', false)),
    constant('Events.ExceptionKind', "arrayMap(name -> '', theirs.`Events.Name`)"),
  ],
  otel_metrics_gauge: metric(number('Value', 'Float64')),
  otel_metrics_sum: metric(number('Value', 'Float64'), TEMPORALITY, number('IsMonotonic', 'Bool')),
  otel_metrics_histogram: metric(
    number('Count', 'UInt64'),
    number('Sum', 'Float64'),
    arrayOf('BucketCounts', 'UInt64'),
    arrayOf('ExplicitBounds', 'Float64'),
    TEMPORALITY,
  ),
  otel_metrics_exponential_histogram: metric(
    number('Count', 'UInt64'),
    number('Sum', 'Float64'),
    number('Scale', 'Int32'),
    number('ZeroCount', 'UInt64'),
    number('PositiveOffset', 'Int32'),
    arrayOf('PositiveBucketCounts', 'UInt64'),
    number('NegativeOffset', 'Int32', '0'),
    arrayOf('NegativeBucketCounts', 'UInt64', "CAST([], 'Array(UInt64)')"),
    TEMPORALITY,
  ),
  otel_metrics_summary: metric(number('Count', 'UInt64'), number('Sum', 'Float64')),
}

/** A column that the table is never asked for. */
function constant(name: string, sql: string): ColumnRule {
  return { name, expected: '', read: () => sql, missing: sql }
}
