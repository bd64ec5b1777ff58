import { metrics } from '@opentelemetry/api'

const meter = metrics.getMeter('postflight')

const duration = meter.createHistogram('postflight.api.request.duration', {
  description: 'Time to answer a request of the API or pages',
  unit: 's',
  advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] },
})
const refusals = meter.createCounter('postflight.api.refusals', {
  description: 'Requests refused for want of a key, scope or origin',
})

/** @param seconds to the end of the answer; `route` is the pattern, so that versions do not make series */
export function requestAnswered(seconds: number, route: string, method: string, status: number): void {
  duration.record(seconds, {
    'http.route': route,
    'http.request.method': method,
    'http.response.status_code': status,
  })
}

export function requestRefused(reason: 'unauthenticated' | 'forbidden' | 'rate_limited'): void {
  refusals.add(1, { reason })
}
