import { createHmac } from 'node:crypto'
import type { WebhookSettings } from '../../../schemas/alerts.ts'
import { readSecret } from '../../../schemas/secret.ts'
import type { Notice } from '../notice.ts'
import type { Receiver } from '../receiver.ts'
import { JSON_TYPE, jsonRendering, sendHttp, urlSecrets } from './http.ts'

/**
 * Posts `{event, alert}`, signed as Standard Webhooks 1.0 says: `webhook-id` is the same for every attempt at one message, so that a receiver can tell a repeated one;
 * `webhook-signature` is `v1,` and the HMAC-SHA256 (base64) of id, `webhook-timestamp` (seconds) and body joined by dots, so that an old message cannot be played again.
 */
export function webhook(settings: WebhookSettings): Receiver {
  return {
    name: `webhook:${settings.name}`,
    events: new Set(['firing', 'acknowledged', 'resolved']),
    heartbeat: false,
    deduplicates: true,
    repeatEvery: null,
    render: (notice) => jsonRendering(bodyOf(notice)),
    send: async (notice, now) => {
      const url = await readSecret(settings.url, settings.urlFile)
      const secret = await readSecret(settings.secret, settings.secretFile)
      const body = JSON.stringify(bodyOf(notice))
      const timestamp = String(Math.floor(now / 1000))
      return await sendHttp({
        url,
        headers: {
          ...JSON_TYPE,
          'webhook-id': notice.id,
          'webhook-timestamp': timestamp,
          ...(secret === '' ? {} : { 'webhook-signature': signature(secret, notice.id, timestamp, body) }),
        },
        body,
        secrets: [secret, ...urlSecrets(url)],
      })
    },
  }
}

function bodyOf(notice: Notice): object {
  return notice.kind === 'alert'
    ? { event: notice.event, alert: notice.alert }
    : { event: notice.event, deployment: notice.deployment }
}

/** @param secret `whsec_` and base64, or any text, which is taken as bytes */
function signature(secret: string, id: string, timestamp: string, body: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret)
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}
