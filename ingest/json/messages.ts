/** How the value of a field is written: in JSON, and on the wire. */
export type FieldKind =
  | 'string'
  | 'hex'
  | 'base64'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'fixed32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'fixed64'
  | 'sfixed64'
  | 'double'

export interface Field {
  readonly number: number
  readonly kind: FieldKind | Message
  readonly repeated?: boolean
  /** Elements stand for themselves: one that is wrong is put aside, the others are kept. */
  readonly records?: boolean
}

export interface Message {
  readonly name: string
  /** By lowerCamelCase name; filled after all messages are declared, since values nest. */
  readonly fields: Map<string, Field>
}

function message(name: string, fields: Record<string, Field>): Message {
  return { name, fields: new Map(Object.entries(fields)) }
}

const anyValue = message('AnyValue', {})
const keyValue = message('KeyValue', {
  key: { number: 1, kind: 'string' },
  value: { number: 2, kind: anyValue },
})
const listValue = message('ArrayValue', { values: { number: 1, kind: anyValue, repeated: true } })
const mapValue = message('KeyValueList', { values: { number: 1, kind: keyValue, repeated: true } })
for (const [name, field] of Object.entries({
  stringValue: { number: 1, kind: 'string' },
  boolValue: { number: 2, kind: 'bool' },
  intValue: { number: 3, kind: 'int64' },
  doubleValue: { number: 4, kind: 'double' },
  arrayValue: { number: 5, kind: listValue },
  kvlistValue: { number: 6, kind: mapValue },
  bytesValue: { number: 7, kind: 'base64' },
} as const)) {
  anyValue.fields.set(name, field)
}

const attributes = (number: number): Field => ({ number, kind: keyValue, repeated: true })
const times = {
  startTimeUnixNano: { number: 2, kind: 'fixed64' },
  timeUnixNano: { number: 3, kind: 'fixed64' },
} as const

const resource = message('Resource', {
  attributes: attributes(1),
  droppedAttributesCount: { number: 2, kind: 'uint32' },
})
const scope = message('InstrumentationScope', {
  name: { number: 1, kind: 'string' },
  version: { number: 2, kind: 'string' },
  attributes: attributes(3),
  droppedAttributesCount: { number: 4, kind: 'uint32' },
})

const logRecord = message('LogRecord', {
  timeUnixNano: { number: 1, kind: 'fixed64' },
  severityNumber: { number: 2, kind: 'enum' },
  severityText: { number: 3, kind: 'string' },
  body: { number: 5, kind: anyValue },
  attributes: attributes(6),
  droppedAttributesCount: { number: 7, kind: 'uint32' },
  flags: { number: 8, kind: 'fixed32' },
  traceId: { number: 9, kind: 'hex' },
  spanId: { number: 10, kind: 'hex' },
  observedTimeUnixNano: { number: 11, kind: 'fixed64' },
  eventName: { number: 12, kind: 'string' },
})

const spanEvent = message('Span.Event', {
  timeUnixNano: { number: 1, kind: 'fixed64' },
  name: { number: 2, kind: 'string' },
  attributes: attributes(3),
  droppedAttributesCount: { number: 4, kind: 'uint32' },
})
const spanLink = message('Span.Link', {
  traceId: { number: 1, kind: 'hex' },
  spanId: { number: 2, kind: 'hex' },
  traceState: { number: 3, kind: 'string' },
  attributes: attributes(4),
  droppedAttributesCount: { number: 5, kind: 'uint32' },
  flags: { number: 6, kind: 'fixed32' },
})
const status = message('Status', {
  message: { number: 2, kind: 'string' },
  code: { number: 3, kind: 'enum' },
})
const span = message('Span', {
  traceId: { number: 1, kind: 'hex' },
  spanId: { number: 2, kind: 'hex' },
  traceState: { number: 3, kind: 'string' },
  parentSpanId: { number: 4, kind: 'hex' },
  name: { number: 5, kind: 'string' },
  kind: { number: 6, kind: 'enum' },
  startTimeUnixNano: { number: 7, kind: 'fixed64' },
  endTimeUnixNano: { number: 8, kind: 'fixed64' },
  attributes: attributes(9),
  droppedAttributesCount: { number: 10, kind: 'uint32' },
  events: { number: 11, kind: spanEvent, repeated: true },
  droppedEventsCount: { number: 12, kind: 'uint32' },
  links: { number: 13, kind: spanLink, repeated: true },
  droppedLinksCount: { number: 14, kind: 'uint32' },
  status: { number: 15, kind: status },
  flags: { number: 16, kind: 'fixed32' },
})

