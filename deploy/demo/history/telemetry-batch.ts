import { encoded, encodedAttributes, WireWriter } from '../../../ingest/protobuf/wire-writer.ts'

/** SpanKind of opentelemetry-proto. */
export const SERVER = 2
export const CLIENT = 3

/** What does not vary between spans of one sort: name, kind, attributes, encoded once. */
export interface SpanTemplate {
  readonly bytes: Buffer
}

export function spanTemplate(
  name: string,
  kind: typeof SERVER | typeof CLIENT,
  attributes: Readonly<Record<string, string | number>>,
): SpanTemplate {
  return {
    bytes: encoded((span) => {
      span.text(5, name)
      span.number(6, kind)
      span.bytes(encodedAttributes(9, attributes))
    }),
  }
}

export interface SpanException {
  readonly type: string
  readonly message: string
}

export interface LogLine {
  readonly severity: 9 | 13 | 17
  readonly text: 'INFO' | 'WARN' | 'ERROR'
  readonly body: string
}

/** Ids of a span, copied from where they were first written. */
export interface SpanIds {
  readonly trace: Buffer
  readonly span: Buffer
}

export interface Gauge {
  readonly name: string
  readonly unit: string
  /** `sum`: an up-down counter, as the conventions want for bytes in use. */
  readonly kind: 'gauge' | 'sum'
  readonly attributes: Readonly<Record<string, string | number>>
}

/** The telemetry of one process (one version, one instance) until it is sent. */
export class TelemetryBatch {
  readonly #resource: Buffer
  readonly #spans = new WireWriter(1 << 20)
  readonly #logs = new WireWriter(1 << 14)
  readonly #points = new Map<Gauge, WireWriter>()
  readonly #span = new WireWriter(4096)
  readonly #started: number
  spans = 0
  logs = 0
  points = 0

  /** @param started milliseconds since 1970: when the process began */
  constructor(resource: Readonly<Record<string, string | number>>, started: number) {
    this.#resource = encoded((writer) => writer.bytes(encodedAttributes(1, resource)))
    this.#started = started
  }

  /** @param start milliseconds since 1970  @param seconds how long it took */
  addSpan(
    template: SpanTemplate,
    ids: SpanIds,
    parent: Buffer | undefined,
    start: number,
    seconds: number,
    extra?: { attributes?: Buffer; failed?: boolean; exception?: SpanException },
  ): void {
    const span = this.#span
    span.clear()
    span.block(1, ids.trace)
    span.block(2, ids.span)
    if (parent !== undefined) span.block(4, parent)
    span.bytes(template.bytes)
    span.nanoseconds(7, start)
    const end = start + seconds * 1000
    span.nanoseconds(8, end)
    if (extra?.attributes !== undefined) span.bytes(extra.attributes)
    const exception = extra?.exception
    if (exception !== undefined) {
      span.block(
        11,
        encoded((event) => {
          event.nanoseconds(1, end)
          event.text(2, 'exception')
          event.bytes(
            encodedAttributes(3, {
              'exception.type': exception.type,
              'exception.message': exception.message,
              'exception.stacktrace': `${exception.type}: ${exception.message}\n    at handle (file:///app/server.js:41:11)`,
            }),
          )
        }),
      )
    }
    // Status {message: 2, code: 3}; 2 is STATUS_CODE_ERROR.
    if (extra?.failed === true) span.block(15, FAILED)
    this.#spans.block(2, span.written)
    this.spans++
  }

  addLog(line: LogLine, ids: SpanIds, time: number): void {
    this.#logs.block(
      2,
      encoded((record) => {
        record.nanoseconds(1, time)
        record.number(2, line.severity)
        record.text(3, line.text)
        record.block(
          5,
          encoded((any) => any.text(1, line.body)),
        )
        record.block(9, ids.trace)
        record.block(10, ids.span)
        record.nanoseconds(11, time)
      }),
    )
    this.logs++
  }

  addPoint(gauge: Gauge, time: number, value: number): void {
    let points = this.#points.get(gauge)
    if (points === undefined) {
      points = new WireWriter(4096)
      this.#points.set(gauge, points)
    }
    const point = this.#span
    point.clear()
    point.nanoseconds(2, this.#started)
    point.nanoseconds(3, time)
    point.double(4, value)
    point.bytes(attributesOf(gauge))
    points.block(1, point.written)
    this.points++
  }

  /** Appends this process's ResourceSpans, ResourceLogs and ResourceMetrics to the requests, and forgets them. */
  drainInto(traces: WireWriter, logs: WireWriter, metrics: WireWriter): void {
    if (this.spans > 0) appendResource(traces, this.#resource, TRACE_SCOPE, this.#spans.written)
    if (this.logs > 0) appendResource(logs, this.#resource, LOG_SCOPE, this.#logs.written)
    if (this.points > 0) {
      const all = encoded((writer) => {
        for (const [gauge, points] of this.#points) writer.block(2, encodedMetric(gauge, points.written))
      })
      appendResource(metrics, this.#resource, METRIC_SCOPE, all)
    }
    this.#spans.clear()
    this.#logs.clear()
    for (const points of this.#points.values()) points.clear()
    this.#points.clear()
    this.spans = 0
    this.logs = 0
    this.points = 0
  }
}

const FAILED = encoded((status) => status.number(3, 2))
const TRACE_SCOPE = scope('@opentelemetry/instrumentation-http')
const LOG_SCOPE = scope('@opentelemetry/instrumentation-pino')
const METRIC_SCOPE = scope('@opentelemetry/instrumentation-runtime-node')

const pointAttributes = new WeakMap<Gauge, Buffer>()

function attributesOf(gauge: Gauge): Buffer {
  let bytes = pointAttributes.get(gauge)
  if (bytes === undefined) {
    bytes = encodedAttributes(7, gauge.attributes)
    pointAttributes.set(gauge, bytes)
  }
  return bytes
}

function scope(name: string): Buffer {
  return encoded((writer) => {
    writer.text(1, name)
    writer.text(2, '0.300.0')
  })
}

/** Resource* {resource: 1, scope_*: 2}, Scope* {scope: 1, items: 2}, as field 1 of the request. */
function appendResource(request: WireWriter, resource: Buffer, scopeBytes: Buffer, items: Uint8Array): void {
  const head = encoded((writer) => writer.block(1, scopeBytes))
  const scoped = head.length + items.length
  const opening = encoded((writer) => {
    writer.block(1, resource)
    writer.varint((2 << 3) | 2)
    writer.varint(scoped)
  })
  request.varint((1 << 3) | 2)
  request.varint(opening.length + scoped)
  request.bytes(opening)
  request.bytes(head)
  request.bytes(items)
}

/** Metric {name: 1, unit: 3, gauge: 5 {data_points: 1}, sum: 7 {data_points: 1, temporality: 2, monotonic: 3}}. */
function encodedMetric(gauge: Gauge, points: Uint8Array): Buffer {
  return encoded((metric) => {
    metric.text(1, gauge.name)
    metric.text(3, gauge.unit)
    metric.block(
      gauge.kind === 'gauge' ? 5 : 7,
      encoded((data) => {
        data.bytes(points)
        // Cumulative, and not monotonic.
        if (gauge.kind === 'sum') data.number(2, 2)
      }),
    )
  })
}
