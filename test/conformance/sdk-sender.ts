import { context, logs, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'

/** A user's program: the OpenTelemetry SDK for JavaScript, configured by its own environment variables alone. */
const sdk = new NodeSDK({ instrumentations: [] })
sdk.start()

const tracer = trace.getTracer('shop', '1.2.3')
const parent = tracer.startSpan('GET /cart', {
  kind: SpanKind.SERVER,
  attributes: { 'http.route': '/cart', items: 3, ok: true, price: 9.5 },
})
parent.addEvent('cache miss', { key: 'c1' })
parent.recordException(new TypeError('no such item'))
parent.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' })
const inside = trace.setSpan(context.active(), parent)
const child = tracer.startSpan(
  'SELECT items',
  { kind: SpanKind.CLIENT, links: [{ context: parent.spanContext(), attributes: { why: 'test' } }] },
  inside,
)
child.setAttribute('list', ['a', 'b'])

const logger = logs.getLogger('shop', '1.2.3')
logger.emit({
  severityNumber: 17,
  severityText: 'ERROR',
  body: 'item \u{1F6D2} gone',
  attributes: { 'user.id': 'u1', count: 7, nested: { deep: [1, 'two'] } },
  context: inside,
})
logger.emit({
  body: { order: 12, lines: ['x', 'y'] },
  eventName: 'order.placed',
  timestamp: new Date(Date.now() - 60_000),
})

const meter = metrics.getMeter('shop', '1.2.3')
meter.createCounter('orders', { unit: '{order}', description: 'Orders placed' }).add(5, { route: '/cart' })
meter.createUpDownCounter('open.carts').add(-2)
meter
  .createHistogram('latency', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } })
  .record(0.25, { route: '/cart' })
meter
  .createHistogram('latency', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } })
  .record(4, { route: '/cart' })
meter.createObservableGauge('queue.length').addCallback((result) => result.observe(12.5, { queue: 'mail' }))

child.end()
parent.end()
await sdk.shutdown()
const { traceId, spanId } = parent.spanContext()
process.stdout.write(
  JSON.stringify({ traceId, parentSpanId: spanId, childSpanId: child.spanContext().spanId }),
)
