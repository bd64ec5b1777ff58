import type { ServiceDefinition } from '@grpc/grpc-js'
import type { SignalKind } from '../intake.ts'

const same = (message: Buffer): Buffer => message

/** Messages are handed on as bytes: the decoder reads them as it reads HTTP's. */
export const bytes = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
} as const

const SERVICES: Readonly<Record<SignalKind, string>> = {
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
}

export const SERVICE_NAMES: readonly string[] = Object.values(SERVICES)

/** The Export method of each signal (opentelemetry-proto, collector services v1). */
export const EXPORT_METHODS = (Object.entries(SERVICES) as [SignalKind, string][]).map(
  ([signal, service]) => ({
    signal,
    service: {
      Export: { path: `/${service}/Export`, requestStream: false, responseStream: false, ...bytes },
    } satisfies ServiceDefinition,
  }),
)
