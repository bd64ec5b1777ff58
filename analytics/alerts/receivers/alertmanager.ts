import { type AlertmanagerSettings, alertmanagerName } from '../../../schemas/alerts.ts'
import type { Alert } from '../../../schemas/contracts/alert.ts'
import { readSecret } from '../../../schemas/secret.ts'
import { messageOf } from '../message.ts'
import type { AlertNotice, Notice } from '../notice.ts'
import type { Receiver } from '../receiver.ts'
import { JSON_TYPE, jsonRendering, sendHttp } from './http.ts'

const REPEAT = 60_000
/** A firing alert ends by itself at Alertmanager when it was not sent again for so long: Postflight is gone, or no longer fires. */
const LIVES = 5 * REPEAT

const NAMES = {
  regression: 'PostflightRegression',
  heartbeat: 'PostflightHeartbeat',
  monitor: 'PostflightMonitor',
} as const

/**
 * Alertmanager, API v2. Its protocol wants an alert again and again, as Prometheus does it: each minute while it fires, and for some minutes after its end.
 * The labels are its identity, so people are notified once. Severity is a label, since routes there look at labels: an alert that gets worse is another one,
 * and the former ends in the same request.
 */
export function alertmanager(settings: AlertmanagerSettings): Receiver {
  const bodyOf = (notice: Notice, now: number) => (notice.kind === 'deployment' ? [] : alertsOf(notice, now))
  return {
    name: alertmanagerName(settings),
    events: new Set(['firing', 'resolved']),
    heartbeat: settings.heartbeat,
    deduplicates: true,
    repeatEvery: REPEAT,
    render: (notice, now) => jsonRendering(bodyOf(notice, now)),
    send: async (notice, now) => {
      const { headers, secrets } = await authorization(settings)
      return await sendHttp({
        url: `${settings.url.replace(/\/+$/, '')}/api/v2/alerts`,
        headers: { ...JSON_TYPE, ...headers },
        body: JSON.stringify(bodyOf(notice, now)),
        secrets,
      })
    },
  }
}

function alertsOf(notice: AlertNotice, now: number): readonly object[] {
  const { alert } = notice
  const { reasons } = messageOf(notice)
  const one = (severity: Alert['severity'], endsAt: string) => ({
    labels: {
      alertname: NAMES[alert.kind],
      service: alert.service,
      environment: alert.environment,
      version: alert.version,
      deployment: alert.deploymentId,
      severity,
      owner: alert.owner,
    },
    annotations: { summary: alert.summary, description: reasons.join('\n') },
    startsAt: alert.startsAt,
    endsAt,
    generatorURL: alert.link,
  })
  const over = new Date(now).toISOString()
  return [
    one(alert.severity, alert.endsAt ?? new Date(now + LIVES).toISOString()),
    ...notice.formerSeverities
      .filter((severity) => severity !== alert.severity)
      .map((severity) => one(severity, over)),
  ]
}

async function authorization(
  settings: AlertmanagerSettings,
): Promise<{ readonly headers: Record<string, string>; readonly secrets: readonly string[] }> {
  const token = await readSecret(settings.bearerToken, settings.bearerTokenFile)
  if (token !== '') return { headers: { authorization: `Bearer ${token}` }, secrets: [token] }
  if (settings.username === '') return { headers: {}, secrets: [] }
  const password = await readSecret(settings.password, settings.passwordFile)
  const basic = Buffer.from(`${settings.username}:${password}`).toString('base64')
  return { headers: { authorization: `Basic ${basic}` }, secrets: [password, basic] }
}
