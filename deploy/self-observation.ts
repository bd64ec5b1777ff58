import type { IncomingMessage, ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { logs, type SeverityNumber } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { startNodeSDK } from '@opentelemetry/sdk-node'
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace'
import type { Config } from '../schemas/config.ts'
import { PostflightError } from '../schemas/errors.ts'

export interface SelfObservation {
  /** Answers with Prometheus text. */
  readonly metricsHandler: (request: IncomingMessage, response: ServerResponse) => void
  /** Takes pino's lines and sends them as log records; swallows them where nothing is exported. */
  readonly logStream: Writable
  /** Sends what is still held. */
  close(): Promise<void>
}

const METRICS_EVERY = 15_000
const SEND_WITHIN = 5_000

/**
 * Registers OpenTelemetry's SDK for Postflight itself. To be called before the rooms are imported: their meters are made on
 * import, and one made before the SDK is registered measures nothing. Nothing is instrumented automatically, so that neither
 * an export nor its receipt makes spans of its own.
 * @throws PostflightError CONFIG_INVALID if Postflight would send to itself without `allowSelf`
 */
export function startSelfObservation(config: Config, version: string): SelfObservation {
  const { endpoint } = config.selfObservation
  refuseLoop(config)
  const prometheus = new PrometheusExporter({ preventServerStart: true })
  const url = (signal: string) => `${endpoint.replace(/\/+$/, '')}/v1/${signal}`
  const options = (signal: string) => ({ url: url(signal), timeoutMillis: SEND_WITHIN })
  const sends = endpoint !== ''
  const sdk = startNodeSDK({
    logLevel: 'error',
    resourceDetectors: [],
    resourceAttributes: { 'service.name': 'postflight', 'service.version': version },
    spanProcessors: sends
      ? [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(options('traces')) })]
      : [],
    metricReaders: [
      prometheus,
      ...(sends
        ? [
            new PeriodicExportingMetricReader({
              exporter: new OTLPMetricExporter(options('metrics')),
              exportIntervalMillis: METRICS_EVERY,
            }),
          ]
        : []),
    ],
    logRecordProcessors: sends
      ? [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(options('logs')) })]
      : [],
  })
  return {
    metricsHandler: (request, response) => prometheus.getMetricsRequestHandler(request, response),
    logStream: sends ? logRecords() : new Writable({ write: (_chunk, _encoding, done) => done() }),
    close: async () => {
      // An observer that does not answer must not keep Postflight from stopping.
      await Promise.race([
        sdk.shutdown().catch(() => {}),
        new Promise((done) => setTimeout(done, SEND_WITHIN).unref()),
      ])
    },
  }
}

function refuseLoop(config: Config): void {
  const { endpoint, allowSelf } = config.selfObservation
  if (endpoint === '' || allowSelf) return
  const { hostname, port, protocol } = new URL(endpoint)
  const sentTo = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
  const host = hostname.replace(/^\[|\]$/g, '')
  const here =
    host === config.otlp.host ||
    host === 'localhost' ||
    host === '::1' ||
    host === '0.0.0.0' ||
    /^127\./.test(host)
  if (!here || sentTo !== config.otlp.port) return
  throw new PostflightError(
    'CONFIG_INVALID',
    `selfObservation.endpoint (${endpoint}) is Postflight's own receiver.`,
    {
      hint: 'Send it elsewhere, or set selfObservation.allowSelf to true if this is what you want.',
    },
  )
}

/** pino's levels (10 trace ... 60 fatal) are OpenTelemetry's severities (1 trace ... 21 fatal) counted in fours. */
function severity(level: number): SeverityNumber {
  return (Math.min(6, Math.max(1, Math.round(level / 10))) * 4 - 3) as SeverityNumber
}

function logRecords(): Writable {
  const logger = logs.getLogger('postflight')
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        const {
          level,
          time,
          msg,
          pid: _pid,
          hostname: _hostname,
          err,
          ...rest
        } = JSON.parse(chunk.toString())
        logger.emit({
          severityNumber: severity(level),
          timestamp: time,
          body: msg,
          attributes: {
            ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, text(value)])),
            ...(err === undefined
              ? {}
              : {
                  'exception.type': err.type,
                  'exception.message': err.message,
                  'exception.stacktrace': err.stack,
                }),
          },
        })
      } catch {
        // A line that is no JSON was not written by pino.
      }
      done()
    },
  })
}

function text(value: unknown): string | number | boolean {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'
    ? value
    : JSON.stringify(value)
}
