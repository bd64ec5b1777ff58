import { encoded, encodedAttributes, WireWriter } from '../protobuf/wire-writer.ts'
import type {
  Exemplar,
  HistogramPoint,
  Metric,
  NumberPoint,
  ResourceMetrics,
  SummaryPoint,
} from './metric.ts'

/** Points of one request: large enough to be cheap, small enough for any limit on a request. */
const MOST_POINTS = 5_000
/** AGGREGATION_TEMPORALITY_CUMULATIVE. */
const CUMULATIVE = 2
/** DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK. */
const NO_VALUE = 1

const SCOPE = encoded((scope) => scope.text(1, 'postflight/collectors'))

/**
 * What was read, in OTLP's words: bodies of ExportMetricsServiceRequest in protobuf, each of a bounded number of points and
 * made when it is asked for, so that a large scrape does not hold the process up.
 * @param time milliseconds since 1970, of points that have none of their own
 */
export function* metricRequests(
  batches: readonly ResourceMetrics[],
  time: number,
  mostPoints = MOST_POINTS,
): Generator<Buffer> {
  let request = new WireWriter(1 << 14)
  let room = mostPoints
  for (const { resource, metrics } of batches) {
    const head = encoded((writer) => writer.bytes(encodedAttributes(1, resource)))
    let scoped = new WireWriter(1 << 12)
    const closeResource = () => {
      if (scoped.length === 0) return
      request.block(
        1,
        encoded((each) => {
          each.block(1, head)
          each.block(
            2,
            encoded((scope) => {
              scope.block(1, SCOPE)
              scope.bytes(scoped.written)
            }),
          )
        }),
      )
      scoped = new WireWriter(1 << 12)
    }
    for (const metric of metrics) {
      for (let from = 0; from < metric.points.length; ) {
        const to = Math.min(metric.points.length, from + room)
        scoped.block(2, encodedMetric(metric, from, to, time))
        room -= to - from
        from = to
        if (room === 0) {
          closeResource()
          yield request.written
          request = new WireWriter(1 << 14)
          room = mostPoints
        }
      }
    }
    closeResource()
  }
  if (request.length > 0) yield request.written
}

/** Metric {name: 1, description: 2, unit: 3, gauge: 5, sum: 7, histogram: 9, summary: 11}. */
function encodedMetric(metric: Metric, from: number, to: number, time: number): Buffer {
  return encoded((writer) => {
    writer.text(1, metric.name)
    if (metric.description !== undefined) writer.text(2, metric.description)
    if (metric.unit !== undefined) writer.text(3, metric.unit)
    switch (metric.kind) {
      case 'histogram': {
        const points = metric.points.slice(from, to).map((point) => histogramPoint(point, time))
        writer.block(9, dataOf(points, { temporality: CUMULATIVE }))
        return
      }
      case 'summary': {
        const points = metric.points.slice(from, to).map((point) => summaryPoint(point, time))
        writer.block(11, dataOf(points, {}))
        return
      }
      case 'gauge':
        writer.block(5, dataOf(numberPoints(metric.points.slice(from, to), time), {}))
        return
      default: {
        const points = numberPoints(metric.points.slice(from, to), time)
        writer.block(7, dataOf(points, { temporality: CUMULATIVE, monotonic: metric.kind === 'counter' }))
      }
    }
  })
}

/** {data_points: 1, aggregation_temporality: 2, is_monotonic: 3}. */
function dataOf(points: readonly Buffer[], of: { temporality?: number; monotonic?: boolean }): Buffer {
  return encoded((data) => {
    for (const point of points) data.block(1, point)
    if (of.temporality !== undefined) data.number(2, of.temporality)
    if (of.monotonic === true) data.number(3, 1)
  })
}

function numberPoints(points: readonly NumberPoint[], time: number): readonly Buffer[] {
  return points.map((point) =>
    encoded((writer) => {
      times(writer, point, time)
      if (point.gone !== true) writer.double(4, point.value)
      exemplars(writer, 5, point.exemplars, time)
      writer.bytes(encodedAttributes(7, point.attributes))
      if (point.gone === true) writer.number(8, NO_VALUE)
    }),
  )
}

function histogramPoint(point: HistogramPoint, time: number): Buffer {
  return encoded((writer) => {
    times(writer, point, time)
    if (point.gone !== true) {
      writer.fixed64(4, point.count)
      writer.double(5, point.sum)
      writer.fixed64s(6, point.counts)
      writer.doubles(7, point.bounds)
    }
    exemplars(writer, 8, point.exemplars, time)
    writer.bytes(encodedAttributes(9, point.attributes))
    if (point.gone === true) writer.number(10, NO_VALUE)
  })
}

function summaryPoint(point: SummaryPoint, time: number): Buffer {
  return encoded((writer) => {
    times(writer, point, time)
    if (point.gone !== true) {
      writer.fixed64(4, point.count)
      writer.double(5, point.sum)
      for (const { quantile, value } of point.quantiles) {
        writer.block(
          6,
          encoded((each) => {
            each.double(1, quantile)
            each.double(2, value)
          }),
        )
      }
    }
    writer.bytes(encodedAttributes(7, point.attributes))
    if (point.gone === true) writer.number(8, NO_VALUE)
  })
}

function times(writer: WireWriter, point: { start?: number; time?: number }, time: number): void {
  if (point.start !== undefined) writer.nanoseconds(2, point.start)
  writer.nanoseconds(3, point.time ?? time)
}

/** Exemplar {time: 2, as_double: 3, span_id: 4, trace_id: 5, filtered_attributes: 7}. */
function exemplars(
  writer: WireWriter,
  field: number,
  all: readonly Exemplar[] | undefined,
  time: number,
): void {
  for (const exemplar of all ?? []) {
    writer.block(
      field,
      encoded((each) => {
        each.nanoseconds(2, exemplar.time ?? time)
        each.double(3, exemplar.value)
        if (exemplar.spanId !== undefined) each.block(4, Buffer.from(exemplar.spanId, 'hex'))
        if (exemplar.traceId !== undefined) each.block(5, Buffer.from(exemplar.traceId, 'hex'))
        each.bytes(encodedAttributes(7, exemplar.attributes))
      }),
    )
  }
}
