import { setTimeout as sleep } from 'node:timers/promises'
import { metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AggregationType } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'

/**
 * A user's program whose calls and queries are measured as the semantic conventions say, by the SDK for JavaScript.
 * Arguments: `present` or `older` names of metrics and attributes; `explicit` or `exponential` buckets. Ten calls and ten queries are made before an export, twenty
 * each after it; one in five fails.
 */
const [older, exponential] = [process.argv[2] === 'older', process.argv[3] === 'exponential']
const sdk = new NodeSDK({
  instrumentations: [],
  views: exponential
    ? [{ instrumentName: '*', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }]
    : [],
})
sdk.start()
const meter = metrics.getMeter('shop')
const tracer = trace.getTracer('shop')
const calls = older
  ? meter.createHistogram('http.client.duration', { unit: 'ms' })
  : meter.createHistogram('http.client.request.duration', {
      unit: 's',
      advice: { explicitBucketBoundaries: [0.05, 0.1, 0.25, 0.5, 1] },
    })
const queries = meter.createHistogram('db.client.operation.duration', {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.001, 0.01, 0.05, 0.1] },
})

function work(times: number): void {
  for (let i = 0; i < times; i++) {
    const failed = i % 5 === 0
    const status = failed ? 503 : 200
    const call = older
      ? { 'http.method': 'GET', 'net.peer.name': 'payments', 'http.status_code': status }
      : {
          'http.request.method': 'GET',
          'server.address': 'payments',
          'http.response.status_code': status,
          ...(failed ? { 'error.type': '503' } : {}),
        }
    calls.record(older ? 200 : 0.2, call)
    const query = {
      'db.system.name': 'postgresql',
      'db.operation.name': 'SELECT',
      'db.collection.name': 'cart',
      ...(failed ? { 'error.type': '57014' } : {}),
    }
    queries.record(0.02, query)
    const now = Date.now()
    for (const [attributes, milliseconds] of [
      [call, 200],
      [{ ...query, 'db.query.summary': 'SELECT cart' }, 20],
    ] as const) {
      const span = tracer.startSpan('call', {
        kind: SpanKind.CLIENT,
        attributes,
        startTime: now - milliseconds,
      })
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(now)
    }
  }
}

work(10)
// Several intervals of the exporter, so that what is cumulative has a point before the rest.
await sleep(4 * Number(process.env['OTEL_METRIC_EXPORT_INTERVAL']))
work(20)
await sdk.shutdown()
