import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider } from '@opentelemetry/sdk-logs'
import type { OpenTelemetrySettings } from '../../../schemas/alerts.ts'
import { readSecret } from '../../../schemas/secret.ts'
import { messageOf } from '../message.ts'
import type { Notice } from '../notice.ts'
import { type Receiver, reasonOf, SEND_TIMEOUT, SendError } from '../receiver.ts'
import { jsonRendering } from './http.ts'

type LogRecord = Parameters<OTLPLogExporter['export']>[0][number]

/** OpenTelemetry's severities: ERROR, WARN, INFO. */
const SEVERITIES = { page: 17, ticket: 13, note: 9 } as const
const NAMES = { 17: 'ERROR', 13: 'WARN', 9: 'INFO' } as const

/** A log event over OTLP/HTTP, so that alerts are beside the telemetry that they speak of. */
export function openTelemetry(settings: OpenTelemetrySettings, selfObservation: string): Receiver {
  const endpoint = (settings.endpoint || selfObservation).replace(/\/+$/, '')
  return {
    name: `opentelemetry:${settings.name}`,
    events: new Set(['firing', 'acknowledged', 'resolved']),
    heartbeat: false,
    deduplicates: false,
    repeatEvery: null,
    render: (notice) => jsonRendering(eventOf(notice)),
    send: async (notice, now) => {
      const token = await readSecret(settings.bearerToken, settings.bearerTokenFile)
      const exporter = new OTLPLogExporter({
        url: `${endpoint}/v1/logs`,
        timeoutMillis: SEND_TIMEOUT,
        ...(token === '' ? {} : { headers: { authorization: `Bearer ${token}` } }),
      })
      const records: LogRecord[] = []
      const provider = new LoggerProvider({
        resource: resourceFromAttributes({ 'service.name': 'postflight' }),
        processors: [
          {
            onEmit: (record) => void records.push(record),
            forceFlush: async () => {},
            shutdown: async () => {},
          },
        ],
      })
      const { eventName, body, severityNumber, attributes } = eventOf(notice)
      provider.getLogger('postflight').emit({
        eventName,
        body,
        severityNumber,
        severityText: NAMES[severityNumber],
        timestamp: now,
        attributes,
      })
      try {
        const failure = await new Promise<unknown>((done) =>
          exporter.export(records, (result) =>
            done(result.code === 0 ? undefined : (result.error ?? new Error('The export failed'))),
          ),
        )
        if (failure !== undefined) throw sendError(failure, token)
        return 'exported'
      } finally {
        await exporter.shutdown().catch(() => {})
      }
    },
  }
}

/** The exporter has repeated what may go later by itself; its errors hold the status that it was answered with. */
function sendError(failure: unknown, token: string): SendError {
  const status = (failure as { code?: unknown }).code
  const kind =
    status === 400 ? 'refused' : typeof status === 'number' && status < 500 ? 'failed' : 'unavailable'
  return new SendError(kind, `${typeof status === 'number' ? `${status} ` : ''}${reasonOf(failure, [token])}`)
}

function eventOf(notice: Notice) {
  const message = messageOf(notice)
  const about =
    notice.kind === 'alert'
      ? {
          'postflight.alert.id': notice.alert.id,
          'postflight.alert.revision': notice.alert.revision,
          'postflight.alert.severity': notice.alert.severity,
          'postflight.alert.link': notice.alert.link,
          'postflight.alert.reasons': [...message.reasons],
          'postflight.deployment.id': notice.alert.deploymentId,
          'postflight.service': notice.alert.service,
          'postflight.version': notice.alert.version,
          'postflight.environment': notice.alert.environment,
        }
      : { 'postflight.deployment.id': notice.deployment.id }
  return {
    eventName: `postflight.alert.${notice.event}`,
    body: message.title,
    severityNumber:
      notice.kind === 'alert' && notice.event === 'firing'
        ? SEVERITIES[notice.alert.severity]
        : SEVERITIES.note,
    attributes: { 'postflight.notice.id': notice.id, ...about },
  }
}
