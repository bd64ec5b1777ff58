import { metrics, trace } from '@opentelemetry/api'

/** Every metric and span that analysis emits. */
export const tracer = trace.getTracer('postflight')

const meter = metrics.getMeter('postflight')

export const reportsComputed = meter.createCounter('postflight.reports.computed', {
  description: 'Reports computed, by state',
})
export const reportDuration = meter.createHistogram('postflight.report.duration', {
  description: 'Time to compute and store a report',
  unit: 's',
})
export const roundDuration = meter.createHistogram('postflight.analysis.round.duration', {
  description: 'Time of one look at all deployments',
  unit: 's',
})
export const roundsFailed = meter.createCounter('postflight.analysis.rounds.failed', {
  description: 'Looks that ended with an error',
})
export const alertDeliveries = meter.createCounter('postflight.alerts.deliveries', {
  description: 'Alert notifications sent, by receiver and outcome',
})
export const monitorLookDuration = meter.createHistogram('postflight.monitor.look.duration', {
  description: 'Time of one look at all watched deployments',
  unit: 's',
})
export const monitorWatches = meter.createGauge('postflight.monitor.watches', {
  description: 'Deployments that are watched',
})
