import fc from 'fast-check'

/** Generated OTLP requests, as objects for an official encoder: every field, of every type, often left out. */

const KEYS = [
  'service.name',
  'exception.type',
  'exception.message',
  'exception.stacktrace',
  'b',
  'a',
  'http.route',
  'ключ',
  '',
  'aa',
  '😀',
  '\uffee',
]
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', 'x'.repeat(63), 'é'.repeat(40), 'y'.repeat(300)),
)
const key = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...KEYS) }, { weight: 1, arbitrary: text })
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 9n, 10n, 4294967295n),
)
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const double = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1e21, 1e-7, Number.POSITIVE_INFINITY, Number.NaN, 123456789.5),
)
const idOf = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((id) => (id.some((b) => b !== 0) ? id : id.fill(7)))
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 3 })
const uint32 = fc.nat({ max: 0xffffffff })
const int32 = fc.integer()

const { any } = fc.letrec<{ any: object; attribute: object }>((tie) => ({
  attribute: fc.record({ key, value: maybe(tie('any')) }, { requiredKeys: [] }),
  any: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'any' },
    fc.record({ stringValue: text }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64.map(String) }),
    fc.record({ doubleValue: double }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 9 }) }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('any'), { maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: fc.array(tie('attribute'), { maxLength: 3 }) }) }),
  ),
}))
const attribute = fc.record({ key, value: maybe(any) })
const attributes = fc.oneof(
  { weight: 9, arbitrary: fc.array(attribute, { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.array(attribute, { minLength: 45, maxLength: 70 }) },
)

/** Within an hour before `now`, in nanoseconds. */
function time(now: number): fc.Arbitrary<string> {
  const latest = BigInt(now) * 1_000_000n
  return fc.bigInt({ min: latest - 3_600_000_000_000n, max: latest }).map(String)
}

function grouped<T>(
  resources: string,
  scopes: string,
  records: string,
  record: fc.Arbitrary<T>,
): fc.Arbitrary<object> {
  const scope = fc.record(
    { name: text, version: text, attributes, droppedAttributesCount: uint32 },
    { requiredKeys: [] },
  )
  const entity = fc.record(
    {
      schemaUrl: text,
      type: text,
      idKeys: fc.array(text, { maxLength: 2 }),
      descriptionKeys: fc.array(text, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  )
  const resource = fc.record(
    { attributes, droppedAttributesCount: uint32, entityRefs: fc.array(entity, { maxLength: 2 }) },
    { requiredKeys: ['attributes'] },
  )
  const scopeGroup = fc.record({
    scope: maybe(scope),
    [records]: fc.array(record, { maxLength: 4 }),
    schemaUrl: maybe(text),
  })
  const resourceGroup = fc.record({
    resource: maybe(resource),
    [scopes]: fc.array(scopeGroup, { maxLength: 3 }),
    schemaUrl: maybe(text),
  })
  return fc.record({ [resources]: fc.array(resourceGroup, { maxLength: 3 }) })
}

export function logsRequest(now: number): fc.Arbitrary<object> {
  const record = fc.record(
    {
      timeUnixNano: time(now),
      observedTimeUnixNano: time(now),
      severityNumber: fc.oneof(fc.nat({ max: 24 }), int32),
      severityText: text,
      body: any,
      attributes,
      droppedAttributesCount: uint32,
      flags: uint32,
      traceId: fc.oneof(idOf(16), fc.constantFrom(new Uint8Array(0), new Uint8Array(16))),
      spanId: idOf(8),
      eventName: text,
    },
    { requiredKeys: [] },
  )
  return grouped('resourceLogs', 'scopeLogs', 'logRecords', record)
}

export function tracesRequest(now: number): fc.Arbitrary<object> {
  const event = fc.record(
    {
      timeUnixNano: time(now),
      name: fc.oneof(text, fc.constant('exception')),
      attributes,
      droppedAttributesCount: uint32,
    },
    { requiredKeys: [] },
  )
  const link = fc.record(
    {
      traceId: idOf(16),
      spanId: idOf(8),
      traceState: text,
      attributes,
      droppedAttributesCount: uint32,
      flags: uint32,
    },
    { requiredKeys: [] },
  )
  const span = fc.record(
    {
      traceId: idOf(16),
      spanId: idOf(8),
      parentSpanId: idOf(8),
      traceState: text,
      name: text,
      kind: fc.oneof(fc.nat({ max: 6 }), int32),
      startTimeUnixNano: time(now),
      endTimeUnixNano: time(now),
      attributes,
      events: fc.array(event, { maxLength: 3 }),
      links: fc.array(link, { maxLength: 2 }),
      droppedAttributesCount: uint32,
      droppedEventsCount: uint32,
      droppedLinksCount: uint32,
      status: fc.record({ code: fc.integer({ min: -1, max: 4 }), message: text }, { requiredKeys: [] }),
      flags: uint32,
    },
    { requiredKeys: ['traceId', 'spanId', 'startTimeUnixNano'] },
  )
  return grouped('resourceSpans', 'scopeSpans', 'spans', span)
}

export function metricsRequest(now: number): fc.Arbitrary<object> {
  const number = fc.oneof(
    fc.record({ asDouble: double }),
    fc.record({ asInt: int64.map(String) }),
    fc.constant({}),
  )
  const exemplar = fc
    .tuple(
      fc.record(
        { filteredAttributes: attributes, timeUnixNano: time(now), spanId: idOf(8), traceId: idOf(16) },
        { requiredKeys: [] },
      ),
      number,
    )
    .map(([rest, value]) => ({ ...rest, ...value }))
  const exemplars = fc.array(exemplar, { maxLength: 2 })
  const times = { startTimeUnixNano: time(now), timeUnixNano: time(now) }
  const required = { requiredKeys: ['timeUnixNano'] } as const
  const numberPoint = fc
    .tuple(
      fc.record({ ...times, attributes, exemplars, flags: uint32 }, { requiredKeys: ['timeUnixNano'] }),
      number,
    )
    .map(([rest, value]) => ({ ...rest, ...value }))
  const totals = { ...times, attributes, flags: uint32, count: uint64.map(String), sum: double }
  const histogramPoint = fc
    .tuple(
      fc.record({ ...totals, exemplars, min: double, max: double }, required as never),
      fc.oneof(fc.constant([]), fc.array(double, { maxLength: 5 })),
      fc.array(uint64, { minLength: 6, maxLength: 6 }),
    )
    .map(([rest, bounds, counts]) => ({
      ...(rest as object),
      explicitBounds: bounds,
      bucketCounts: bounds.length === 0 ? [] : counts.slice(0, bounds.length + 1).map(String),
    }))
  const buckets = fc.record(
    { offset: int32, bucketCounts: fc.array(uint64.map(String), { maxLength: 5 }) },
    { requiredKeys: [] },
  )
  const exponentialPoint = fc.record(
    {
      ...totals,
      exemplars,
      min: double,
      max: double,
      scale: int32,
      zeroCount: uint64.map(String),
      positive: buckets,
      negative: buckets,
      zeroThreshold: double,
    },
    required as never,
  )
  const quantileValues = fc.array(fc.record({ quantile: double, value: double }), { maxLength: 3 })
  const summaryPoint = fc.record({ ...totals, quantileValues }, required as never)
  const points = (of: fc.Arbitrary<unknown>) => fc.array(of, { maxLength: 3 })
  const aggregationTemporality = fc.nat({ max: 2 })
  const data = fc.oneof(
    fc.record({ gauge: fc.record({ dataPoints: points(numberPoint) }) }),
    fc.record({
      sum: fc.record({ dataPoints: points(numberPoint), aggregationTemporality, isMonotonic: fc.boolean() }),
    }),
    fc.record({ histogram: fc.record({ dataPoints: points(histogramPoint), aggregationTemporality }) }),
    fc.record({
      exponentialHistogram: fc.record({ dataPoints: points(exponentialPoint), aggregationTemporality }),
    }),
    fc.record({ summary: fc.record({ dataPoints: points(summaryPoint) }) }),
    fc.constant({}),
  )
  const metric = fc
    .tuple(
      fc.record({ name: text, description: text, unit: text, metadata: attributes }, { requiredKeys: [] }),
      data,
    )
    .map(([rest, kind]) => ({ ...rest, ...kind }))
  return grouped('resourceMetrics', 'scopeMetrics', 'metrics', metric)
}
