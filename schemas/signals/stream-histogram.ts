import { bucketSql } from '../histogram.ts'

/** The scale that says: buckets are those of histogram.md already. No exponential histogram has it (the specification ends at 20). */
export const LOG_SPACED = 127

interface Shape {
  /** Boolean SQL: the row can be read. */
  readonly selector: string
  /** Int32 SQL. */
  readonly scale: string
  /** UInt64 SQL: values that are zero or below. */
  readonly zero: string
  /** Map(Int32, UInt64) SQL: bucket index to count, of positive values. */
  readonly buckets: string
}

/**
 * What a row of a histogram table says, by the kind of its buckets. Explicit bounds are read as histogram.md's buckets at once: each of their buckets stands
 * for one value, its geometric middle (half of the first bound, the last bound for what is beyond), so that differences of cumulative ones stay exact.
 * Exponential buckets stay as they are, since scales may change within a stream (OpenTelemetry metrics data model, ExponentialHistogram).
 * @param factor Float64 SQL that explicit bounds are multiplied by, for the signal's unit
 */
export function shapeOf(kind: 'explicit' | 'exponential', factor?: string): Shape {
  return kind === 'exponential' ? EXPONENTIAL : explicit(factor)
}

function explicit(factor: string | undefined): Shape {
  const bounds =
    factor === undefined ? 'ExplicitBounds' : `arrayMap(bound -> bound * ${factor}, ExplicitBounds)`
  return {
    selector: 'notEmpty(ExplicitBounds) AND length(BucketCounts) = length(ExplicitBounds) + 1',
    scale: `toInt32(${LOG_SPACED})`,
    zero: 'toUInt64(0)',
    buckets: `CAST(arrayReduce('sumMap', [arrayMap((low, high) -> toInt32(${bucketSql(
      'multiIf(high <= low, low, low > 0, sqrt(low * high), high > 0, high / 2, 0.)',
    )}), arrayPushFront(${bounds}, 0.), arrayPushBack(${bounds}, (${bounds})[-1]))], [BucketCounts]), 'Map(Int32, UInt64)')`,
  }
}

const EXPONENTIAL: Shape = {
  selector: 'Scale BETWEEN -10 AND 20',
  scale: 'Scale',
  zero: 'ZeroCount + arraySum(NegativeBucketCounts)',
  buckets:
    'mapFromArrays(arrayMap(i -> toInt32(PositiveOffset + i - 1), arrayEnumerate(PositiveBucketCounts)), PositiveBucketCounts)',
}