const exemplar = message('Exemplar', {
  timeUnixNano: { number: 2, kind: 'fixed64' },
  asDouble: { number: 3, kind: 'double' },
  spanId: { number: 4, kind: 'hex' },
  traceId: { number: 5, kind: 'hex' },
  asInt: { number: 6, kind: 'sfixed64' },
  filteredAttributes: attributes(7),
})
const numberPoint = message('NumberDataPoint', {
  ...times,
  asDouble: { number: 4, kind: 'double' },
  exemplars: { number: 5, kind: exemplar, repeated: true },
  asInt: { number: 6, kind: 'sfixed64' },
  attributes: attributes(7),
  flags: { number: 8, kind: 'uint32' },
})
const histogramPoint = message('HistogramDataPoint', {
  ...times,
  count: { number: 4, kind: 'fixed64' },
  sum: { number: 5, kind: 'double' },
  bucketCounts: { number: 6, kind: 'fixed64', repeated: true },
  explicitBounds: { number: 7, kind: 'double', repeated: true },
  exemplars: { number: 8, kind: exemplar, repeated: true },
  attributes: attributes(9),
  flags: { number: 10, kind: 'uint32' },
  min: { number: 11, kind: 'double' },
  max: { number: 12, kind: 'double' },
})
const buckets = message('Buckets', {
  offset: { number: 1, kind: 'sint32' },
  bucketCounts: { number: 2, kind: 'uint64', repeated: true },
})
const exponentialPoint = message('ExponentialHistogramDataPoint', {
  ...times,
  attributes: attributes(1),
  count: { number: 4, kind: 'fixed64' },
  sum: { number: 5, kind: 'double' },
  scale: { number: 6, kind: 'sint32' },
  zeroCount: { number: 7, kind: 'fixed64' },
  positive: { number: 8, kind: buckets },
  negative: { number: 9, kind: buckets },
  flags: { number: 10, kind: 'uint32' },
  exemplars: { number: 11, kind: exemplar, repeated: true },
  min: { number: 12, kind: 'double' },
  max: { number: 13, kind: 'double' },
  zeroThreshold: { number: 14, kind: 'double' },
})
const quantile = message('ValueAtQuantile', {
  quantile: { number: 1, kind: 'double' },
  value: { number: 2, kind: 'double' },
})
const summaryPoint = message('SummaryDataPoint', {
  ...times,
  count: { number: 4, kind: 'fixed64' },
  sum: { number: 5, kind: 'double' },
  quantileValues: { number: 6, kind: quantile, repeated: true },
  attributes: attributes(7),
  flags: { number: 8, kind: 'uint32' },
})

const points = (kind: Message): Record<string, Field> => ({
  dataPoints: { number: 1, kind, repeated: true, records: true },
})
const temporality = { aggregationTemporality: { number: 2, kind: 'enum' } } as const
const metric = message('Metric', {
  name: { number: 1, kind: 'string' },
  description: { number: 2, kind: 'string' },
  unit: { number: 3, kind: 'string' },
  gauge: { number: 5, kind: message('Gauge', points(numberPoint)) },
  sum: {
    number: 7,
    kind: message('Sum', {
      ...points(numberPoint),
      ...temporality,
      isMonotonic: { number: 3, kind: 'bool' },
    }),
  },
  histogram: { number: 9, kind: message('Histogram', { ...points(histogramPoint), ...temporality }) },
  exponentialHistogram: {
    number: 10,
    kind: message('ExponentialHistogram', { ...points(exponentialPoint), ...temporality }),
  },
  summary: { number: 11, kind: message('Summary', points(summaryPoint)) },
})

/** ExportLogsServiceRequest and its like: resources, in them scopes, in them what `records` is. */
function request(
  name: string,
  resources: string,
  scopes: string,
  records: string,
  kind: Message,
  whole: boolean,
): Message {
  const schemaUrl = { number: 3, kind: 'string' } as const
  const scopeGroup = message(`Scope${name}`, {
    scope: { number: 1, kind: scope },
    [records]: { number: 2, kind, repeated: true, records: whole },
    schemaUrl,
  })
  const resourceGroup = message(`Resource${name}`, {
    resource: { number: 1, kind: resource },
    [scopes]: { number: 2, kind: scopeGroup, repeated: true },
    schemaUrl,
  })
  return message(`Export${name}ServiceRequest`, {
    [resources]: { number: 1, kind: resourceGroup, repeated: true },
  })
}

/** The request of each signal, as opentelemetry-proto 1.x defines it. */
export const REQUESTS = {
  logs: request('Logs', 'resourceLogs', 'scopeLogs', 'logRecords', logRecord, true),
  traces: request('Trace', 'resourceSpans', 'scopeSpans', 'spans', span, true),
  // Of metrics, the points are the records.
  metrics: request('Metrics', 'resourceMetrics', 'scopeMetrics', 'metrics', metric, false),
} as const
