/** What rows an OTLP message is to become, told from the message as an official decoder reads it: slow and by the book. */

import { exceptionKind } from '../../ingest/exceptions/fingerprint.ts'

type Message = Record<string, unknown>
const list = (value: unknown): Message[] => (value as Message[] | undefined) ?? []
const big = (value: unknown): bigint => BigInt((value as string | undefined) ?? '0')
const bytes = (value: unknown): Buffer => Buffer.from((value as Uint8Array | undefined) ?? [])

export function expectedLogs(request: Message, now: number): Record<string, unknown>[] {
  return list(request['resourceLogs']).flatMap((group) =>
    list(group['scopeLogs']).flatMap((scoped) =>
      list(scoped['logRecords']).map((record) => {
        const scope = (scoped['scope'] ?? {}) as Message
        const severity = Number(record['severityNumber'] ?? 0)
        return {
          Timestamp:
            big(record['timeUnixNano']) || big(record['observedTimeUnixNano']) || BigInt(now) * 1_000_000n,
          TraceId: id(record['traceId']),
          SpanId: id(record['spanId']),
          TraceFlags: Number(record['flags'] ?? 0) & 255,
          SeverityText: record['severityText'] ?? '',
          SeverityNumber: severity >= 0 && severity < 256 ? severity : 0,
          ServiceName: serviceName(group),
          Body: text(record['body']),
          ResourceSchemaUrl: group['schemaUrl'] ?? '',
          ResourceAttributes: resourceMap(group),
          ScopeSchemaUrl: scoped['schemaUrl'] ?? '',
          ScopeName: scope['name'] ?? '',
          ScopeVersion: scope['version'] ?? '',
          ScopeAttributes: map(scope['attributes']),
          LogAttributes: map(record['attributes']),
          EventName: record['eventName'] ?? '',
          ExceptionKind: kindOf(record['attributes']),
        }
      }),
    ),
  )
}

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']
const STATUSES = ['Unset', 'Ok', 'Error']

export function expectedSpans(request: Message): Record<string, unknown>[] {
  return list(request['resourceSpans']).flatMap((group) =>
    list(group['scopeSpans']).flatMap((scoped) =>
      list(scoped['spans']).map((span) => {
        const scope = (scoped['scope'] ?? {}) as Message
        const status = (span['status'] ?? {}) as Message
        const start = big(span['startTimeUnixNano'])
        const end = big(span['endTimeUnixNano'])
        const events = list(span['events'])
        const links = list(span['links'])
        return {
          Timestamp: start,
          TraceId: id(span['traceId']),
          SpanId: id(span['spanId']),
          ParentSpanId: id(span['parentSpanId']),
          TraceState: span['traceState'] ?? '',
          SpanName: span['name'] ?? '',
          SpanKind: KINDS[Number(span['kind'] ?? 0)] ?? '',
          ServiceName: serviceName(group),
          ResourceAttributes: resourceMap(group),
          ScopeName: scope['name'] ?? '',
          ScopeVersion: scope['version'] ?? '',
          SpanAttributes: map(span['attributes']),
          Duration: end > start ? end - start : 0n,
          StatusCode: STATUSES[Number(status['code'] ?? 0)] ?? '',
          StatusMessage: status['message'] ?? '',
          'Events.Timestamp': events.map((event) => big(event['timeUnixNano'])),
          'Events.Name': events.map((event) => event['name'] ?? ''),
          'Events.Attributes': events.map((event) => map(event['attributes'])),
          'Events.ExceptionKind': events.map((event) =>
            event['name'] === 'exception' ? kindOf(event['attributes']) : '',
          ),
          'Links.TraceId': links.map((link) => id(link['traceId'])),
          'Links.SpanId': links.map((link) => id(link['spanId'])),
          'Links.TraceState': links.map((link) => link['traceState'] ?? ''),
          'Links.Attributes': links.map((link) => map(link['attributes'])),
        }
      }),
    ),
  )
}

/** Rows by table. */
export function expectedPoints(request: Message): Record<string, Record<string, unknown>[]> {
  const tables: Record<string, Record<string, unknown>[]> = {
    gauge: [],
    sum: [],
    histogram: [],
    exponentialHistogram: [],
    summary: [],
  }
  for (const group of list(request['resourceMetrics'])) {
    for (const scoped of list(group['scopeMetrics'])) {
      for (const metric of list(scoped['metrics'])) {
        for (const kind of Object.keys(tables)) {
          const data = metric[kind] as Message | undefined
          for (const point of list(data?.['dataPoints'])) {
            tables[kind]?.push({
              ...common(group, scoped, metric, point),
              ...own(kind, data as Message, point),
            })
          }
        }
      }
    }
  }
  return tables
}

function common(group: Message, scoped: Message, metric: Message, point: Message): Record<string, unknown> {
  const scope = (scoped['scope'] ?? {}) as Message
  return {
    ResourceAttributes: resourceMap(group),
    ResourceSchemaUrl: group['schemaUrl'] ?? '',
    ScopeName: scope['name'] ?? '',
    ScopeVersion: scope['version'] ?? '',
    ScopeAttributes: map(scope['attributes']),
    ScopeDroppedAttrCount: scope['droppedAttributesCount'] ?? 0,
    ScopeSchemaUrl: scoped['schemaUrl'] ?? '',
    ServiceName: serviceName(group),
    MetricName: metric['name'] ?? '',
    MetricDescription: metric['description'] ?? '',
    MetricUnit: metric['unit'] ?? '',
    Attributes: map(point['attributes']),
    StartTimeUnix: big(point['startTimeUnixNano']),
    TimeUnix: big(point['timeUnixNano']),
    Flags: point['flags'] ?? 0,
  }
}

