import { createHmac } from 'node:crypto'
import { postJson, type Receiver } from './receiver.ts'

export interface WebhookOptions {
  readonly name: string
  readonly url: string
  /** '' sends unsigned. */
  readonly secret: string
}

/**
 * Posts `{event, alert}` once when an alert fires and once when it is resolved. `X-Postflight-Signature` is `sha256=` and the HMAC-SHA256 of the
 * body in hexadecimal; `X-Postflight-Delivery` is the same for every attempt at one delivery, so that a receiver can tell a repeated one.
 */
export function webhook(options: WebhookOptions): Receiver {
  return {
    name: `webhook:${options.name}`,
    repeatEvery: null,
    send: async (alert) => {
      const { deliveries: _, ...told } = alert
      const body = JSON.stringify({ event: alert.status, alert: told })
      const signature = createHmac('sha256', options.secret).update(body).digest('hex')
      await postJson(options.url, body, {
        'x-postflight-delivery': `${alert.id}/${alert.status}`,
        ...(options.secret === '' ? {} : { 'x-postflight-signature': `sha256=${signature}` }),
      })
    },
  }
}