function own(kind: string, data: Message, point: Message): Record<string, unknown> {
  const temporality = { AggregationTemporality: data['aggregationTemporality'] ?? 0 }
  if (kind === 'gauge') return { Value: value(point), ...exemplars(point) }
  if (kind === 'sum') {
    return {
      Value: value(point),
      ...exemplars(point),
      ...temporality,
      IsMonotonic: data['isMonotonic'] ?? false,
    }
  }
  const totals = { Count: big(point['count']), Sum: point['sum'] ?? 0 }
  if (kind === 'summary') {
    const quantiles = list(point['quantileValues'])
    return {
      ...totals,
      'ValueAtQuantiles.Quantile': quantiles.map((each) => each['quantile'] ?? 0),
      'ValueAtQuantiles.Value': quantiles.map((each) => each['value'] ?? 0),
    }
  }
  const histogram = {
    ...totals,
    Min: point['min'] ?? 0,
    Max: point['max'] ?? 0,
    ...temporality,
    ...exemplars(point),
  }
  if (kind === 'histogram') {
    return {
      ...histogram,
      BucketCounts: counts(point['bucketCounts']),
      ExplicitBounds: point['explicitBounds'] ?? [],
    }
  }
  const positive = (point['positive'] ?? {}) as Message
  const negative = (point['negative'] ?? {}) as Message
  return {
    ...histogram,
    Scale: point['scale'] ?? 0,
    ZeroCount: big(point['zeroCount']),
    PositiveOffset: positive['offset'] ?? 0,
    PositiveBucketCounts: counts(positive['bucketCounts']),
    NegativeOffset: negative['offset'] ?? 0,
    NegativeBucketCounts: counts(negative['bucketCounts']),
  }
}

function counts(values: unknown): bigint[] {
  return ((values as string[] | undefined) ?? []).map(big)
}

function value(point: Message): unknown {
  return point['asInt'] === undefined ? (point['asDouble'] ?? 0) : Number(big(point['asInt']))
}

function exemplars(point: Message): Record<string, unknown> {
  const all = list(point['exemplars'])
  return {
    'Exemplars.FilteredAttributes': all.map((exemplar) => map(exemplar['filteredAttributes'])),
    'Exemplars.TimeUnix': all.map((exemplar) => big(exemplar['timeUnixNano'])),
    'Exemplars.Value': all.map(value),
    'Exemplars.SpanId': all.map((exemplar) => id(exemplar['spanId'])),
    'Exemplars.TraceId': all.map((exemplar) => id(exemplar['traceId'])),
  }
}

function id(value: unknown): string {
  const hex = bytes(value).toString('hex')
  return /^0*$/.test(hex) ? '' : hex
}

function resourceMap(group: Message): [string, string][] {
  return map(((group['resource'] ?? {}) as Message)['attributes'])
}

function serviceName(group: Message): string {
  return resourceMap(group).find(([key]) => key === 'service.name')?.[1] ?? ''
}

/** Sorted by the bytes of the keys; the last of equal keys counts. */
function map(attributes: unknown): [string, string][] {
  const entries = new Map(
    list(attributes).map((entry) => [(entry['key'] as string) ?? '', text(entry['value'])]),
  )
  return [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function text(any: unknown): string {
  const message = (any ?? {}) as Message
  if (message['stringValue'] !== undefined) return message['stringValue'] as string
  if (message['boolValue'] !== undefined) return String(message['boolValue'])
  if (message['intValue'] !== undefined) return message['intValue'] as string
  if (message['doubleValue'] !== undefined) return double(message['doubleValue'] as number)
  if (message['bytesValue'] !== undefined) return bytes(message['bytesValue']).toString('base64')
  if (message['arrayValue'] !== undefined || message['kvlistValue'] !== undefined) return json(message)
  return ''
}

function json(message: Message): string {
  if (message['arrayValue'] !== undefined) {
    return `[${list((message['arrayValue'] as Message)['values'])
      .map(json)
      .join(',')}]`
  }
  if (message['kvlistValue'] !== undefined) {
    const entries = new Map(
      list((message['kvlistValue'] as Message)['values']).map((entry) => [
        (entry['key'] as string) ?? '',
        json((entry['value'] ?? {}) as Message),
      ]),
    )
    const sorted = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return `{${sorted.map(([key, member]) => `${JSON.stringify(key)}:${member}`).join(',')}}`
  }
  const plain = text(message)
  if (message['stringValue'] !== undefined || message['bytesValue'] !== undefined)
    return JSON.stringify(plain)
  if (message['doubleValue'] !== undefined && !Number.isFinite(message['doubleValue'])) return `"${plain}"`
  return plain === '' ? 'null' : plain
}

function double(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

function kindOf(attributes: unknown): string {
  const texts = new Map(
    list(attributes).map((entry) => [entry['key'], (entry['value'] as Message | undefined)?.['stringValue']]),
  )
  const textOf = (key: string) => (texts.get(key) as string | undefined) ?? ''
  return exceptionKind({
    type: textOf('exception.type'),
    message: textOf('exception.message'),
    stack: textOf('exception.stacktrace'),
  })
}
